// The portable client: the same commands as promises, over whatever runs them, and those that wait.
import { type Arg, checkArgs, Command, commandsOf, isPlain, type Many, type WaitOptions } from "./arguments.js";
import { chain, commands, install, type PortableMulti, type PortablePipeline, type Promised, transact } from "./chain.js";
import { ClosedError, ReplyError } from "./errors.js";
import { type Commands, type HscanOptions, type ScanOptions, type SscanOptions, type Waiting, WAITING, type ZscanOptions } from "./generated/commands.js";
import type { Connection, Instance } from "./instance.js";
import { encodeCommand, type Reply } from "./resp.js";
import { promisedScan, promisedScanPairs, scoreOf } from "./scan.js";
import { Inbox, type Listener, type Sessions, sessionsOf, type SubscribeOptions, Subscription } from "./subscription.js";

/** What runs a portable client's commands: one session somewhere, and more sessions where it is. */
export interface Executor extends Sessions {
  /** The database its session has selected: what waits are sent to. */
  readonly database: number;
  /** Runs one command; rejects with a {@link ReplyError} for an error. */
  run(args: readonly Arg[], binary: boolean): Promise<Reply>;
  /** Runs several, with nothing in between; errors are among the replies. As a transaction null says that a watched key changed. */
  batch(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): Promise<Reply[] | null>;
  /** Resolves when all that was done so far is durable. */
  durable(): Promise<void>;
  /** Resolves when what was sent so far on sessions of `connect` has arrived; where there is none, it has at once. */
  arrived?(): Promise<void>;
  /** Another one in the same place, with a session of its own. */
  client(): Executor;
  /** Ends its session. */
  close(): Promise<void>;
}

/** Runs commands on an engine in this program: what it has promised is already done. */
export class LocalExecutor implements Executor {
  readonly #instance: Instance;
  #session: number;
  readonly connect: Sessions["connect"];
  readonly whyEnded: Sessions["whyEnded"];
  readonly attend: Sessions["attend"];
  database = 0;

  constructor(instance: Instance) {
    this.#instance = instance;
    this.#session = instance.door.open(true);
    ({ connect: this.connect, whyEnded: this.whyEnded, attend: this.attend } = sessionsOf(instance));
  }

