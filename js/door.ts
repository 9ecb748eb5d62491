// The narrow door from the JavaScript side: arguments written straight into the engine's memory, replies read
// straight out of it. One Door is one WebAssembly instance with a memory of its own.
import { chance } from "./chance.js";
import { Clock } from "./clock.js";
import { Copies, type Reader } from "./copies.js";
import { ClosedError, EngineLostError } from "./errors.js";
import type { Recovered } from "./persistence.js";
import { type Arg, Decoder, type Reply } from "./resp.js";
import type { Operation, Store } from "./storage/adapter.js";
import { encode, readAscii, readText, writeNumber, writeText } from "./text.js";
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
   * nothing is lost: commands that would grow data answer OOM, reads and deletes go on. In Workers 96 MB by default, else no limit.
   */
  memoryLimit?: number;
}

const EMPTY = new Uint8Array();

/** Kinds of operations on a store, by the engine's numbers. */
const KINDS = ["put", "append", "delete"] as const;

/** Longest output that shares a buffer with others, and that buffer's size, in bytes. */
const SMALL = 1024;
const SLAB = 32 << 10;

/** Words of the engine's mail, by place; src/wasm/lane.rs has the same list. */
const enum Mail {
  Copied,
  Epoch,
  Base,
  Text,
  Length,
  Integer,
  Version,
  Database,
}

/** What the short way answers in place of a reply's length. */
const enum Code {
  Waits = 0,
  Ok = -1,
  Null = -2,
  Integer = -3,
  Ascii = -4,
  Text = -5,
}

/** What may go the short way: texts of {@link SHORT} UTF-16 units at most, and numbers. */
export type Short = string | number;

/** Three arguments of so many UTF-16 units, at three bytes each, fit into any request buffer. */
const SHORT = 4 << 10;

/** Whether an argument may go the short way. */
export const isShort = (given: unknown): given is Short => (typeof given === "string" ? given.length <= SHORT : typeof given === "number");

/** One engine: its instance, its memory, its buffers. Every method throws {@link EngineLostError} once it trapped. */
export class Door {
  /** The clock that commands see. */
  readonly clock: Clock;
  /** Values that were read, for clients of text. */
  readonly copies = new Copies(() => this.clock.expire());
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
  private doorRun: InitOutput["door_run"];
  private doorRead: InitOutput["door_read"];
  // Views of the memory and where the buffers stand in it; memory that grows empties them.
  private bytes = new Uint8Array();
  private words = new Uint32Array();
  private request = 0;
  private requestSize = 0;
  private wantsAt = 0;
  private base = 0;
  private mail = 0;
  /** By a command's place in the generated table: its index in the engine's, or {@link UNKNOWN} or {@link NOT_SHORT}. */
  private readonly indices: number[] = [];
  private spans = 0;
  private spansSize = 0;
  private slab = EMPTY;
  private slabAt = SLAB;
  private readonly decoder = new Decoder();

  constructor(module: WebAssembly.Module, options: EngineOptions = {}) {
    const glue = createGlue();
    this.clock = new Clock(options.now);
    this.clock.onReading = (now, isShared) => this.copies.see(now, isShared);
    this.exports = glue.initSync({ module });
    this.doorCall = this.exports.door_call;
    this.doorReply = this.exports.door_reply;
    this.doorRun = this.exports.door_run;
    this.doorRead = this.exports.door_read;
    this.panicMessage = glue.panicMessage;
    const seed = options.seed ?? chance();
    this.engine = new glue.Door(seed[0]!, seed[1]!, this.now(), options.databases ?? 16, options.memoryLimit ?? 0);
    this.address = this.engine.address();
    this.mail = this.exports.door_mail(this.address) >>> 2;
    this.reserve(0, 0);
  }

  /** Frees the instance: nothing refers to its memory any more. */
  close(): void {
    if (!this.lost) this.engine?.free();
    this.engine = undefined;
    this.exports = undefined;
    this.panicMessage = undefined;
    this.stop(() => {
      throw new ClosedError();
    });
  }

  /** Lets go of the memory; what still calls the engine gets `instead`. */
  private stop(instead: () => never): void {
    this.doorCall = this.doorReply = this.doorRun = this.doorRead = instead;
    this.bytes = new Uint8Array();
    this.words = new Uint32Array();
    this.copies.clear();
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
    this.stop(() => {
      throw lost;
    });
    this.onLost?.();
    throw lost;
  }

