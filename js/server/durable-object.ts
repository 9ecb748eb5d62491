// A database as a Durable Object: `export class Cache extends CacheletObject {}`. It is kept in the object's own storage, and
// loaded before the first request. Doors: RPC for Workers (`cacheletClient`), Upstash's REST protocol and RESP over WebSocket
// through `fetch`, and `this.db` for methods of one's own.
//
// The log is written within the command and the output gate holds back what the object answers until that is durable, so
// `appendfsync always` costs no wait. Each object has an engine of its own, also where an isolate has several objects.
//
// Sleep. WebSockets are accepted for hibernation: what a session is (its database, protocol, user, name and subscriptions)
// stands beside its socket and is made again when the object wakes. A transaction, watched keys or a wait are not: such a
// connection is closed with 1012 when the object went meanwhile. What time asks for (expiry, a snapshot's next slice) is an
// alarm's when it is not due at once, so that nothing but work keeps the object awake.
import { DurableObject, RpcTarget } from "cloudflare:workers";
import type { Arg } from "../arguments.js";
import type { Cachelet } from "../client.js";
import { EngineLostError, ReplyError } from "../errors.js";
import type { Connection, Transport } from "../instance.js";
import { openSync } from "../platform/workerd.js";
import { concat, Decoder, type Reply } from "../resp.js";
import { durableObject, type ObjectStorage } from "../storage/durable-object.js";
import { isOpen } from "./guard.js";
import { bodyOf, Rest } from "./rest.js";
import { refusedUpgrade, SUBPROTOCOL } from "./websocket.js";

export { cacheletClient, type CacheletStub } from "./durable-object-client.js";

/** What is used of an object's `ctx`. */
export interface ObjectContext {
  readonly storage: ObjectStorage & { getAlarm(): Promise<number | null>; setAlarm(at: number): Promise<void> };
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>;
  acceptWebSocket(socket: unknown, tags?: string[]): void;
  getWebSockets(tag?: string): unknown[];
  abort(why?: string): void;
}

/** An object's end of a WebSocket. */
interface ObjectSocket {
  send(bytes: Uint8Array): void;
  close(code?: number, reason?: string): void;
  serializeAttachment(value: unknown): void;
  deserializeAttachment(): unknown;
}

declare const WebSocketPair: new () => { 0: WebSocket; 1: ObjectSocket };

/** What tells the sockets of this class from others that the object may have. */
const TAG = "cachelet";

/** What is due within so many milliseconds is waited for; what comes later is an alarm's. */
const SOON = 1_000;

const encoder = new TextEncoder();

/** A session that another program attached to. */
class Attached extends RpcTarget {
  #connection: Connection | undefined;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  /** Takes RESP. */
  receive(bytes: Uint8Array): void {
    this.#connection?.receive(bytes);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** The other side is gone, or has let go of it. */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** A function of another program. Where it is to be called later, a duplicate is kept. */
type Remote<F> = F & { dup?(): Remote<F> };

/** A database in a Durable Object of a class with SQLite. Fields set in a subclass are what it is opened with. */
export class CacheletObject<Env = unknown> extends DurableObject<Env> {
  /** Settings under their CONFIG names; `appendfsync` is `always` unless they say otherwise. */
  config: Readonly<Record<string, string | number>> = {};
  /**
   * The token that requests to {@link fetch} need. Without one `CACHELET_TOKEN` of the environment counts; where that is missing
   * too, only a database with a password answers. `null` asks for none: for objects behind other protection.
   */
  token: string | null | undefined = undefined;
  /** A token for REST requests that only read. */
  readOnlyToken: string | undefined = undefined;
  /** Most bytes of the engine's memory; an isolate has 128 MB in all. `maxmemory` is half of it unless {@link config} says otherwise. */
  memoryLimit = 96 << 20;
  /** What to do about damage in the storage. */
  recover: "refuse" | "salvage" = "refuse";

  #db: Cachelet | undefined;
  #rest: Rest | undefined;
  readonly #sockets = new Map<unknown, { connection: Connection; saved: string }>();
  /** When the alarm rings; Infinity when none is set. */
  #alarmAt = Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;

  constructor(ctx: ObjectContext, env: Env) {
    super(ctx, env);
    void ctx.blockConcurrencyWhile(async () => {
      // Behind this the subclass has its fields.
      this.#alarmAt = (await ctx.storage.getAlarm()) ?? Infinity;
      this.#open();
    });
  }

  /** The database, for methods of one's own: synchronous. */
  get db(): Cachelet {
    if (!this.#db) throw new TypeError("the database is opened after the constructor: use it in methods");
    return this.#db;
  }

  #open(): void {
    const { ctx } = this;
    const db = openSync({
      storage: durableObject(ctx.storage),
      config: { appendfsync: "always", ...this.config },
      memoryLimit: this.memoryLimit,
      recover: this.recover,
    });
    this.#db = db;
    const { instance } = db;
    instance.onSchedule = (at) => this.#arrange(at);
    // The platform ends objects, nobody else; what is kept is loaded again.
    instance.onShutdown = () => ctx.abort("a client said SHUTDOWN");
    instance.arrange();
    for (const socket of ctx.getWebSockets(TAG) as ObjectSocket[]) {
      const state = socket.deserializeAttachment();
      try {
        if (!(state instanceof Uint8Array)) throw new TypeError("it held what is gone");
        this.#connect(socket, state);
      } catch {
        socket.close(1012, "the object restarted, and what this connection held is gone");
      }
    }
  }

  /** Has time pass at `at`: soon by a timer, later by an alarm. */
  #arrange(at: number): void {
    const wait = at - Date.now();
    if (wait > SOON) {
      if (at >= this.#alarmAt) return;
      this.#alarmAt = at;
      void this.ctx.storage.setAlarm(at);
      return;
    }
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#work(() => this.db.instance.tick());
    }, Math.max(wait, 1));
  }