  #call(args: readonly Arg[], binary: boolean): Reply {
    const reply = this.#instance.call(this.#session, args, binary);
    if (reply === undefined) {
      this.#session = -1;
      throw new ClosedError("this client");
    }
    this.#note(args, reply);
    return reply;
  }

  run(args: readonly Arg[], binary: boolean): Promise<Reply> {
    try {
      const reply = this.#call(args, binary);
      if (reply instanceof ReplyError) return Promise.reject(reply);
      return this.#acknowledged()?.then(() => reply) ?? Promise.resolve(reply);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** Under `appendfsync always` a promise is kept when what it acknowledges is durable. */
  #acknowledged(): Promise<void> | undefined {
    const { persistence } = this.#instance;
    return persistence?.holds ? persistence.durable() : undefined;
  }

  durable(): Promise<void> {
    return this.#instance.persistence?.durable() ?? Promise.reject(new TypeError("this database is kept nowhere: it was opened without storage"));
  }

  async batch(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): Promise<Reply[] | null> {
    const call = (args: readonly Arg[]) => this.#call(args, binary);
    const replies = atomic ? transact(call, commands) : commands.map(call);
    if (atomic) commands.forEach((args, index) => this.#note(args, replies?.[index]));
    await this.#acknowledged();
    return replies;
  }

  /** Remembers which database a successful SELECT has selected. */
  #note(args: readonly Arg[], reply: Reply | undefined): void {
    if (reply === "OK" && args.length === 2 && /^select$/i.test(String(args[0]))) this.database = Number(args[1]);
  }

  client(): Executor {
    return new LocalExecutor(this.#instance);
  }

  async close(): Promise<void> {
    if (this.#session >= 0 && !this.#instance.closed) this.#instance.door.end(this.#session);
    this.#session = -1;
  }
}

/** Sessions for waits that are kept for the next wait. */
const SPARE = 8;

/** A session on which one command waits at a time. */
class Lane {
  readonly #connection: Connection;
  #database = 0;
  #skipped = 0;
  #settle: ((reply: Reply | undefined) => void) | undefined;
  isOpen = true;

  constructor(sessions: Sessions, binary: boolean) {
    const take = (reply: Reply, isPush: boolean) => {
      if (isPush) return;
      if (this.#skipped > 0) this.#skipped--;
      else this.#end(reply);
    };
    this.#connection = sessions.connect(
      new Inbox(binary, take, () => {
        this.isOpen = false;
        this.#end(undefined);
      }),
    );
  }

  #end(reply: Reply | undefined): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(reply);
  }

  /** Sends a command; `settle` gets its reply, undefined when the session ended instead. */
  send(args: readonly Arg[], database: number, settle: (reply: Reply | undefined) => void): void {
    this.#settle = settle;
    if (database !== this.#database) {
      this.#skipped++;
      this.#database = database;
      this.#connection.receive(encodeCommand(["SELECT", database]));
    }
    this.#connection.receive(encodeCommand(args));
  }

  close(): void {
    this.isOpen = false;
    this.#settle = undefined;
    this.#connection.close();
  }
}

/** Every command is a method that promises its reply: see {@link Commands} and {@link Waiting}. */
export interface Portable<B = string> extends Promised<Omit<Commands<B>, keyof Waiting>>, Promised<Waiting<B>> {}

/**
 * A client that promises replies, over an engine in this program or elsewhere. A command is on its way, in order,
 * when its method returns. Commands that wait do so on sessions of their own, in the database selected when they
 * are called, so that others go on meanwhile.
 */
export class Portable<B = string> {
  readonly #executor: Executor;
  readonly #isBinary: boolean;
  readonly #spare: Lane[] = [];
  readonly #busy = new Map<Lane, (error: unknown) => void>();
  #other: Portable<unknown> | undefined;
  #isClosed = false;

  constructor(executor: Executor, isBinary = false) {
    this.#executor = executor;
    this.#isBinary = isBinary;
  }

  /** Runs any command; rejects with a {@link ReplyError} where Redis answers an error. */
  call(...args: Arg[]): Promise<Reply> {
    return this.#run(() => checkArgs(args), isWaiting.has(String(args[0]).toUpperCase()));
  }

  /** @internal */
  static send(client: Portable<unknown>, command: Command, args: unknown[], mayWait: boolean): Promise<Reply> {
    let signal: AbortSignal | undefined;
    if (mayWait && isPlain(args.at(-1))) {
      const { signal: given, ...options } = args.pop() as WaitOptions;
      signal = given;
      if (Object.keys(options).length > 0) args.push(options);
    }
    return (command.isBinary ? client.binary() : client).#run(() => command.encode(args), mayWait, signal);
  }

  #run(wire: () => readonly Arg[], mayWait: boolean, signal?: AbortSignal): Promise<Reply> {
    try {
      if (this.#isClosed) throw new ClosedError("this client");
      return mayWait ? this.#wait(wire(), signal) : this.#executor.run(wire(), this.#isBinary);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #wait(wire: readonly Arg[], signal: AbortSignal | undefined): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const lane = this.#spare.pop() ?? new Lane(this.#executor, this.#isBinary);
      let rest = () => {};
      const finish = () => {
        rest();
        signal?.removeEventListener("abort", abort);
        this.#busy.delete(lane);
      };
      const fail = (error: unknown) => {
        finish();
        // Its session leaves every queue with it.
        lane.close();
        reject(error);
      };
      const abort = () => fail(signal!.reason);
      this.#busy.set(lane, fail);
      lane.send(wire, this.#executor.database, (reply) => {
        finish();
        if (reply === undefined) {
          reject(this.#executor.whyEnded() ?? new ClosedError());
          return;
        }
        if (lane.isOpen && this.#spare.length < SPARE) this.#spare.push(lane);
        else queueMicrotask(() => lane.close());
        if (reply instanceof ReplyError) reject(reply);
        else resolve(reply);
      });
      if (!this.#busy.has(lane)) return;
      rest = this.#executor.attend();
      signal?.addEventListener("abort", abort);
    });
  }

  /** Resolves when all that was done so far would survive the end of the program that holds the database. */
  durable(): Promise<void> {
    return this.#executor.durable();
  }

  /** The same client on the same session, whose bulk strings are `Uint8Array`s. Keys of maps and channels stay text. */
  binary(): Portable<Uint8Array> {
    if (this.#isBinary) return this as Portable<unknown> as Portable<Uint8Array>;
    if (!this.#other) {
      this.#other = new Portable<unknown>(this.#executor, true);
      this.#other.#isClosed = this.#isClosed;
      this.#other.#other = this as Portable<unknown>;
    }
    return this.#other as Portable<Uint8Array>;
  }

  /** Another client of the same database, with a session of its own. */
  client(): Portable<B> {
    return new Portable(this.#executor.client(), this.#isBinary);
  }

  /** Gathers commands, to be sent together by `exec`. */
  pipeline(): PortablePipeline<B> {
    return chain<B, { atomic: false; promised: true }>(this.#isBinary, (commands) => this.#executor.batch(commands, false, this.#isBinary));
  }

  /** Gathers commands, to be run by `exec` as one transaction that depends on the keys watched before. */
  multi(): PortableMulti<B> {
    return chain<B, { atomic: true; promised: true }>(this.#isBinary, (commands) => this.#executor.batch(commands, true, this.#isBinary));
  }

  /**
   * Reads and writes as one: watches keys, calls `work` with a client of its own for reading and a transaction to fill
   * and return, and runs that; from the start again when one of the keys was changed meanwhile, at most `tries`
   * times. Answers the transaction's replies, null when `work` returned none.
   */
  async transaction<R>(
    keys: Many,
    work: (client: Portable<B>, multi: PortableMulti<B>) => Promise<{ exec(): Promise<R> } | undefined | null | void>,
    { tries = 32 }: { tries?: number } = {},
  ): Promise<R | null> {
    const client = this.client();
    try {
      if (this.#executor.database !== 0) await client.select(this.#executor.database);
      for (let i = 0; i < tries; i++) {
        await client.watch(keys);
        const filled = await work(client, client.multi());
        if (!filled) return null;
        const replies = await filled.exec();
        if (replies !== null) return replies;
      }
      throw new Error(`the transaction was given up: its keys were changed by others ${tries} times`);
    } finally {
      await client.close();
    }
  }

  /** Listens to channels: iterate over what this promises, or give a listener. */
  subscribe(channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Promise<Subscription<B>> {
    return this.#listen("SUBSCRIBE", channels, listener, options);
  }

  /** Listens to the channels that fit patterns. */
  psubscribe(patterns: Many, listener?: Listener<B>, options?: SubscribeOptions): Promise<Subscription<B>> {
    return this.#listen("PSUBSCRIBE", patterns, listener, options);
  }

  /** Listens to shard channels. */
  ssubscribe(channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Promise<Subscription<B>> {
    return this.#listen("SSUBSCRIBE", channels, listener, options);
  }

  async #listen(command: string, channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Promise<Subscription<B>> {
    if (this.#isClosed) throw new ClosedError("this client");
    const subscription = new Subscription(this.#executor, command, channels, this.#isBinary, listener, options);
    await this.#executor.arrived?.();
    return subscription;
  }

  /** Iterates over keys, with SCAN's guarantees: what is there throughout is met, perhaps more than once. */
  scanIterator(options?: ScanOptions): AsyncGenerator<B, void, undefined> {
    return promisedScan((cursor) => this.scan(cursor, options));
  }

  /** Iterates over the members of a set. */
  sscanIterator(key: Arg, options?: SscanOptions): AsyncGenerator<B, void, undefined> {
    return promisedScan((cursor) => this.sscan(key, cursor, options));
  }

  /** Iterates over the fields of a hash with their values. */
  hscanIterator(key: Arg, options?: HscanOptions & { novalues?: false }): AsyncGenerator<[field: B, value: B], void, undefined> {
    return promisedScanPairs((cursor) => this.hscan(key, cursor, options));
  }

  /** Iterates over the members of a sorted set with their scores. */
  async *zscanIterator(key: Arg, options?: ZscanOptions): AsyncGenerator<[member: B, score: number], void, undefined> {
    for await (const [member, score] of promisedScanPairs((cursor) => this.zscan(key, cursor, options))) yield [member, scoreOf(score)];
  }

  /** Ends this client's sessions. What waits on them is rejected; the database stays open. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const lane of this.#spare.splice(0)) lane.close();
    for (const fail of [...this.#busy.values()]) fail(new ClosedError("this client"));
    await this.#other?.close();
    await this.#executor.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

const waiting = commandsOf(WAITING);
const isWaiting = new Set(waiting.map(({ words }) => words.join(" ")));

for (const [list, mayWait] of [[commands, false], [waiting, true]] as const) {
  install(Portable.prototype, list, (command) => function (this: Portable<unknown>, ...args: unknown[]) {
    return Portable.send(this, command, args, mayWait);
  });
}
