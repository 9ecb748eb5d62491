// The narrow door from the JavaScript side: arguments written straight into the engine's memory, replies read
// straight out of it. One Door is one WebAssembly instance with a memory of its own.
import { ClosedError, EngineLostError } from "./errors.js";
import type { Recovered } from "./persistence.js";
import { type Arg, Decoder, type Reply } from "./resp.js";
import type { Operation, Store } from "./storage/adapter.js";
import { createGlue, type Door as Engine, type InitOutput } from "./wasm/glue.js";

/** What an engine is made with. */
export interface EngineOptions {
  /** Two 32-bit halves of the seed of all chance and of the tables' hash; by default from the platform's randomness. */
  seed?: readonly [number, number];
  /** The clock, in milliseconds since 1970. `Date.now` by default. */
  now?: () => number;
  /** Number of databases; 16 by default. */
  databases?: number;
  /**
   * Bytes that the engine's memory may come to in all, where the host can bear less than WebAssembly's four gigabytes. At that end
   * nothing is lost: commands that would grow data answer OOM, reads and deletes go on.
   */
  memoryLimit?: number;
}

const EMPTY = new Uint8Array();

/** Kinds of operations on a store, by the engine's numbers. */
const KINDS = ["put", "append", "delete"] as const;

/** Longest output that shares a buffer with others, and that buffer's size, in bytes. */
const SMALL = 1024;
const SLAB = 32 << 10;

/** Longest text that is written character by character: beyond it TextEncoder is quicker. */
const SHORT = 64;

const encoder = new TextEncoder();

/** Commands that may share one reading of the default clock: a loop of them sees time move all the same. */
const SHARED_CLOCK = 32;

/**
 * The default clock. Reading the time costs about as much as a GET, so the calls of one synchronous stretch share a
 * reading, a few dozen at most; a stretch ends with the microtask queue.
 */
function sharedClock(): () => number {
  let left = 0;
  let now = 0;
  const expire = () => {
    left = 0;
  };
  return () => {
    if (left > 0) {
      left--;
      return now;
    }
    left = SHARED_CLOCK;
    now = Date.now();
    queueMicrotask(expire);
    return now;
  };
}

/** One engine: its instance, its memory, its buffers. Every method throws {@link EngineLostError} once it trapped. */
export class Door {
  /** The clock that commands see. */
  readonly now: () => number;
  /** Called when the engine is lost, before the call during which it was throws. */
  onLost: (() => void) | undefined;
  // Plain fields, and the two hot exports in fields of their own: this class is the hot path, and property loads from
  // the frozen exports object are slow.
  private engine: Engine | undefined;
  private exports: InitOutput | undefined;
  private panicMessage: (() => string) | undefined;
  private readonly address: number;
  private lost: EngineLostError | undefined;
  private doorCall: InitOutput["door_call"];
  private doorReply: InitOutput["door_reply"];
  // Views of the memory and where the buffers stand in it; memory that grows empties them.
  private bytes = new Uint8Array();
  private words = new Uint32Array();
  private request = 0;
  private requestSize = 0;
  private wantsAt = 0;
  private spans = 0;
  private spansSize = 0;
  private slab = EMPTY;
  private slabAt = SLAB;
  private readonly decoder = new Decoder();