  /** Does what time asks for. A subclass with alarms of its own calls this in its `alarm`, and sets none earlier than it needs. */
  async alarm(): Promise<void> {
    this.#alarmAt = Infinity;
    this.#work(() => this.db.instance.tick());
  }

  /** Does something; an engine that was lost takes the object with it, and the next request finds what is kept. */
  #work<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof EngineLostError) this.ctx.abort(error.message);
      throw error;
    }
  }

  /** RPC: runs a command, in a session of its own. An error is thrown, with Redis' text as its message. */
  async call(...args: Arg[]): Promise<Reply> {
    const reply = new Decoder().reset(await this.execute([args])).read();
    if (reply instanceof ReplyError) throw reply;
    return plain(reply);
  }

  /**
   * RPC: runs commands one after the other, with nothing in between, in a session of their own; their replies in RESP3.
   * {@link cacheletClient} makes a typed client of it.
   */
  async execute(commands: readonly (readonly Arg[])[], database = 0): Promise<Uint8Array> {
    const { instance } = this.db;
    return this.#work(() => {
      const session = instance.door.open(true);
      const replies: Uint8Array[] = [];
      try {
        instance.work(() => {
          if (database !== 0) instance.door.callRaw(session, ["SELECT", database]);
          for (const args of commands) {
            let reply = instance.door.callRaw(session, args);
            if (reply.length === 0) {
              // It waits, at most for the store, which answers at once.
              instance.persistence?.pump();
              reply = instance.door.output(session, 1 << 30).slice();
              instance.door.sent(session, reply.length);
            }
            replies.push(reply.length > 0 ? reply : encoder.encode("-ERR this command waits: use a session\r\n"));
            if (reply.length === 0) break;
          }
        });
      } finally {
        instance.door.end(session);
      }
      while (replies.length < commands.length) replies.push(encoder.encode("-ERR not run: a command before it waits\r\n"));
      return concat(replies);
    });
  }

  /** RPC: opens a session that stays; `write` gets its RESP3, `ended` is called when it ends. */
  async attach(write: Remote<(bytes: Uint8Array) => unknown>, ended: Remote<() => unknown>): Promise<Attached> {
    const [send, end] = [write.dup?.() ?? write, ended.dup?.() ?? ended];
    let connection: Connection | undefined;
    const transport: Transport = {
      write: (bytes) => {
        Promise.resolve(send(bytes)).catch(() => connection?.close());
        return true;
      },
      close: () => void Promise.resolve(end()).catch(() => {}),
    };
    connection = this.#work(() => this.db.instance.connect(transport, { internal: true }));
    return new Attached(connection);
  }

  /** RPC: resolves when all so far is durable. */
  async durable(): Promise<void> {
    await this.db.durable();
  }

  /** Upstash's REST protocol, and RESP over WebSocket. */
  async fetch(request: Request): Promise<Response> {
    const { db } = this;
    const token = this.token === undefined ? (this.env as { CACHELET_TOKEN?: string } | undefined)?.CACHELET_TOKEN : this.token;
    if (token === undefined && isOpen(db)) {
      return new Response('{"error":"ERR this object has no token yet: set CACHELET_TOKEN, or token in its class"}', { status: 503, headers: { "content-type": "application/json" } });
    }
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return this.#upgrade(request, token ?? undefined);
    this.#rest ??= new Rest(db, { token: token ?? null, asDefaultUser: token === undefined, ...(this.readOnlyToken ? { readOnlyToken: this.readOnlyToken } : {}) });
    const url = new URL(request.url);
    const { status, headers, body } = await this.#rest.answer({
      method: request.method,
      target: url.pathname + url.search,
      host: url.host,
      header: (name) => request.headers.get(name),
      body: (most) => bodyOf(request, most),
    });
    if (db.instance.closed) this.ctx.abort("the engine is gone");
    return new Response(body, { status, headers });
  }

  #upgrade(request: Request, token: string | undefined): Response {
    const isGuarded = token !== undefined || !isOpen(this.db);
    // A password is asked for by AUTH or HELLO, as over TCP.
    const options = { anyOrigin: isGuarded, ...(token !== undefined && isOpen(this.db) ? { token } : {}) };
    const status = refusedUpgrade((name) => request.headers.get(name), new URL(request.url), options);
    if (status !== 0) return new Response(null, { status });
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [TAG]);
    this.#connect(server);
    this.#save(server);
    const headers = offered.includes(SUBPROTOCOL) ? { "sec-websocket-protocol": SUBPROTOCOL } : {};
    return new Response(null, { status: 101, webSocket: client, headers } as ResponseInit);
  }

  #connect(socket: ObjectSocket, state?: Uint8Array): void {
    const transport: Transport = {
      write(bytes) {
        socket.send(bytes);
        return true;
      },
      close: () => {
        this.#sockets.delete(socket);
        socket.close(1000);
      },
    };
    const connection = this.db.instance.connect(transport, { address: "", local: "" });
    if (state && !this.db.instance.door.rarely((engine) => engine.resume(connection.id!, state))) {
      connection.close();
      throw new TypeError("its user is gone");
    }
    this.#sockets.set(socket, { connection, saved: "" });
  }

  /** Puts what the session is beside its socket, where it changed. */
  #save(socket: ObjectSocket): void {
    const entry = this.#sockets.get(socket);
    if (!entry) return;
    const state = this.db.instance.door.rarely((engine) => engine.remember(entry.connection.id!)) ?? null;
    const saved = String(state);
    if (saved === entry.saved) return;
    entry.saved = saved;
    try {
      socket.serializeAttachment(state);
    } catch {
      // More subscriptions than fit there: it ends with the object.
      socket.serializeAttachment(null);
    }
  }

  /** A WebSocket's message. A subclass with sockets of its own calls this for those it does not know. */
  async webSocketMessage(socket: unknown, message: string | ArrayBuffer): Promise<void> {
    const entry = this.#sockets.get(socket);
    if (!entry) return;
    this.#work(() => entry.connection.receive(typeof message === "string" ? encoder.encode(message) : new Uint8Array(message)));
    this.#save(socket as ObjectSocket);
  }

  /** A WebSocket was closed by its client. */
  async webSocketClose(socket: unknown, code: number): Promise<void> {
    const entry = this.#sockets.get(socket);
    if (!entry) return;
    this.#sockets.delete(socket);
    this.#work(() => entry.connection.close());
    try {
      (socket as ObjectSocket).close(code === 1005 || code === 1006 ? 1000 : code);
    } catch {
      // It is closed already.
    }
  }

  /** A WebSocket broke. */
  async webSocketError(socket: unknown): Promise<void> {
    await this.webSocketClose(socket, 1006);
  }
}

/** A reply as RPC carries it: objects without a prototype are not, and an error among others becomes a plain one. */
function plain(reply: Reply): Reply {
  if (Array.isArray(reply)) return reply.map(plain);
  if (typeof reply !== "object" || reply === null || reply instanceof Uint8Array) return reply;
  if (reply instanceof ReplyError) return { error: reply.message };
  return Object.fromEntries(Object.entries(reply).map(([name, value]) => [name, plain(value)]));
}