  /** Runs `work` on the exports; a trap ends this engine and no other. */
  private guard<T>(work: (exports: InitOutput) => T): T {
    const exports = this.opened();
    this.copies.stop();
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
    this.base = this.words[this.mail + Mail.Base]!;
    this.copies.words = this.words;
    this.copies.counter = this.mail + Mail.Copied;
    this.copies.epochAt = this.words[this.mail + Mail.Epoch]! >>> 2;
  }

  /** The time that the next command sees, in milliseconds since 1970. */
  now(): number {
    return this.clock.now();
  }

  /** Refreshes the views when memory grew: a detached array is empty. */
  private view(): void {
    if (this.bytes.length === 0) this.reserve(this.requestSize, this.spansSize);
  }

  /** Writes an argument to `at`, and where it stands to the words at `span`; the position behind it. */
  private put(span: number, at: number, arg: Arg): number {
    const { bytes, words } = this;
    let end: number;
    if (typeof arg === "string") end = writeText(bytes, at, arg);
    else if (typeof arg !== "object") end = writeNumber(bytes, at, arg);
    else {
      // Not `length`: an earlier form of this crashed Node 20, whose V8 read the length of what was no array.
      bytes.set(arg, at);
      end = at + arg.byteLength;
    }
    words[span] = at - this.base;
    words[span + 1] = end - at;
    return end;
  }

  /** Writes the arguments from `first` on into the engine's memory. */
  private write(args: readonly Arg[], first: number): void {
    const count = args.length;
    let most = 0;
    for (let i = first; i < count; i++) {
      const arg = args[i]!;
      most += typeof arg === "string" ? arg.length * 3 : typeof arg === "number" ? 24 : arg instanceof Uint8Array ? arg.byteLength : String(arg).length;
    }
    if (most > this.requestSize || count > this.spansSize || this.bytes.length === 0) this.reserve(most, count);
    let at = this.request;
    for (let i = first; i < count; i++) at = this.put(this.spans + 2 * i, at, args[i]!);
    if (most > 1 << 20) this.requestSize = 0; // Have the engine give a large buffer back at the next call.
  }

  /** Runs one command for a session and decodes its reply; `undefined` when the session waits. Errors are returned. */
  call(session: number, args: readonly Arg[], binary = false): Reply | undefined {
    this.write(args, 0);
    this.copies.stop();
    let length: number;
    try {
      const call = this.doorCall;
      length = call(this.address, session, args.length, this.now());
    } catch (error) {
      return this.lose(error);
    }
    if (length === 0) return undefined;
    this.view();
    return this.decode(length, binary);
  }

  /**
   * The index of a command for {@link run}, negative when it has to go the long way; `place` is the command's in the
   * generated table.
   */
  find(place: number, name: string): number {
    return (this.indices[place] ??= this.opened() && this.engine!.find(name.toLowerCase()));
  }

  /**
   * Runs the command at `index` with at most three arguments at `now`, the first `count`, and answers a {@link Code} or
   * the reply's length, for {@link reply}. With `reads` it is a GET by somebody
   * who would copy what it reads.
   */
  run(session: number, index: number, now: number, count: number, a: Short, b: Short, c: Short, reads = false): number {
    if (this.bytes.length === 0 || this.requestSize === 0) this.reserve(0, 0);
    const span = this.spans + 2;
    if (count > 0) {
      let at = this.put(span, this.request, a);
      if (count > 1) at = this.put(span + 2, at, b);
      if (count > 2) this.put(span + 4, at, c);
    }
    try {
      const run = reads ? this.doorRead : this.doorRun;
      return run(this.address, session, index, count + 1, now);
    } catch (error) {
      return this.lose(error);
    }
  }

  /** {@link run} with all arguments of `wire`, which begins with the name. */
  runAll(session: number, index: number, now: number, wire: readonly Arg[]): number {
    this.write(wire, 1);
    try {
      const run = this.doorRun;
      return run(this.address, session, index, wire.length, now);
    } catch (error) {
      return this.lose(error);
    }
  }

