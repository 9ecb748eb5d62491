// Upstash's REST protocol: one `fetch(request)` for Node, Deno and Workers.
//
//   POST /                 ["SET", "a", "1"]       → {"result":"OK"}
//   /set/a/1?EX=100        a command in the path; a body is its last argument before those of the query
//   POST /pipeline         [["SET", …], ["GET", …]] → [{"result":…}, {"error":…}]
//   POST /multi-exec       the same, as one transaction
//   /subscribe/chat        server-sent events: `data: message,chat,hello`; also /psubscribe
//
// Every request has a session of its own, in RESP2's shapes. Commands that need a connection that stays are refused.
import type { Cachelet } from "../client.js";
import { ClosedError, EngineLostError, ReplyError } from "../errors.js";
import type { Connection, Transport } from "../instance.js";
import { type Arg, concat, Decoder, encodeCommand, type Reply } from "../resp.js";
import { isForeign, isOpen, isSecret } from "./guard.js";
import { BadBody, BodyReader, itemOf } from "./json.js";

export { upgradeWebSocket, type UpgradeOptions } from "./websocket.js";

/** How a database is served over HTTP. */
export interface RestOptions {
  /** The token that may do everything; a function is asked at every request. `null` asks for none: for tests, or behind other protection. */
  token: string | null | (() => string | null);
  /** A token that may only read. */
  readOnlyToken?: string;
  /**
   * With `token: null`: a request is the default user's, may do what ACL allows that user, and presents its password as a
   * token unless it has none. Without this, and with a token, a request may do everything.
   */
  asDefaultUser?: boolean;
  /** Longest body that is accepted, in bytes; 10 MiB by default, as at Upstash. */
  maxBody?: number;
}

/** A database, or what opens it at the first request: Workers may not at module scope. */
export type Source = Cachelet | (() => Cachelet | Promise<Cachelet>);

/** A request without the platform's objects. */
export interface Call {
  method: string;
  /** Path and query, as sent. */
  target: string;
  host: string;
  header(name: string): string | null;
  /** The body, which throws {@link BadBody} when it is longer than `most` bytes. */
  body(most: number): Promise<Uint8Array>;
}

/** A response without the platform's objects. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null;
}

/** Makes the handler that serves `source`. */
export function restHandler(source: Source, options: RestOptions): (request: Request) => Promise<Response> {
  const rest = new Rest(source, options);
  return async (request) => {
    const url = new URL(request.url);
    const { status, headers, body } = await rest.answer({
      method: request.method,
      target: url.pathname + url.search,
      host: url.host,
      header: (name) => request.headers.get(name),
      body: (most) => bodyOf(request, most),
    });
    return new Response(body, { status, headers });
  };
}

const NO_BYTES = new Uint8Array();

/** A request's whole body; throws {@link BadBody} when it is longer than `most` bytes. */
export async function bodyOf(request: Request, most: number): Promise<Uint8Array> {
  if (!request.body) return NO_BYTES;
  const announced = Number(request.headers.get("content-length") ?? 0);
  if (announced > most) throw tooLong(most, announced);
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = request.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts.length === 1 ? parts[0]! : concat(parts);
    length += value.length;
    if (length > most) {
      void reader.cancel();
      throw tooLong(most, length);
    }
    parts.push(value);
  }
}

/** The refusal of a body of `length` bytes or more. */
export function tooLong(most: number, length: number): BadBody {
  return new BadBody(`ERR max request size exceeded. Limit: ${most} bytes, Actual: ${length} bytes`);
}

/** The REST protocol over one database. */
export class Rest {
  readonly #source: Source;
  readonly #options: RestOptions;
  readonly #maxBody: number;
  #db: Promise<Cachelet> | undefined;
  readonly #flags = new Map<string, ReadonlySet<string>>();
  /** The session that asks about commands. */
  #session = -1;

  constructor(source: Source, options: RestOptions) {
    if (options.token === undefined) throw new TypeError("a token is needed; `token: null` says that none is wanted");
    if (options.token === "" || options.readOnlyToken === "") throw new TypeError("an empty token keeps nobody out");
    this.#source = source;
    this.#options = options;
    this.#maxBody = options.maxBody ?? 10 << 20;
  }

