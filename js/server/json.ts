// The JSON of Upstash's REST protocol. Requests are arrays of scalars, read by hand for two reasons: numbers keep the
// digits they were sent with, and what is not allowed is refused in the words that their clients know. Replies are
// written by hand because integers may have more digits than a JavaScript number.
import { ReplyError } from "../errors.js";
import type { Reply } from "../resp.js";

/** A body that is not what the protocol asks for; the message is for the client. */
export class BadBody extends Error {}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Reads a request's body. */
export class BodyReader {
  #at = 0;

  /** @param what the kind of request, for error texts */
  constructor(readonly text: string, readonly what: string) {}

  /** One command: `["SET", "a", 1]`. */
  command(): string[] {
    const args = this.#array(() => this.#argument());
    this.#finish();
    return args;
  }

  /** Several commands: `[["SET", "a", 1], ["GET", "a"]]`. */
  commands(): string[][] {
    const rows = this.#array(() => this.#array(() => this.#argument()));
    this.#finish();
    return rows;
  }

  #skip(): number {
    for (;;) {
      const code = this.text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code;
      this.#at++;
    }
  }

  #broken(): never {
    throw new BadBody(`ERR failed to parse ${this.what}`);
  }

  #finish(): void {
    this.#skip();
    if (this.#at < this.text.length) this.#broken();
  }

  #array<T>(item: () => T): T[] {
    const first = this.#skip();
    if (Number.isNaN(first)) throw new BadBody("EOF");
    if (first !== 0x5b) throw new BadBody("expected JSON array");
    this.#at++;
    const items: T[] = [];
    if (this.#skip() === 0x5d) {
      this.#at++;
      return items;
    }
    for (;;) {
      items.push(item());
      const code = this.#skip();
      this.#at++;
      if (code === 0x5d) return items;
      if (code !== 0x2c) this.#broken();
    }
  }

  #argument(): string {
    const code = this.#skip();
    const { text } = this;
    if (code === 0x22) return this.#string();
    if (code === 0x5b || code === 0x7b) throw new BadBody(`ERR unsupported arg type: "${text[this.#at]}": json.Delim`);
    for (const word of ["true", "false", "null"]) {
      if (!text.startsWith(word, this.#at)) continue;
      if (word === "null") throw new BadBody("ERR null args are not supported");
      this.#at += word.length;
      return word;
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(text)?.[0];
    if (number === undefined) this.#broken();
    this.#at += number.length;
    return number;
  }

  #string(): string {
    const { text } = this;
    const start = this.#at;
    let end = start;
    for (;;) {
      end = text.indexOf('"', end + 1);
      if (end < 0) this.#broken();
      let slashes = 0;
      while (text.charCodeAt(end - 1 - slashes) === 0x5c) slashes++;
      if (slashes % 2 === 0) break;
    }
    this.#at = end + 1;
    const inside = text.slice(start + 1, end);
    if (!inside.includes("\\")) return inside;
    try {
      return JSON.parse(`"${inside}"`) as string;
    } catch {
      this.#broken();
    }
  }
}

/** A command's reply as an item of a response: `{"result":…}` or `{"error":…}`. */
export function itemOf(reply: Reply, base64: boolean): string {
  if (reply instanceof ReplyError) return `{"error":${JSON.stringify(reply.message)}}`;
  // Their clients take this one word as it is, and decode every other.
  if (reply === "OK") return '{"result":"OK"}';
  return `{"result":${jsonOf(reply, base64)}}`;
}

/** A reply as JSON. `base64` encodes every string, status replies too. */
function jsonOf(reply: Reply, base64: boolean): string {
  if (reply === null) return "null";
  if (typeof reply === "string") return base64 ? `"${toBase64(encoder.encode(reply))}"` : JSON.stringify(reply);
  if (typeof reply === "number" || typeof reply === "bigint" || typeof reply === "boolean") return String(reply);
  if (reply instanceof Uint8Array) return base64 ? `"${toBase64(reply)}"` : JSON.stringify(decoder.decode(reply));
  if (Array.isArray(reply)) return `[${reply.map((item) => jsonOf(item, base64)).join(",")}]`;
  if (reply instanceof ReplyError) return `{"error":${JSON.stringify(reply.message)}}`;
  return `[${Object.entries(reply).map(([key, value]) => `${jsonOf(key, base64)},${jsonOf(value, base64)}`).join(",")}]`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** What Node and Deno have and Workers may lack. */
declare const Buffer: undefined | { from(buffer: ArrayBufferLike, start: number, length: number): { toString(encoding: "base64"): string } };

function toBase64(bytes: Uint8Array): string {
  if (typeof Buffer !== "undefined") return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("base64");
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}
