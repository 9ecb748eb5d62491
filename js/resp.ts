// RESP from and to JavaScript values. Decoding reads straight out of the bytes it is given, which may be the
// engine's own memory: nothing it returns refers to them.
import { ReplyError } from "./errors.js";
import { encode, readText } from "./text.js";

/** What an argument may be. Numbers and bigints are sent as decimal text. */
export type Arg = string | Uint8Array | number | bigint;

/** A decoded reply. Maps become plain objects without prototype, sets and pushes arrays; integers beyond 2^53 stay exact as bigint. */
export type Reply = string | number | bigint | boolean | null | Uint8Array | ReplyError | Reply[] | { [key: string]: Reply };

/** Thrown inside the decoder when the bytes end before the reply does. */
const INCOMPLETE = Symbol("incomplete");

/**
 * Reads replies one after another out of bytes.
 *
 * `binary` makes bulk strings `Uint8Array` copies instead of text; keys of maps stay text.
 */
export class Decoder {
  bytes: Uint8Array = new Uint8Array();
  at = 0;
  end = 0;
  binary = false;
  /** The type byte of the reply read last: `>` tells a push from a reply. */
  type = 0;

  /** Read from `bytes[start..end]` from now on. */
  reset(bytes: Uint8Array, start = 0, end = bytes.length): this {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
    return this;
  }

  /** The next reply, or `undefined` (and nothing read) when it is not whole yet. Errors are returned, not thrown. */
  next(): Reply | undefined {
    const start = this.at;
    try {
      const type = this.bytes[start]!;
      const reply = this.read();
      this.type = type;
      return reply;
    } catch (error) {
      if (error !== INCOMPLETE) throw error;
      this.at = start;
      return undefined;
    }
  }

  /** The next reply, which must be whole. */
  read(): Reply {
    if (this.at >= this.end) throw INCOMPLETE;
    const type = this.bytes[this.at++]!;
    switch (type) {
      case 0x24: { // $
        const length = this.#length();
        if (length < 0) return null;
        const start = this.at;
        if (start + length + 2 > this.end) throw INCOMPLETE;
        this.at = start + length + 2;
        return this.binary ? this.bytes.slice(start, start + length) : readText(this.bytes, start, start + length);
      }
      case 0x3a: // :
        return this.#integer();
      case 0x2b: // +
        return this.#line();
      case 0x5f: // _
        this.#line();
        return null;
      case 0x2d: // -
        return new ReplyError(this.#line());
      case 0x2a: // *
      case 0x7e: // ~
      case 0x3e: { // >
        const length = this.#length();
        return length < 0 ? null : this.#items(length);
      }
      case 0x25: { // %
        const length = this.#length();
        const map: { [key: string]: Reply } = Object.create(null);
        for (let i = 0; i < length; i++) {
          const binary = this.binary;
          this.binary = false;
          const key = this.read();
          this.binary = binary;
          map[String(key)] = this.read();
        }
        return map;
      }
      case 0x2c: { // ,
        const text = this.#line();
        return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
      }
      case 0x23: // #
        return this.#line() === "t";
      case 0x28: // (
        return BigInt(this.#line());
      case 0x3d: { // =
        const length = this.#length();
        const start = this.at;
        if (start + length + 2 > this.end) throw INCOMPLETE;
        this.at = start + length + 2;
        return this.binary ? this.bytes.slice(start + 4, start + length) : readText(this.bytes, start + 4, start + length);
      }
      case 0x21: { // !
        const length = this.#length();
        const start = this.at;
        if (start + length + 2 > this.end) throw INCOMPLETE;
        this.at = start + length + 2;
        return new ReplyError(readText(this.bytes, start, start + length));
      }
      default:
        throw new Error(`not RESP: a reply begins with byte ${type}`);
    }
  }

  #items(length: number): Reply[] {
    const items: Reply[] = [];
    for (let i = 0; i < length; i++) items.push(this.read());
    return items;
  }

  #length(): number {
    const bytes = this.bytes;
    let at = this.at;
    let value = 0;
    let negative = false;
    if (bytes[at] === 0x2d) {
      negative = true;
      at++;
    }
    for (; at < this.end; at++) {
      const byte = bytes[at]!;
      if (byte === 0x0d) {
        if (at + 2 > this.end) throw INCOMPLETE;
        this.at = at + 2;
        return negative ? -value : value;
      }
      value = value * 10 + byte - 48;
    }
    throw INCOMPLETE;
  }

  #integer(): number | bigint {
    const start = this.at;
    const value = this.#length();
    if (Number.isSafeInteger(value)) return value;
    return BigInt(readText(this.bytes, start, this.at - 2));
  }

  #line(): string {
    const bytes = this.bytes;
    let at = this.at;
    while (at < this.end && bytes[at] !== 0x0d) at++;
    if (at + 2 > this.end) throw INCOMPLETE;
    const text = readText(bytes, this.at, at);
    this.at = at + 2;
    return text;
  }
}

/** One command as a RESP array of bulk strings. */
export function encodeCommand(args: readonly Arg[]): Uint8Array {
  const parts: Uint8Array[] = [encode(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = arg instanceof Uint8Array ? arg : encode(String(arg));
    parts.push(encode(`$${bytes.length}\r\n`), bytes, encode("\r\n"));
  }
  return concat(parts);
}

/** One array out of several. */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
