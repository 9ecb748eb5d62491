// Replies as redis-cli prints them, from RESP bytes: types that JavaScript values would blur stay apart. Used by
// `cachelet cli` and by the console page.
import { concat } from "../resp.js";

/** A reply with its RESP type kept. */
export type Node =
  | { type: "string" | "status" | "error" | "verbatim"; text: Uint8Array }
  | { type: "integer" | "double" | "big" | "boolean"; value: string }
  | { type: "null" }
  | { type: "array" | "set" | "push"; items: Node[] }
  | { type: "map"; pairs: [Node, Node][] };

const decoder = new TextDecoder();

/** Reads replies out of bytes that arrive in pieces. */
export class NodeReader {
  /** What came and was not read yet stands at `#at..#end`. */
  #bytes = new Uint8Array(1024);
  #at = 0;
  #end = 0;

  /** More bytes have arrived. */
  add(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      const rest = this.#bytes.subarray(this.#at, this.#end);
      // Twice as much as is there: a large reply comes in many pieces, and is not copied for each.
      const room = rest.length + bytes.length > this.#bytes.length / 2 ? new Uint8Array(2 * (rest.length + bytes.length)) : this.#bytes;
      room.set(rest);
      [this.#bytes, this.#at, this.#end] = [room, 0, rest.length];
    }
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next whole reply, if there is one. */
  next(): Node | undefined {
    const start = this.#at;
    const node = this.#node();
    if (node === undefined) this.#at = start;
    return node;
  }

  #line(): Uint8Array | undefined {
    const end = this.#bytes.subarray(0, this.#end).indexOf(13, this.#at);
    if (end < 0 || end + 2 > this.#end) return undefined;
    const line = this.#bytes.subarray(this.#at, end);
    this.#at = end + 2;
    return line;
  }

  #blob(length: number): Uint8Array | undefined {
    if (this.#at + length + 2 > this.#end) return undefined;
    const blob = this.#bytes.slice(this.#at, this.#at + length);
    this.#at += length + 2;
    return blob;
  }

  #items(count: number): Node[] | undefined {
    const items: Node[] = [];
    for (let i = 0; i < count; i++) {
      const item = this.#node();
      if (item === undefined) return undefined;
      items.push(item);
    }
    return items;
  }

  #node(): Node | undefined {
    const line = this.#line();
    if (line === undefined) return undefined;
    const kind = String.fromCharCode(line[0] ?? 0);
    const rest = decoder.decode(line.subarray(1));
    switch (kind) {
      case "+":
        return { type: "status", text: line.slice(1) };
      case "-":
        return { type: "error", text: line.slice(1) };
      case ":":
        return { type: "integer", value: rest };
      case ",":
        return { type: "double", value: rest };
      case "(":
        return { type: "big", value: rest };
      case "#":
        return { type: "boolean", value: rest === "t" ? "true" : "false" };
      case "_":
        return { type: "null" };
      case "$":
      case "=":
      case "!": {
        if (Number(rest) < 0) return { type: "null" };
        const blob = this.#blob(Number(rest));
        if (blob === undefined) return undefined;
        if (kind === "!") return { type: "error", text: blob };
        return kind === "=" ? { type: "verbatim", text: blob.subarray(4) } : { type: "string", text: blob };
      }
      case "*":
      case "~":
      case ">": {
        if (Number(rest) < 0) return { type: "null" };
        const items = this.#items(Number(rest));
        return items && { type: kind === "*" ? "array" : kind === "~" ? "set" : "push", items };
      }
      case "%": {
        const items = this.#items(Number(rest) * 2);
        if (items === undefined) return undefined;
        return { type: "map", pairs: Array.from({ length: items.length / 2 }, (_, i) => [items[2 * i]!, items[2 * i + 1]!]) };
      }
      default:
        throw new Error(`not RESP: a reply begins with ${JSON.stringify(kind)}`);
    }
  }
}

/** A reply as redis-cli prints it to a terminal, without the last line's end. */
export function print(node: Node, indent = ""): string {
  switch (node.type) {
    case "string":
      return quote(node.text);
    case "status":
    case "verbatim":
      return decoder.decode(node.text);
    case "error":
      return `(error) ${decoder.decode(node.text)}`;
    case "null":
      return "(nil)";
    case "integer":
      return `(integer) ${node.value}`;
    case "double":
      return `(double) ${node.value}`;
    case "big":
      return node.value;
    case "boolean":
      return `(${node.value})`;
    case "map": {
      if (node.pairs.length === 0) return "(empty hash)";
      return numbered(node.pairs.length, "#", indent, (i, inner) => {
        const [key, value] = node.pairs[i]!;
        return `${print(key, inner)} => ${print(value, inner)}`;
      });
    }
    default: {
      if (node.items.length === 0) return node.type === "set" ? "(empty set)" : node.type === "push" ? "(empty push)" : "(empty array)";
      return numbered(node.items.length, node.type === "set" ? "~" : ")", indent, (i, inner) => print(node.items[i]!, inner));
    }
  }
}

/** A reply as redis-cli prints it where no person reads: the bytes as they are, one item a line, a map's pairs with a blank between. */
export function printRaw(node: Node): Uint8Array {
  switch (node.type) {
    case "string":
    case "status":
    case "verbatim":
    case "error":
      return node.text;
    case "null":
      return new Uint8Array();
    case "boolean":
      return encoder.encode(`(${node.value})`);
    case "map":
      return joined(node.pairs.map(([key, value]) => concat([printRaw(key), BLANK, printRaw(value)])));
    case "array":
    case "set":
    case "push":
      return joined(node.items.map(printRaw));
    default:
      return encoder.encode(node.value);
  }
}

const encoder = new TextEncoder();
const BLANK = Uint8Array.of(0x20);
const LINE = Uint8Array.of(0x0a);

function joined(lines: Uint8Array[]): Uint8Array {
  return concat(lines.flatMap((line, i) => (i === 0 ? [line] : [LINE, line])));
}

/** Lines with numbers in front, aligned; the first goes where the caller stands. */
function numbered(count: number, mark: string, indent: string, line: (index: number, indent: string) => string): string {
  const width = String(count).length;
  const inner = `${indent}${" ".repeat(width + 2)}`;
  return Array.from({ length: count }, (_, i) => `${i === 0 ? "" : indent}${String(i + 1).padStart(width)}${mark} ${line(i, inner)}`).join("\n");
}

/** Bytes as a quoted string with redis-cli's escapes. */
export function quote(bytes: Uint8Array): string {
  let text = '"';
  for (const byte of bytes) {
    if (byte === 0x22 || byte === 0x5c) text += `\\${String.fromCharCode(byte)}`;
    else if (byte === 10) text += "\\n";
    else if (byte === 13) text += "\\r";
    else if (byte === 9) text += "\\t";
    else if (byte === 7) text += "\\a";
    else if (byte === 8) text += "\\b";
    else if (byte >= 32 && byte < 127) text += String.fromCharCode(byte);
    else text += `\\x${byte.toString(16).padStart(2, "0")}`;
  }
  return `${text}"`;
}