  constructor(module: WebAssembly.Module, options: EngineOptions = {}) {
    const glue = createGlue();
    this.now = options.now ?? sharedClock();
    this.exports = glue.initSync({ module });
    this.doorCall = this.exports.door_call;
    this.doorReply = this.exports.door_reply;
    this.panicMessage = glue.panicMessage;
    const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(2));
    this.engine = new glue.Door({ seed: [seed[0], seed[1]], now: this.now(), databases: options.databases ?? 16, memoryLimit: options.memoryLimit ?? 0 });
    this.address = this.engine.address();
    this.reserve(0, 0);
  }

  /** Frees the instance: nothing refers to its memory any more. */
  close(): void {
    if (!this.lost) this.engine?.free();
    this.engine = undefined;
    this.exports = undefined;
    this.panicMessage = undefined;
    this.doorCall = this.doorReply = () => {
      throw new ClosedError();
    };
    this.bytes = new Uint8Array();
    this.words = new Uint32Array();
  }

  get closed(): boolean {
    return this.exports === undefined;
  }

  /** The exports, or the error that says why there are none. */
  private opened(): InitOutput {
    if (this.lost) throw this.lost;
    if (!this.exports) throw new ClosedError();
    return this.exports;
  }

  /** What a trap inside the engine becomes; the instance is not used again. */
  private lose(error: unknown): never {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    let message = error.message;
    try {
      message = this.panicMessage?.() || message;
    } catch {
      // The trap left the instance unable even to say why.
    }
    const lost = new EngineLostError(message, error);
    this.lost = lost;
    this.doorCall = this.doorReply = () => {
      throw lost;
    };
    this.onLost?.();
    throw lost;
  }

  /** Runs `work` on the exports; a trap ends this engine and no other. */
  private guard<T>(work: (exports: InitOutput) => T): T {
    const exports = this.opened();
    try {
      return work(exports);
    } catch (error) {
      return this.lose(error);
    }
  }

  /** Makes room for `bytes` of arguments and `count` spans and refreshes the views. */
  private reserve(bytes: number, count: number): void {
    const exports = this.opened();
    const request = exports.door_request(this.address, bytes) >>> 0;
    const spans = exports.door_spans(this.address, count) >>> 0;
    if (request === 0 || spans === 0) {
      throw new RangeError(`the engine's memory has no room for a request of ${bytes} bytes`);
    }
    this.request = request;
    this.requestSize = Math.max(bytes, 64 << 10);
    this.spans = spans >>> 2;
    this.wantsAt = (exports.door_wants_at(this.address) >>> 0) >>> 2;
    this.spansSize = Math.max(count, 1024);
    const buffer = exports.memory.buffer;
    this.bytes = new Uint8Array(buffer);
    this.words = new Uint32Array(buffer);
  }

  /** Refreshes the views when memory grew: a detached array is empty. */
  private view(): void {
    if (this.bytes.length === 0) this.reserve(this.requestSize, this.spansSize);
  }

  /** Writes the arguments into the engine's memory. */
  private write(args: readonly Arg[]): void {
    let most = 0;
    const count = args.length;
    for (let i = 0; i < count; i++) {
      const arg = args[i]!;
      most += typeof arg === "string" ? arg.length * 3 : arg instanceof Uint8Array ? arg.length : 24;
    }
    if (most > this.requestSize || count > this.spansSize || this.bytes.length === 0) this.reserve(most, count);
    const bytes = this.bytes;
    const words = this.words;
    const start = this.request;
    let at = start;
    let span = this.spans;
    for (let i = 0; i < count; i++) {
      const arg = args[i]!;
      const from = at;
      if (typeof arg === "string") {
        at = writeText(bytes, at, arg);
      } else if (arg instanceof Uint8Array) {
        bytes.set(arg, at);
        at += arg.length;
      } else {
        at = writeText(bytes, at, String(arg));
      }
      words[span++] = from - start;
      words[span++] = at - from;
    }
    if (most > 1 << 20) this.requestSize = 0; // Have the engine give a large buffer back at the next call.
  }

  /** Runs one command for a session and decodes its reply; `undefined` when the session waits. Errors are returned. */
  call(session: number, args: readonly Arg[], binary = false): Reply | undefined {
    this.write(args);
    try {
      const call = this.doorCall;
      const length = call(this.address, session, args.length, this.now());
      if (length === 0) return undefined;
      this.view();
      const reply = this.doorReply;
      const at = reply(this.address) >>> 0;
      const bytes = this.bytes;
      // The two commonest replies, without the decoder: +OK and null.
      if (length === 5 && bytes[at] === 0x2b && bytes[at + 1] === 0x4f) return "OK";
      if (length === 3 && bytes[at] === 0x5f) return null;
      const decoder = this.decoder;
      decoder.bytes = bytes;
      decoder.at = at;
      decoder.end = at + length;
      decoder.binary = binary;
      return decoder.read();
    } catch (error) {
      return this.lose(error);
    }
  }

  /** Takes the reply of an internal session that waited, if it is there by now. */
  late(session: number, binary: boolean): Reply | undefined {
    const bytes = this.output(session, 1 << 20).slice();
    if (bytes.length === 0) return undefined;
    this.sent(session, bytes.length);
    const { decoder } = this;
    Object.assign(decoder, { bytes, at: 0, end: bytes.length, binary });
    return decoder.read();
  }

  /** Runs one command for a session and copies its reply as RESP; empty when the session waits. */
  callRaw(session: number, args: readonly Arg[]): Uint8Array {
    this.write(args);
    return this.guard((exports) => {
      const length = exports.door_call(this.address, session, args.length, this.now());
      this.view();
      const at = exports.door_reply(this.address) >>> 0;
      return this.bytes.slice(at, at + length);
    });
  }

  /** Hands in RESP that a session's client sent. */
  receive(session: number, input: Uint8Array): void {
    // In blocks: the shared buffer stays small however much arrives at once.
    for (let at = 0; at < input.length; at += 64 << 10) {
      const block = input.subarray(at, at + (64 << 10));
      if (this.bytes.length === 0) this.reserve(0, 0);
      this.bytes.set(block, this.request);
      this.guard((exports) => {
        exports.door_receive(this.address, session, block.length, this.now());
        this.view();
      });
    }
  }

  /** Runs a step of an import with `input`, 64 KB at most, or of an export with a piece of `least` bytes; its reply. */
  file(step: number, input: Uint8Array = EMPTY, least = input.length): Uint8Array {
    if (this.bytes.length === 0) this.reserve(0, 0);
    this.bytes.set(input, this.request);
    return this.guard((exports) => {
      const length = exports.door_file(this.address, step, least, this.now());
      this.view();
      const at = exports.door_reply(this.address) >>> 0;
      return this.bytes.slice(at, at + length);
    });
  }

  /** Opens a session; an internal one is a client in this program and need not authenticate. */
  open(internal: boolean): number {
    return this.guard((exports) => exports.door_open(this.address, internal ? 1 : 0, this.now()));
  }

  /** Says where a session's client is, for CLIENT LIST. */
  setAddress(session: number, address: string, local: string): void {
    this.guard(() => this.engine?.set_address(session, address, local));
  }

  /** Sets a parameter as an option at the start does, those included that CONFIG SET may not; throws what Redis says. */
  configure(name: string, args: readonly Arg[]): void {
    const bytes = args.map((arg) => (arg instanceof Uint8Array ? arg : encoder.encode(String(arg))));
    this.guard(() => this.engine?.configure(name, bytes));
  }

  /** Whether anybody who connects is let in without a password, as requirepass and ACL SETUSER together have it. */
  get needsNoPassword(): boolean {
    return this.guard(() => this.engine!.needs_no_password());
  }

  /** Lets a session do everything: the host has found out who it is. */
  trust(session: number): void {
    this.guard(() => this.engine!.trust(session));
  }

  /** Shows a parameter that belongs to the host in CONFIG GET. */
  setHostParameter(name: string, value: string): void {
    this.guard(() => this.engine?.set_host_parameter(name, value));
  }

  /** Reads the text of a configuration file; throws when its quotes do not fit. */
  readDirectives(text: Uint8Array): Directive[] {
    const found = this.guard(() => this.engine!.read_directives(text) as [number, string, number[][]][]);
    return found.map(([line, name, args]) => ({ line, name, args: args.map((bytes) => Uint8Array.from(bytes)) }));
  }

  /** Closes a session; nothing happens when the engine is closed or lost. */
  end(session: number): void {
    if (this.exports && !this.lost) this.guard((exports) => exports.door_close(this.address, session));
  }

  /** The next session that has output or is to be closed; -1 when there is none. */
  next(): number {
    return this.guard((exports) => exports.door_next(this.address));
  }

  /** A copy of at most `limit` bytes of a session's unsent output. Small copies share a buffer, and are never changed. */
  output(session: number, limit: number): Uint8Array {
    return this.guard((exports) => {
      const length = Math.min(exports.door_output(this.address, session) >>> 0, limit);
      if (length === 0) return EMPTY;
      this.view();
      const at = exports.door_output_at(this.address, session) >>> 0;
      if (length > SMALL) return this.bytes.slice(at, at + length);
      // An array of its own for every reply would cost more than the reply: sockets need memory outside the heap.
      if (this.slabAt + length > SLAB) {
        this.slab = new Uint8Array(SLAB);
        this.slabAt = 0;
      }
      const copy = this.slab.subarray(this.slabAt, this.slabAt + length);
      this.slabAt += length;
      copy.set(this.bytes.subarray(at, at + length));
      return copy;
    });
  }

  /** Says that `count` bytes of a session's output were taken. */
  sent(session: number, count: number): void {
    this.guard((exports) => exports.door_sent(this.address, session, count));
  }

  /** Whether a session is to be closed now. */
  isToClose(session: number): boolean {
    return this.guard((exports) => exports.door_is_to_close(this.address, session) !== 0);
  }

  /** Does what time asks for; when that is wanted again (ms since 1970), -1 for not before something else happens, -2 for the end: SHUTDOWN. */
  tick(): number {
    return this.guard((exports) => exports.door_tick(this.address, this.now()));
  }

  /** When {@link tick} is wanted (ms since 1970), -1 for not before something else happens, -2 for the end: SHUTDOWN. */
  nextTick(): number {
    return this.guard((exports) => exports.door_next_tick(this.address));
  }

  /** {@link storage} as the last call left it, without asking. */
  get wants(): number {
    return this.words[this.wantsAt] ?? this.storage();
  }

  /** What is to be done for the store: 1 when something is to be written, 2 more when replies must wait for it, 4 more when ticks are wanted soon, 8 more when the write is not to be put off. */
  storage(): number {
    return this.guard((exports) => exports.door_storage(this.address));
  }

  /** Says that there will be a store, so that what CONFIG says of persistence is taken. */
  expectStore(): void {
    this.guard(() => this.engine?.expect_store());
  }

  /** Begins to read a keyspace back from a store in which these objects are. */
  beginRecovery(store: Pick<Store, "limits" | "appends" | "logs" | "eventual">, listed: readonly string[], salvage: boolean): void {
    const { object, operations, bytes } = store.limits;
    const flags = (store.appends ? 1 : 0) | (store.logs ? 2 : 0) | (store.eventual ? 4 : 0);
    this.guard(() => this.engine?.begin_recovery(object, operations, bytes, flags, listed.join("\n"), salvage));
  }

  /** The objects that the recovery wants next, in order; none when it has all. */
  wanted(): string[] {
    const names = this.guard(() => this.engine!.wanted());
    return names === "" ? [] : names.split("\n");
  }

  /** Hands the object wanted first to the recovery. Throws what is damaged, and where. */
  recover(bytes: Uint8Array | undefined): void {
    this.guard(() => this.engine?.recover(bytes));
  }

  /** Ends the recovery: what happens from here on is kept. */
  endRecovery(): Recovered {
    const [found, keys, snapshotAt, effects, bytes, object, offset, cut, ...lost] = this.guard(() => this.engine!.end_recovery(this.now()));
    return { found, keys, snapshotAt, effects, bytes, ms: 0, ...(cut > 0 ? { cut: { object, offset, bytes: cut } } : {}), lost };
  }

  /** The next write that is due, with whether it is to be durable. No operation asks for a sync. */
  nextWrite(): [operations: Operation[], durable: boolean] | undefined {
    const list = this.guard(() => this.engine!.next_write(this.now())) as unknown[] | undefined;
    if (!list) return undefined;
    const operations: Operation[] = [];
    for (let i = 1; i < list.length; i += 3) {
      operations.push({ kind: KINDS[list[i] as number]!, name: list[i + 1] as string, bytes: list[i + 2] as Uint8Array });
    }
    return [operations, list[0] as boolean];
  }

  /** Says how that write went: what the store said where it failed. */
  wrote(error: string | undefined): void {
    this.guard(() => this.engine?.wrote(error, this.now()));
  }

  /** Asks that all that was done so far becomes durable; what to give to {@link isDurable}. */
  requestDurable(): number {
    return this.guard(() => this.engine!.request_durable(this.now()));
  }

  /** Whether what was asked for is durable. Throws what the store said when it fails for now. */
  isDurable(goal: number): boolean {
    return this.guard(() => this.engine!.is_durable(goal));
  }

  /** Whether there is an append log. */
  logs(): boolean {
    return this.guard(() => this.engine!.logs());
  }

  /** Whether the end of the program is to write a snapshot first. */
  savesAtEnd(): boolean {
    return this.guard(() => this.engine!.saves_at_end());
  }

  /** Asks the engine what few hosts ask. */
  rarely<T>(ask: (engine: Engine) => T): T {
    return this.guard(() => ask(this.engine!));
  }

  /** Bytes of WebAssembly memory this engine holds. */
  get memory(): number {
    return this.exports?.memory.buffer.byteLength ?? 0;
  }

  /** Figures of the engine. */
  figures(): Figures {
    return this.guard(() => this.engine!.figures() as Figures);
  }
}

/** One line of a configuration file. */
export interface Directive {
  /** Its number, from 1. */
  line: number;
  /** The parameter, as written. */
  name: string;
  /** What follows the name. */
  args: Uint8Array[];
}

/** Figures of an engine. */
export interface Figures {
  /** Keys in all databases. */
  keys: number;
  /** Commands run. */
  commands: number;
  /** Open sessions. */
  sessions: number;
  /** Reads that found their key, and that did not. */
  hits: number;
  misses: number;
  /** Keys that expired. */
  expired: number;
}


/** Writes text as UTF-8 at `at`, where room for three bytes a character is; the position behind it. */
function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length <= SHORT) {
    let to = at;
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      bytes[to++] = code;
    }
    if (i === length) return to;
  }
  return at + encoder.encodeInto(text, bytes.subarray(at, at + length * 3)).written;
}
