// The other end of a CacheletObject: the typed client in a Worker, over the object's RPC.
import { transact } from "../chain.js";
import { ClosedError, ReplyError } from "../errors.js";
import type { Connection, Transport } from "../instance.js";
import { type Executor, Portable } from "../portable.js";
import { type Arg, Decoder, encodeCommand, type Reply } from "../resp.js";
import { Inbox } from "../subscription.js";

/** What is used of a CacheletObject's stub, `env.CACHE.getByName("x")`. */
export interface CacheletStub {
  execute(commands: readonly (readonly Arg[])[], database?: number): Promise<Uint8Array>;
  attach(write: (bytes: Uint8Array) => void, ended: () => void): unknown;
  durable(): Promise<void>;
}

/** A session in the object, as RPC shows it: calls can be made before it is there. */
interface Session {
  receive(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/**
 * A typed client of a database in a Durable Object: the methods of `db.portable()`. Commands and pipelines are one call each, in
 * a session of their own; what needs a session that stays (WATCH, waits, subscriptions) gets one, which ends with the object.
 */
export function cacheletClient(stub: unknown): Portable {
  return new Portable(new RemoteExecutor(stub as CacheletStub, false));
}

/** Commands about a session. SELECT is known here. */
const STATEFUL: ReadonlySet<string> = new Set(["WATCH", "UNWATCH", "MULTI", "EXEC", "DISCARD", "CLIENT", "HELLO", "AUTH", "RESET", "MONITOR", "QUIT"]);

const NO_REPLY = new ClosedError("this session");

class RemoteExecutor implements Executor {
  readonly #stub: CacheletStub;
  #isSession: boolean;
  #connection: Connection | undefined;
  #isClosed = false;
  readonly #waiting: { resolve(reply: Reply): void; reject(error: unknown): void }[] = [];
  #error: unknown;
  database = 0;

  constructor(stub: CacheletStub, isSession: boolean) {
    this.#stub = stub;
    this.#isSession = isSession;
  }

  connect(transport: Transport): Connection {
    let isOpen = true;
    const end = () => {
      if (!isOpen) return;
      isOpen = false;
      transport.close();
    };
    const remote = this.#stub.attach((bytes) => void (isOpen && transport.write(bytes)), end) as Session;
    const failed = (error: unknown) => {
      this.#error ??= error;
      end();
    };
    return {
      receive(bytes) {
        if (isOpen) remote.receive(bytes).catch(failed);
      },
      drained() {},
      close() {
        if (!isOpen) return;
        isOpen = false;
        remote.close().catch(() => {});
      },
    };
  }

  whyEnded(): unknown {
    return this.#error;
  }

  attend(): () => void {
    return () => {};
  }

  async run(args: readonly Arg[], binary: boolean): Promise<Reply> {
    const [reply] = await this.#send([args], binary);
    if (reply instanceof ReplyError) throw reply;
    return reply!;
  }

  async batch(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): Promise<Reply[] | null> {
    if (!atomic) return this.#send(commands, binary);
    const replies = await this.#send([["MULTI"], ...commands, ["EXEC"]], binary, true);
    let at = 0;
    return transact(() => replies[at++]!, commands);
  }

  #send(commands: readonly (readonly Arg[])[], binary: boolean, isWhole = false): Promise<Reply[]> {
    if (this.#isClosed) return Promise.reject(new ClosedError("this client"));
    const before = this.database;
    for (const args of commands) {
      const name = String(args[0]).toUpperCase();
      if (name === "SELECT" && args.length === 2) this.database = Number(args[1]);
      else if (!isWhole && STATEFUL.has(name)) this.#isSession = true;
    }
    const sent = this.#isSession ? this.#inSession(commands, binary, before) : this.#stub.execute(commands, before).then((bytes) => decoded(bytes, binary));
    if (this.database === before) return sent;
    return sent.then((replies) => {
      commands.forEach((args, index) => {
        if (String(args[0]).toUpperCase() === "SELECT" && replies[index] instanceof ReplyError) this.database = before;
      });
      return replies;
    });
  }

  #inSession(commands: readonly (readonly Arg[])[], binary: boolean, database: number): Promise<Reply[]> {
    if (!this.#connection) {
      const inbox = new Inbox(
        true,
        (reply, isPush) => {
          if (!isPush) this.#waiting.shift()?.resolve(reply);
        },
        () => {
          this.#connection = undefined;
          for (const { reject } of this.#waiting.splice(0)) reject(this.#error ?? NO_REPLY);
        },
      );
      this.#connection = this.connect(inbox);
      if (database !== 0) this.#one(["SELECT", database], binary).catch(() => {});
    }
    return Promise.all(commands.map((args) => this.#one(args, binary)));
  }

  async #one(args: readonly Arg[], binary: boolean): Promise<Reply> {
    const reply = await new Promise<Reply>((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#connection!.receive(encodeCommand(args));
    });
    return binary ? reply : texts(reply);
  }

  durable(): Promise<void> {
    return this.#stub.durable();
  }

  client(): Executor {
    return new RemoteExecutor(this.#stub, true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#connection?.close();
    this.#connection = undefined;
  }
}

function decoded(bytes: Uint8Array, binary: boolean): Reply[] {
  const decoder = new Decoder().reset(bytes);
  decoder.binary = binary;
  const replies: Reply[] = [];
  while (decoder.at < decoder.end) replies.push(decoder.read());
  return replies;
}

const text = new TextDecoder();

/** The bulk strings of a reply as text. */
function texts(reply: Reply): Reply {
  if (reply instanceof Uint8Array) return text.decode(reply);
  if (Array.isArray(reply)) return reply.map(texts);
  if (typeof reply !== "object" || reply === null || reply instanceof ReplyError) return reply;
  for (const name of Object.keys(reply)) reply[name] = texts(reply[name]!);
  return reply;
}