  async #open(): Promise<Cachelet> {
    const source = this.#source;
    if (typeof source !== "function") return source;
    this.#db ??= Promise.resolve(source()).catch((error: unknown) => {
      this.#db = undefined;
      throw error;
    });
    return this.#db;
  }

  /** Answers one request; never rejects. */
  async answer(call: Call): Promise<Answer> {
    try {
      const answer = await this.#answer(call);
      // Under `appendfsync always` an answer is given when what it acknowledges is durable.
      const persistence = (typeof this.#source === "function" ? await this.#db : this.#source)?.instance.persistence;
      if (persistence?.holds) await persistence.durable();
      return answer;
    } catch (error) {
      if (error instanceof BadBody) return refusal(400, error.message);
      if (error instanceof ClosedError || error instanceof EngineLostError) return refusal(503, `ERR ${error.message}`);
      return refusal(500, `ERR ${(error as Error).message ?? String(error)}`);
    }
  }

  async #answer(call: Call): Promise<Answer> {
    const { method } = call;
    if (method !== "GET" && method !== "POST" && method !== "PUT" && method !== "HEAD") return { status: 405, headers: { allow: "GET, POST, PUT, HEAD" }, body: null };
    const mark = call.target.indexOf("?");
    const path = mark < 0 ? call.target : call.target.slice(0, mark);
    const query = queryOf(mark < 0 ? "" : call.target.slice(mark + 1));

    const access = await this.#access(call, query);
    if ("status" in access) return access;
    const base64 = call.header("upstash-encoding")?.toLowerCase() === "base64";
    const format = call.header("upstash-response-format")?.toLowerCase() ?? "json";
    if (format !== "json" && format !== "resp2") return refusal(400, `ERR invalid response format: ${format}`);
    const raw = format === "resp2";
    if (raw && base64) return refusal(400, "ERR base64 encoding is not permitted with the resp2 response format");
    const body = method === "POST" || method === "PUT" ? await call.body(this.#maxBody) : NO_BYTES;
    const db = await this.#open();
    const endpoint = path.replace(/\/+$/, "").toLowerCase();

    if (endpoint === "/pipeline" || endpoint === "/multi-exec") {
      const transaction = endpoint === "/multi-exec";
      const what = transaction ? "transaction" : "pipeline";
      const rows = new BodyReader(textOf(body), `${what} request`).commands();
      if (rows.length === 0) return refusal(400, `ERR empty ${what} request`);
      const session = new RequestSession(db, this, access);
      try {
        if (transaction) return transact(session, rows, base64);
        if (raw) return { status: 200, headers: OCTETS, body: concat(rows.map((row) => session.raw(row))) as Uint8Array<ArrayBuffer> };
        const items = rows.map((row) => itemOf(row.length === 0 ? new ReplyError("ERR empty pipeline command") : session.run(row, base64), base64));
        return json(200, `[${items.join(",")}]`);
      } finally {
        session.close();
      }
    }

    const args = path === "/" || path === "" ? new BodyReader(textOf(body), "command").command() : inPath(path, body, query);
    const name = nameOf(args);
    if (name === "") return refusal(400, "ERR empty command");
    if ((name === "subscribe" || name === "psubscribe") && path !== "/") {
      // Their client sends the channels in the path, and an empty JSON array as the body.
      const channels = inPath(path, NO_BYTES, []).slice(1);
      if (channels.length === 0) return refusal(400, `ERR wrong number of arguments for '${name}' command`);
      return { status: 200, headers: EVENTS, body: events(db, access, name, channels) };
    }
    const session = new RequestSession(db, this, access);
    try {
      if (raw) {
        const reply = session.raw(args);
        return { status: reply[0] === 0x2d ? 400 : 200, headers: OCTETS, body: reply };
      }
      const reply = session.run(args, base64);
      return json(reply instanceof ReplyError ? 400 : 200, itemOf(reply, base64));
    } finally {
      session.close();
    }
  }

  /** What the caller may do, or the answer that says it may do nothing. */
  async #access(call: Call, query: readonly [string, string][]): Promise<Access | Answer> {
    const { token, readOnlyToken, asDefaultUser } = this.#options;
    const wanted = typeof token === "function" ? token() : token;
    const db = wanted === null && asDefaultUser ? await this.#open() : undefined;
    if (wanted === null && (!db || isOpen(db))) {
      if (isForeign(call.header, call.host)) return refusal(403, "NOPERM requests of pages from elsewhere need a token");
      return { reads: false, ...(db ? { password: "" } : {}) };
    }
    const presented = tokenOf(call, query);
    if (presented !== undefined) {
      if (wanted !== null && isSecret(presented, wanted)) return { reads: false };
      if (readOnlyToken !== undefined && isSecret(presented, readOnlyToken)) return { reads: true };
      if (db && isPassword(db, presented)) return { reads: false, password: presented };
    }
    return refusal(401, "WRONGPASS invalid or missing auth token");
  }

  /** Why a command may not run; `undefined` when it may. */
  refuse(db: Cachelet, access: Access, args: readonly Arg[]): ReplyError | undefined {
    const name = nameOf(args);
    let flags = this.#flagsOf(db, name);
    if (flags.has("blocking") || NEEDS_CONNECTION.has(name) || (name === "client" && String(args[1]).toLowerCase() === "reply")) {
      return new ReplyError(`ERR Command is not available: '${name.toUpperCase().slice(0, 128)}'. It needs a connection that stays: use RESP over TCP or WebSocket`);
    }
    if (!access.reads) return undefined;
    if (!flags.has("readonly") && args.length > 1) flags = this.#flagsOf(db, `${name}|${textOf(args[1]!).toLowerCase()}`);
    if (HARMLESS.has(name) || (flags.has("readonly") && !flags.has("admin") && !POWERFUL.has(name))) return undefined;
    return new ReplyError(`NOPERM this user has no permissions to run the '${name.slice(0, 128)}' command`);
  }

  #asking(db: Cachelet): number {
    if (this.#session < 0) this.#session = db.instance.door.open(true);
    return this.#session;
  }

  /** The flags that a command is declared with; none for an unknown one, which the engine refuses by itself. */
  #flagsOf(db: Cachelet, name: string): ReadonlySet<string> {
    const known = this.#flags.get(name);
    if (known) return known;
    const info = db.instance.call(this.#asking(db), ["COMMAND", "INFO", name]);
    const entry = Array.isArray(info) ? info[0] : null;
    const flags = new Set(Array.isArray(entry) ? (entry[2] as string[]) : []);
    // Unknown names are not kept: there is no end of them.
    if (Array.isArray(entry)) this.#flags.set(name, flags);
    return flags;
  }
}

