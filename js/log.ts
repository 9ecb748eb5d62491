// Append logs of Redis: commands in RESP, run one after the other. Beside commands there are remarks, `#TS:1700000000` in a line
// of their own.
import type { Door } from "./door.js";
import { ReplyError } from "./errors.js";
import { Decoder, type Reply } from "./resp.js";
import { readText } from "./text.js";

/** A file that is none of Redis', is damaged, or holds what there is not here. The message says what, and at which byte. */
export class ImportError extends Error {
  override readonly name = "ImportError";
}

/** Longest line of the format, in bytes. */
const LINE = 64 << 10;

/** Longest argument, in bytes. */
const ARGUMENT = 2 ** 31 - 1;

/** Bytes that are run at once, about. */
const BATCH = 64 << 10;

const [CR, LF, HASH, STAR, DOLLAR, ZERO, NINE] = [0x0d, 0x0a, 0x23, 0x2a, 0x24, 0x30, 0x39];

/** What a log came to. */
export interface Log {
  commands: number;
  functions: number;
  cut: { at: number; bytes: number } | undefined;
}

/** Runs the commands of a log that comes in pieces. */
export class LogReader {
  /** What came and was not run yet stands at `start..end`; byte `start` is number `offset` of the file. */
  #bytes = new Uint8Array(4 * BATCH);
  #start = 0;
  #end = 0;
  #offset: number;
  /** How many bytes have to be there before it is worth looking again. */
  #wanted = 1;
  #commands = 0;
  #functions = 0;
  /** Where the transaction begins that is not over, and how many commands came before it. */
  #transaction: { at: number; commands: number } | undefined;
  /** Whether a log may hold a command, by its name, or by that and its subcommand's. */
  readonly #known = new Map<string, boolean>();
  /** Behind the line or the item that was read last, and the first two arguments of that. */
  #behind = 0;
  #words: string[] = [];

  /** A reader of the log from byte `offset` of its file on, which runs the commands in `session`. */
  constructor(readonly door: Door, readonly session: number, offset: number) {
    this.#offset = offset;
  }

