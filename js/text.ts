// Texts from and to bytes. The platforms' encoders cost more for a call than short texts do altogether, and most texts
// here are short: those are read and written by hand.

// A byte order mark is a character like any other here.
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();

/** Longest text that is written character by character. */
const WRITTEN = 24;

/** Longest text that is read in one call of fromCharCode. */
const READ = 24;

/** Reads ASCII at `start..end`; platforms that have something quicker than TextDecoder put it here. */
type Reader = (bytes: Uint8Array, start: number, end: number) => string;
let readLong: Reader = (bytes, start, end) => decoder.decode(bytes.subarray(start, end));

/** Has long ASCII texts read by `reader`. */
export function setReader(reader: Reader): void {
  readLong = reader;
}

/** The text at `start..end`, which is ASCII. */
export function readAscii(bytes: Uint8Array, start: number, end: number): string {
  return end - start <= READ ? readShort(bytes, start, end - start) : readLong(bytes, start, end);
}

/** The UTF-8 text at `start..end`. */
export function readText(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 64) return decoder.decode(bytes.subarray(start, end));
  let all = 0;
  for (let at = start; at < end; at++) all |= bytes[at]!;
  return all > 127 ? decoder.decode(bytes.subarray(start, end)) : readAscii(bytes, start, end);
}

const char = String.fromCharCode;

/**
 * One call for each length: it makes one flat string at once, where pieces put together take twice the time and are
 * flattened by who uses them first.
 */
function readShort(b: Uint8Array, a: number, length: number): string {
  switch (length) {
    case 1: return char(b[a]!);
    case 2: return char(b[a]!, b[a + 1]!);
    case 3: return char(b[a]!, b[a + 1]!, b[a + 2]!);
    case 4: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!);
    case 5: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!);
    case 6: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!);
    case 7: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!);
    case 8: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!);
    case 9: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!);
    case 10: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!);
    case 11: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!);
    case 12: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!);
    case 13: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!);
    case 14: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!);
    case 15: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!);
    case 16: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!);
    case 17: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!);
    case 18: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!);
    case 19: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!);
    case 20: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!, b[a + 19]!);
    case 21: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!, b[a + 19]!, b[a + 20]!);
    case 22: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!, b[a + 19]!, b[a + 20]!, b[a + 21]!);
    case 23: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!, b[a + 19]!, b[a + 20]!, b[a + 21]!, b[a + 22]!);
    case 24: return char(b[a]!, b[a + 1]!, b[a + 2]!, b[a + 3]!, b[a + 4]!, b[a + 5]!, b[a + 6]!, b[a + 7]!, b[a + 8]!, b[a + 9]!, b[a + 10]!, b[a + 11]!, b[a + 12]!, b[a + 13]!, b[a + 14]!, b[a + 15]!, b[a + 16]!, b[a + 17]!, b[a + 18]!, b[a + 19]!, b[a + 20]!, b[a + 21]!, b[a + 22]!, b[a + 23]!);
    default: return "";
  }
}

/** Writes text as UTF-8 at `at`, where room for three bytes a character is; the position behind it. */
export function writeText(bytes: Uint8Array, at: number, text: string): number {
  const length = text.length;
  if (length <= WRITTEN) {
    let i = 0;
    for (; i < length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) break;
      bytes[at + i] = code;
    }
    if (i === length) return at + length;
  }
  return at + encoder.encodeInto(text, bytes.subarray(at, at + length * 3)).written;
}

/** Writes a number or bigint in decimal; the position behind it. */
export function writeNumber(bytes: Uint8Array, at: number, number: number | bigint): number {
  // Indices, counts and scores are mostly small.
  if (typeof number === "number" && number >= 0 && number < 10 && Math.floor(number) === number && !Object.is(number, -0)) {
    bytes[at] = 48 + number;
    return at + 1;
  }
  return writeText(bytes, at, String(number));
}

/** UTF-8. */
export const encode = (text: string): Uint8Array => encoder.encode(text);