/** What a token allows. */
interface Access {
  /** It may only read. */
  reads: boolean;
  /** The default user's password: the request is that user's. Without it the request is nobody's and bound by no rule. */
  password?: string;
}

/** Whether the engine takes this password for the default user's; a refusal is logged and counted there. */
function isPassword(db: Cachelet, presented: string): boolean {
  const { instance } = db;
  const session = instance.door.open(true);
  try {
    return !(instance.call(session, ["AUTH", "default", presented]) instanceof ReplyError);
  } finally {
    instance.door.end(session);
  }
}

/** Commands about the state of a connection, which a request does not keep. */
const NEEDS_CONNECTION: ReadonlySet<string> = new Set([
  "auth", "hello", "reset", "quit", "select", "watch", "unwatch", "monitor", "sync", "psync", "replconf", "asking", "readonly", "readwrite",
  "subscribe", "psubscribe", "ssubscribe", "unsubscribe", "punsubscribe", "sunsubscribe",
]);

/** What a token for reading may run though it reads no key. */
const HARMLESS: ReadonlySet<string> = new Set(["ping", "echo", "time", "multi", "exec", "discard"]);

/** What it may not though it only reads: these take the server's time, or list all keys. */
const POWERFUL: ReadonlySet<string> = new Set(["keys", "scan", "randomkey"]);

/** One request's session: a client in this program that speaks RESP2. */
class RequestSession {
  readonly #id: number;