  /** Runs GET, whose index is given, for a session whose client is `reader`; where the value may be copied, it is. */
  read(session: number, index: number, now: number, key: string, reader: Reader): Reply | undefined {
    const reply = this.reply(this.run(session, index, now, 1, key, 0, 0, true), false);
    this.view();
    const version = this.words[this.mail + Mail.Version]!;
    if (version !== 0) this.copies.keep(reader, this.words[this.mail + Mail.Database]!, key, version >>> 2, reply as string);
    return reply;
  }

  /** The reply of which {@link run} answered `code`. */
  reply(code: number, binary: boolean): Reply | undefined {
    switch (code) {
      case Code.Waits:
        this.copies.stop();
        return undefined;
      case Code.Ok: return "OK";
      case Code.Null: return null;
    }
    if (this.bytes.length === 0) this.view();
    const { words, mail } = this;
    if (code === Code.Integer) return words[mail + Mail.Integer]! | 0;
    if (code > 0) return this.decode(code, binary);
    const start = words[mail + Mail.Text]!;
    const end = start + words[mail + Mail.Length]!;
    if (binary) return this.bytes.slice(start, end);
    return code === Code.Ascii ? readAscii(this.bytes, start, end) : readText(this.bytes, start, end);
  }

  /** The reply of `length` bytes that the engine has written. */
  private decode(length: number, binary: boolean): Reply {
    try {
      const reply = this.doorReply;
      const at = reply(this.address) >>> 0;
      const { bytes, decoder } = this;
      // The two commonest replies, without the decoder: +OK and null.
      if (length === 5 && bytes[at] === 0x2b && bytes[at + 1] === 0x4f) return "OK";
      if (length === 3 && bytes[at] === 0x5f) return null;
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
    this.write(args, 0);
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
    const most = 64 << 10;
    if (input.byteLength <= most) {
      if (input.byteLength > 0) this.receiveBlock(session, input);
      return;
    }
    for (let at = 0; at < input.byteLength; at += most) this.receiveBlock(session, input.subarray(at, at + most));
  }

  private receiveBlock(session: number, block: Uint8Array): void {
    if (this.bytes.length === 0) this.reserve(0, 0);
    this.bytes.set(block, this.request);
    const exports = this.opened();
    this.copies.stop();
    try {
      exports.door_receive(this.address, session, block.byteLength, this.now());
    } catch (error) {
      this.lose(error);
    }
    this.view();
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

  /** CLIENT ID of a session. */
  clientId(session: number): number {
    return this.guard(() => this.engine!.client_id(session));
  }

  /** Says where a session's client is, for CLIENT LIST. */
  setAddress(session: number, address: string, local: string): void {
    this.guard(() => this.engine?.set_address(session, `${address}\n${local}`));
  }

  /** Sets a parameter as an option at the start does, those included that CONFIG SET may not; throws what Redis says. */
  configure(name: string, args: readonly Arg[]): void {
    const bytes = args.map((arg) => (arg instanceof Uint8Array ? arg : encode(String(arg))));
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
    this.guard(() => this.engine?.set_host_parameter(`${name}\n${value}`));
  }

  /** Reads the text of a configuration file; throws when its quotes do not fit. */
  readDirectives(text: Uint8Array): Directive[] {
    const found = this.guard(() => this.engine!.read_directives(text) as [number, string, Uint8Array[]][]);
    return found.map(([line, name, args]) => ({ line, name, args }));
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
      const { bytes, slab, slabAt } = this;
      // A view of what is to be copied would cost more than a few bytes do.
      if (length <= 64) for (let i = 0; i < length; i++) slab[slabAt + i] = bytes[at + i]!;
      else slab.set(bytes.subarray(at, at + length), slabAt);
      this.slabAt += length;
      return slab.subarray(slabAt, slabAt + length);
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

  /** The next write that need not wait for the objects that the store still flushes, with whether it is to be durable. No operation asks for a sync. */
  nextWrite(flushing: number): [operations: Operation[], durable: boolean] | undefined {
    const list = this.guard(() => this.engine!.next_write(this.now(), flushing)) as unknown[] | undefined;
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
    const [keys, commands, sessions, hits, misses, expired] = this.guard(() => this.engine!.figures()) as [number, number, number, number, number, number];
    return { keys, commands, sessions, hits, misses, expired };
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