  /** Takes the next bytes, and runs what is whole. */
  feed(bytes: Uint8Array): void {
    this.#keep(bytes);
    if (this.#end - this.#start < this.#wanted) return;
    let at = this.#start;
    // The commands at `#start..at`, which are whole and not run yet.
    let starts: number[] = [];
    while (this.#item(at)) {
      const next = this.#behind;
      if (this.#words.length > 0 && this.#words[0] !== "function") {
        this.#note(at);
        starts.push(at);
        at = next;
        if (at - this.#start < BATCH) continue;
        this.#run(starts, at);
      } else {
        // A remark, or functions: they are not data, and there are none here.
        this.#run(starts, at);
        this.#functions += this.#words.length > 0 ? 1 : 0;
        this.#pass(next);
        at = next;
      }
      starts = [];
    }
    this.#run(starts, at);
  }

  /** Ends the log: what it came to. It may have ended within a command or a transaction. */
  end(): Log {
    const end = this.#offset + this.#end - this.#start;
    const { at, commands } = this.#transaction ?? { at: this.#offset, commands: this.#commands };
    return { commands, functions: this.#functions, cut: at < end ? { at, bytes: end - at } : undefined };
  }

  #keep(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      const held = this.#bytes.subarray(this.#start, this.#end);
      // Twice as much as is there: it is not the file's word that is believed.
      if (held.length + bytes.length > this.#bytes.length / 2) this.#bytes = new Uint8Array(2 * (held.length + bytes.length));
      this.#bytes.set(held);
      this.#end = held.length;
      this.#start = 0;
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** What ends at `to` is done with. */
  #pass(to: number): void {
    this.#offset += to - this.#start;
    this.#start = to;
  }

  #fail(at: number, why: string): never {
    throw new ImportError(`${why} at byte ${this.#offset + at - this.#start}`);
  }

  /** Reads the command or remark at `at`; false if it is not whole yet. */
  #item(at: number): boolean {
    this.#words = [];
    const bytes = this.#bytes;
    if (at >= this.#end) return this.#wants(1);
    if (bytes[at] === HASH) {
      const end = bytes.indexOf(LF, at);
      if (end >= 0 && end < this.#end) this.#behind = end + 1;
      else if (this.#end - at < LINE) return this.#wants(this.#end - at + 1);
      else this.#fail(at, "a remark without end");
      return true;
    }
    const count = this.#number(at, STAR);
    if (count === undefined) return this.#wants(this.#end - at + 1);
    if (count < 1) this.#fail(at, "a command without a name");
    for (let i = 0; i < count; i++) {
      const length = this.#number(this.#behind, DOLLAR);
      if (length === undefined) return this.#wants(this.#end - at + 1);
      if (length > ARGUMENT) this.#fail(at, "a command with an argument that is too long");
      const from = this.#behind;
      this.#behind = from + length + 2;
      if (this.#behind > this.#end) return this.#wants(this.#behind - at);
      if (bytes[from + length] !== CR || bytes[from + length + 1] !== LF) this.#fail(from + length, "an argument of another length than was stated ends");
      if (i < 2) this.#words.push(readText(bytes, from, Math.min(from + length, from + 64)).toLowerCase());
    }
    return true;
  }

  /** What begins here is not whole, and takes so many bytes at least; false. */
  #wants(bytes: number): false {
    this.#wanted = bytes;
    return false;
  }

  /** The number in the line at `at`, which begins with `mark`; `undefined` if it is not whole yet. */
  #number(at: number, mark: number): number | undefined {
    const bytes = this.#bytes;
    let number = 0;
    for (let i = at; i < this.#end; i++) {
      const byte = bytes[i]!;
      if (i === at ? byte === mark : byte >= ZERO && byte <= NINE && i - at < 11) {
        if (i > at) number = number * 10 + byte - ZERO;
      } else if (byte === CR && i > at + 1) {
        if (i + 1 === this.#end) break;
        if (bytes[i + 1] !== LF) this.#fail(i, "a line that does not end as lines do");
        this.#behind = i + 2;
        return number;
      } else {
        this.#fail(at, "what is neither RDB nor a command begins");
      }
    }
    return undefined;
  }

  /** Refuses a command that no log holds; follows transactions. */
  #note(at: number): void {
    const [name = "", sub = ""] = this.#words;
    const offset = this.#offset + at - this.#start;
    if (!this.#isHeld(name) && !this.#isHeld(`${name}|${sub}`)) {
      this.#fail(at, `the command ${JSON.stringify(name)}, which does not exist here or changes nothing,`);
    }
    if (name === "multi") this.#transaction ??= { at: offset, commands: this.#commands };
    if (name === "exec") this.#transaction = undefined;
    this.#commands++;
  }

  /** Whether a log may hold a command. */
  #isHeld(name: string): boolean {
    let held = this.#known.get(name);
    if (held === undefined) {
      const helper = this.door.open(true);
      const reply = new Decoder().reset(this.door.callRaw(helper, ["COMMAND", "INFO", name])).read() as [Reply[] | null];
      this.door.end(helper);
      const flags = (reply[0]?.[2] ?? []) as string[];
      // PFCOUNT is logged where it renews what the key remembers of its count.
      held = flags.includes("write") || /^(?:select|multi|exec|pfcount)$/.test(name);
      this.#known.set(name, held);
    }
    return held;
  }

  /** Runs the commands at `start..to`, which begin at `starts`. */
  #run(starts: readonly number[], to: number): void {
    const { door, session } = this;
    if (starts.length > 0) door.receive(session, this.#bytes.subarray(this.#start, to));
    let replies = 0;
    const decoder = new Decoder();
    for (let out = door.output(session, 1 << 30); out.length > 0; out = door.output(session, 1 << 30)) {
      door.sent(session, out.length);
      for (decoder.reset(out); decoder.at < out.length; replies++) {
        const error = errorIn(decoder.read());
        if (error) this.#failed(starts[replies]!, error.message);
      }
    }
    if (replies < starts.length) this.#failed(starts[replies]!, "it would wait");
    this.#pass(to);
  }

  /** A command that is not answered as one that a log holds is. */
  #failed(at: number, why: string): never {
    this.#item(at);
    this.#fail(at, `${why}: the command ${JSON.stringify(this.#words[0])}`);
  }
}

/** The error that a reply is, or that one in it is. */
function errorIn(reply: Reply): ReplyError | undefined {
  if (reply instanceof ReplyError) return reply;
  if (!Array.isArray(reply)) return undefined;
  for (const item of reply) {
    const error = errorIn(item);
    if (error) return error;
  }
  return undefined;
}