  constructor(readonly db: Cachelet, readonly rest: Rest, readonly access: Access) {
    this.#id = db.instance.door.open(true);
    const user = access.password === undefined ? [] : ["AUTH", "default", access.password];
    const reply = db.instance.call(this.#id, ["HELLO", 2, ...user]);
    if (!(reply instanceof ReplyError)) return;
    // The password changed since it was asked for.
    this.close();
    throw reply;
  }

  /** Runs a command; `binary` keeps bulk strings as bytes. */
  run(args: readonly Arg[], binary: boolean): Reply {
    const refused = this.rest.refuse(this.db, this.access, args);
    if (refused) return refused;
    const reply = this.db.instance.call(this.#id, args, binary);
    return reply === undefined ? new ReplyError(`ERR Command is not available: '${nameOf(args)}' waits`) : reply;
  }

  /** Runs a command and returns its reply as RESP2. */
  raw(args: readonly Arg[]): Uint8Array<ArrayBuffer> {
    const refused = args.length === 0 ? new ReplyError("ERR empty command") : this.rest.refuse(this.db, this.access, args);
    if (refused) return encoder.encode(`-${refused.message}\r\n`);
    const { instance } = this.db;
    let reply = new Uint8Array();
    instance.work(() => (reply = instance.door.callRaw(this.#id, args) as Uint8Array<ArrayBuffer>));
    return reply as Uint8Array<ArrayBuffer>;
  }

  close(): void {
    if (!this.db.instance.closed) this.db.instance.door.end(this.#id);
  }
}

/** Runs the commands as one transaction: all of their replies, or one error when it was discarded. */
function transact(session: RequestSession, rows: readonly string[][], base64: boolean): Answer {
  session.run(["MULTI"], false);
  for (const row of rows) {
    const reply = row.length === 0 ? new ReplyError("ERR empty command") : session.run(row, false);
    if (reply instanceof ReplyError) return refusal(400, `EXECABORT Transaction discarded because of: ${reply.message}`);
  }
  const replies = session.run(["EXEC"], base64);
  if (replies instanceof ReplyError) return refusal(400, replies.message);
  return json(200, `[${(replies as Reply[]).map((reply) => itemOf(reply, base64)).join(",")}]`);
}

/** Messages of channels as server-sent events. Slow readers are held to what the engine keeps for a session. */
function events(db: Cachelet, access: Access, name: string, channels: readonly Arg[]): ReadableStream<Uint8Array> {
  let connection: Connection | undefined;
  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        let rest = NO_BYTES;
        const decoder = new Decoder();
        decoder.binary = false;
        const transport: Transport = {
          write(bytes) {
            decoder.reset(rest.length === 0 ? bytes : concat([rest, bytes]));
            let text = "";
            for (let message = decoder.next(); message !== undefined; message = decoder.next()) {
              if (Array.isArray(message)) text += eventOf(message);
            }
            rest = decoder.bytes.slice(decoder.at, decoder.end);
            if (text !== "") controller.enqueue(encoder.encode(text));
            return (controller.desiredSize ?? 0) > 0;
          },
          close() {
            connection = undefined;
            controller.close();
          },
        };
        // Not a session of this program's own: those are exempt from the limits of output.
        connection = db.instance.connect(transport, { trusted: access.password === undefined });
        if (access.password !== undefined) connection.receive(encodeCommand(["HELLO", 2, "AUTH", "default", access.password]));
        connection.receive(encodeCommand([name, ...channels]));
      },
      pull() {
        connection?.drained();
      },
      cancel() {
        connection?.close();
        connection = undefined;
      },
    },
    { highWaterMark: 64 },
  );
}

/** One message as an event. Its lines become lines of data, which the receiving side joins again. */
function eventOf(parts: readonly Reply[]): string {
  const text = parts.map((part) => (part === null ? "" : String(part))).join(",");
  return `data: ${text.replace(/\r\n|\r|\n/g, "\ndata: ")}\n\n`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(bytes: Arg): string {
  return bytes instanceof Uint8Array ? decoder.decode(bytes) : String(bytes);
}

function nameOf(args: readonly Arg[]): string {
  return args.length === 0 ? "" : textOf(args[0]!).toLowerCase();
}

/** `_token` of the query, or what the Authorization header holds. */
export function tokenOf(call: { header(name: string): string | null }, query: readonly [string, string][]): string | undefined {
  const inQuery = query.find(([name]) => name === "_token")?.[1];
  if (inQuery) return inQuery;
  return call.header("authorization")?.replace(/^bearer\s+/i, "").trim() || undefined;
}

/** The parameters of a query, in order; one without `=` has an empty value. */
export function queryOf(text: string): [string, string][] {
  return text === "" ? [] : [...new URLSearchParams(text)];
}

/** A command whose name and arguments stand in the path. */
function inPath(path: string, body: Uint8Array, query: readonly [string, string][]): Arg[] {
  const args: Arg[] = path.slice(1).split("/").map(percentDecoded);
  if (body.length > 0) args.push(body);
  for (const [name, value] of query) {
    if (name === "_token") continue;
    args.push(name);
    if (value !== "") args.push(value);
  }
  return args;
}

/** Percent-decoded text; bytes where it is not UTF-8. */
function percentDecoded(text: string): Arg {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    const bytes = encoder.encode(text);
    let to = 0;
    for (let at = 0; at < bytes.length; at++) {
      const digits = bytes[at] === 0x25 ? /^[0-9a-f]{2}$/i.exec(String.fromCharCode(bytes[at + 1] ?? 0, bytes[at + 2] ?? 0)) : null;
      bytes[to++] = digits ? Number.parseInt(digits[0], 16) : bytes[at]!;
      if (digits) at += 2;
    }
    return bytes.slice(0, to);
  }
}

const OCTETS = { "content-type": "application/octet-stream" };
const EVENTS = { "content-type": "text/event-stream", "cache-control": "no-cache" };

function json(status: number, body: string): Answer {
  return { status, headers: { "content-type": "application/json; charset=utf-8" }, body };
}

function refusal(status: number, error: string): Answer {
  return json(status, `{"error":${JSON.stringify(error)}}`);
}
