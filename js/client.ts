// The in-process client: synchronous methods that return values directly.
import { type Arg, checkArgs, type Command, type Many } from "./arguments.js";
import { chain, commands, install, type Multi, type Pipeline, type Sync, transact } from "./chain.js";
import type { Copies, Copy } from "./copies.js";
import { isShort, type Short } from "./door.js";
import { ClosedError, ReplyError } from "./errors.js";
import type { Commands, HscanOptions, ScanOptions, SscanOptions, ZscanOptions } from "./generated/commands.js";
import type { Instance } from "./instance.js";
import type { Recovered } from "./persistence.js";
import { LocalExecutor, Portable } from "./portable.js";
import type { Reply } from "./resp.js";
import { scan, scanPairs, scoreOf } from "./scan.js";
import { type Listener, sessionsOf, type SubscribeOptions, Subscription } from "./subscription.js";

/** Every command that does not wait is a method: see {@link Commands}. */
export interface Cachelet<B = string> extends Sync<Commands<B>> {}

/**
 * A client of a database in this program. It has a session of its own: selected database, watched keys, name. `B` is
 * what bulk strings come as: text, or bytes after {@link Cachelet.binary}.
 */
export class Cachelet<B = string> {
  /** The engine and its sessions: what servers are started on. */
  readonly instance: Instance;
  // Plain fields: every command goes through them. A session of -1 is a closed one.
  private session: number;
  private readonly isBinary: boolean;
  /** Values that were read, and which of them this client may be given. */
  private readonly copies: Copies;
  /** @internal */
  live = 0;
  /** The view with the other kind of replies, on the same session. */
  #other: Cachelet<unknown> | undefined;
  #portable: Portable<B> | undefined;
  readonly #isFirst: boolean;

  /** Clients are made by `open`, {@link client} and {@link binary}. The first one of a database closes it. */
  constructor(instance: Instance, role: "first" | "further" | Cachelet<unknown> = "first") {
    const isView = typeof role === "object";
    this.instance = instance;
    this.session = isView ? role.session : instance.door.open(true);
    this.isBinary = isView;
    this.copies = instance.door.copies;
    this.#isFirst = role === "first";
    if (isView) this.#other = role;
  }

  /** Whether this client, or its database, was closed. */
  get closed(): boolean {
    return this.session < 0 || this.instance.closed;
  }

  /**
   * Runs any command; throws a {@link ReplyError} where Redis answers an error. A command that may wait answers what
   * is there, and throws a TypeError where it would have to wait.
   */
  call(...args: Arg[]): Reply {
    return this.run(checkArgs(args));
  }

  /** Runs what is on the wire: the way of all methods that have no shorter one. */
  private run(wire: readonly Arg[]): Reply {
    return this.checked(this.instance.call(this.session, wire, this.isBinary), wire);
  }

  /** Runs the command at a place in the table, with the first `count` of these arguments. */
  private send(place: number, name: string, count: number, a: Short, b: Short, c: Short): Reply {
    const { instance } = this;
    const index = instance.door.find(place, name);
    if (index < 0) return this.run([name, a, b, c].slice(0, count + 1));
    const reply = instance.run(this.session, index, this.isBinary, count, a, b, c);
    return typeof reply === "string" || typeof reply === "number" ? reply : this.checked(reply, [name]);
  }

  /** Runs the command at a place in the table with all its arguments; `wire` begins with its name. */
  private sendAll(place: number, wire: readonly Arg[]): Reply {
    const { instance } = this;
    const index = instance.door.find(place, wire[0] as string);
    if (index < 0) return this.run(wire);
    return this.checked(instance.runAll(this.session, index, this.isBinary, wire), wire);
  }

  /** GET of text. */
  private read(place: number, key: string, copy: Copy | undefined): Reply {
    const { instance } = this;
    const index = instance.door.find(place, "GET");
    return this.checked(index < 0 ? instance.call(this.session, ["GET", key]) : instance.read(this, this.session, index, key, copy), ["GET"]);
  }

  /** What to return for a reply, unless it is to be thrown. */
  private checked(reply: Reply | undefined, wire: readonly Arg[]): Reply {
    if (typeof reply === "string" || typeof reply === "number") return reply;
    if (reply instanceof ReplyError) throw reply;
    return reply === undefined ? this.#noReply(wire) : reply;
  }

  /** No reply: the session is gone, or waits, which nobody could end. */
  #noReply(wire: readonly Arg[]): never {
    const { door } = this.instance;
    if (this.session < 0 || door.isToClose(this.session)) {
      this.#end();
      throw new ClosedError("this client");
    }
    const helper = door.open(true);
    this.instance.call(helper, ["CLIENT", "UNBLOCK", door.clientId(this.session)]);
    door.end(helper);
    for (let out = door.output(this.session, 1 << 16); out.length > 0; out = door.output(this.session, 1 << 16)) door.sent(this.session, out.length);
    throw new TypeError(`${wire[0]} would wait, and nothing else could run meanwhile: use the portable client`);
  }

  /** The same client on the same session, whose bulk strings are `Uint8Array`s. Keys of maps and channels stay text. */
  binary(): Cachelet<Uint8Array> {
    if (this.isBinary) return this as Cachelet<unknown> as Cachelet<Uint8Array>;
    this.#other ??= new Cachelet<Uint8Array>(this.instance, this as Cachelet<unknown>) as Cachelet<unknown>;
    return this.#other as Cachelet<Uint8Array>;
  }

  /** Another client of the same database, with a session of its own. */
  client(): Cachelet<B> {
    const client: Cachelet<unknown> = new Cachelet(this.instance, "further");
    return (this.isBinary ? client.binary() : client) as Cachelet<B>;
  }

  /**
   * The twin that promises its replies and has the commands that wait. It has a session of its own, and is closed
   * with this client.
   */
  portable(): Portable<B> {
    if (this.session < 0) throw new ClosedError("this client");
    this.#portable ??= new Portable<B>(new LocalExecutor(this.instance), this.isBinary);
    return this.#portable;
  }

  /** Gathers commands, to be run one after the other by `exec`. */
  pipeline(): Pipeline<B> {
    return chain<B, { atomic: false; promised: false }>(this.isBinary, (commands) => commands.map((wire) => this.#reply(wire)));
  }

  /** Gathers commands, to be run by `exec` as one transaction that depends on the keys watched before. */
  multi(): Multi<B> {
    return chain<B, { atomic: true; promised: false }>(this.isBinary, (commands) => transact((wire) => this.#reply(wire), commands));
  }

  /** A reply with errors as values. */
  #reply(wire: readonly Arg[]): Reply {
    try {
      return this.run(wire);
    } catch (error) {
      if (error instanceof ReplyError) return error;
      throw error;
    }
  }

  /** Listens to channels: iterate over what this returns, or give a listener. */
  subscribe(channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Subscription<B> {
    return this.#listen("SUBSCRIBE", channels, listener, options);
  }

  /** Listens to the channels that fit patterns. */
  psubscribe(patterns: Many, listener?: Listener<B>, options?: SubscribeOptions): Subscription<B> {
    return this.#listen("PSUBSCRIBE", patterns, listener, options);
  }

  /** Listens to shard channels. */
  ssubscribe(channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Subscription<B> {
    return this.#listen("SSUBSCRIBE", channels, listener, options);
  }

  #listen(command: string, channels: Many, listener?: Listener<B>, options?: SubscribeOptions): Subscription<B> {
    if (this.closed) throw new ClosedError("this client");
    return new Subscription(sessionsOf(this.instance), command, channels, this.isBinary, listener, options);
  }

  /** Iterates over keys, with SCAN's guarantees: what is there throughout is met, perhaps more than once. */
  *scanIterator(options?: ScanOptions): Generator<B, void, undefined> {
    yield* scan((cursor) => this.scan(cursor, options));
  }

  /** Iterates over the members of a set. */
  *sscanIterator(key: Arg, options?: SscanOptions): Generator<B, void, undefined> {
    yield* scan((cursor) => this.sscan(key, cursor, options));
  }

  /** Iterates over the fields of a hash with their values. */
  *hscanIterator(key: Arg, options?: HscanOptions & { novalues?: false }): Generator<[field: B, value: B], void, undefined> {
    yield* scanPairs((cursor) => this.hscan(key, cursor, options));
  }

  /** Iterates over the members of a sorted set with their scores. */
  *zscanIterator(key: Arg, options?: ZscanOptions): Generator<[member: B, score: number], void, undefined> {
    for (const [member, score] of scanPairs((cursor) => this.zscan(key, cursor, options))) yield [member, scoreOf(score)];
  }

  /** What was found in the storage when the database was opened; nothing where there is none. */
  get recovered(): Recovered | undefined {
    return this.instance.persistence?.recovered;
  }

  /**
   * Resolves when all that was done so far would survive the end of this program; rejects with a `StorageError` when the
   * store fails. A database without storage has nothing to wait for: a TypeError.
   */
  durable(): Promise<void> {
    const { persistence } = this.instance;
    return persistence ? persistence.durable() : Promise.reject(new TypeError("this database is kept nowhere: it was opened without storage"));
  }

  /** Makes durable what can be without waiting: for the last moment of a page or a program. */
  flush(): void {
    this.instance.persistence?.flush();
  }

  /**
   * Ends this client's session; the client that `open` returned ends the database with it and frees its memory. Where
   * there is storage, that happens when all is durable and the store is given back, as the promise tells; otherwise at
   * once.
   */
  close(): Promise<void> {
    const done = Promise.resolve();
    if (this.session < 0) return done;
    void this.#portable?.close();
    const other = this.#other;
    if (other) void other.#portable?.close();
    const { persistence } = this.instance;
    const isFirst = this.#isFirst || (other && other.#isFirst);
    if (!isFirst) this.instance.door.end(this.session);
    else if (!persistence) this.instance.close();
    this.#end();
    return isFirst && persistence ? persistence.close().finally(() => this.instance.close()) : done;
  }

  #end(): void {
    this.session = -1;
    this.copies.stop();
    if (this.#other) this.#other.session = -1;
  }

  [Symbol.dispose](): void {
    void this.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/**
 * A method. Up to three plain values, which is what hot calls have, go to the engine as they are; everything else
 * through the command's layout, and under the command's index where its name is one word.
 */
function method(command: Command, place: number) {
  const name = command.words[0]!;
  const isWord = command.words.length === 1;
  const isDirect = isWord && command.isFlat;
  if (command.isBinary) {
    return function (this: Cachelet, ...args: unknown[]): Reply {
      return this.binary()["run"](command.encode(args));
    };
  }
  if (name === "GET") {
    return function (this: Cachelet, key?: unknown): Reply {
      if (arguments.length !== 1 || typeof key !== "string" || key.length > 4096) return this["run"](command.encode([...arguments]));
      if (this["isBinary"]) return this["send"](place, name, 1, key, 0, 0);
      const copies = this["copies"];
      const copy = copies.map.get(key);
      if (copy !== undefined && copy.stamp === this.live) {
        const { words } = copies;
        if (words[copy.version] === copy.at) {
          if ((++words[copies.counter]! & 31) === 0) copies.pass();
          return copy.value;
        }
      }
      return this["read"](place, key, copy);
    };
  }
  return function (this: Cachelet, a?: unknown, b?: unknown, c?: unknown): Reply {
    if (isDirect) {
      switch (arguments.length) {
        case 0:
          return this["send"](place, name, 0, 0, 0, 0);
        case 1:
          if (isShort(a)) return this["send"](place, name, 1, a, 0, 0);
          break;
        case 2:
          if (isShort(a) && isShort(b)) return this["send"](place, name, 2, a, b, 0);
          break;
        case 3:
          if (isShort(a) && isShort(b) && isShort(c)) return this["send"](place, name, 3, a, b, c);
      }
    }
    const args = [];
    for (let i = 0; i < arguments.length; i++) args.push(arguments[i]);
    const wire = command.encode(args);
    return isWord ? this["sendAll"](place, wire) : this["run"](wire);
  };
}

install(Cachelet.prototype, commands, method);
