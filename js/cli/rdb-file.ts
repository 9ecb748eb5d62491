// An RDB file made of what DUMP answers, which is a value as the file has it: nothing is unpacked, and nothing kept.
//
//   REDIS0010  FA "ctime" text  { FE database  { [FC ms, 8 bytes]  kind  key  value } }  FF  sum, 8 bytes
import type { Batches } from "./copy.js";
import { AnswerError } from "./copy.js";

/** A DUMP ends with its version, in two bytes, and a sum in eight. */
const TRAILER = 10;

/** The version of a file without keys: of Redis 7.0. */
const VERSION = 10;

const [AUX, EXPIRE_MS, SELECT, END] = [0xfa, 0xfc, 0xfe, 0xff];

/** Bytes of a piece, about. */
const PIECE = 256 << 10;

/**
 * Keys as an RDB file, in pieces. It is of the version that the first key's server writes, so that older servers refuse it as they
 * would that server's own.
 */
export async function* toRdb(batches: Batches): AsyncGenerator<Uint8Array> {
  const sum = new Sum();
  let parts: Uint8Array[] = [];
  let size = 0;
  const put = (part: Uint8Array) => {
    parts.push(part);
    size += part.length;
  };
  const piece = () => {
    const bytes = Buffer.concat(parts);
    sum.add(bytes);
    [parts, size] = [[], 0];
    return bytes;
  };
  const string = (bytes: Uint8Array) => {
    put(length(bytes.length));
    put(bytes);
  };
  const begin = (version: number) => {
    put(Buffer.from(`REDIS${String(version).padStart(4, "0")}`));
    put(Buffer.of(AUX));
    for (const text of ["ctime", String(Math.floor(Date.now() / 1000))]) string(Buffer.from(text));
  };
  let chosen = -1;
  for await (const items of batches) {
    for (const { db, key, expireAt, payload } of items) {
      if (payload.length <= TRAILER) throw new AnswerError("DUMP: what came is no payload");
      if (chosen < 0) begin(payload[payload.length - TRAILER]! | (payload[payload.length - TRAILER + 1]! << 8));
      if (db !== chosen) put(Buffer.concat([Buffer.of(SELECT), length((chosen = db))]));
      if (expireAt !== "0") {
        const expiry = Buffer.alloc(9, EXPIRE_MS);
        expiry.writeBigInt64LE(BigInt(expireAt), 1);
        put(expiry);
      }
      put(payload.subarray(0, 1));
      string(key);
      put(payload.subarray(1, payload.length - TRAILER));
      if (size >= PIECE) yield piece();
    }
  }
  if (chosen < 0) begin(VERSION);
  put(Buffer.of(END));
  yield piece();
  yield sum.bytes();
}

/** A length: in six bits, in fourteen, or in four bytes. */
function length(number: number): Buffer {
  if (number < 1 << 6) return Buffer.of(number);
  if (number < 1 << 14) return Buffer.of(0x40 | (number >> 8), number & 0xff);
  const bytes = Buffer.alloc(5, 0x80);
  bytes.writeUInt32BE(number, 1);
  return bytes;
}

/** CRC-64 of Jones, reflected, in halves: what `TABLE` holds at `2 * byte` is the low one. */
const TABLE = new Uint32Array(512);
for (let byte = 0; byte < 256; byte++) {
  let [low, high] = [byte, 0];
  for (let bit = 0; bit < 8; bit++) {
    const isOdd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (isOdd) [low, high] = [low ^ 0xac4bc9b5, high ^ 0x95ac9329];
  }
  TABLE[2 * byte] = low;
  TABLE[2 * byte + 1] = high;
}

/** The sum at the end of a file. */
class Sum {
  #low = 0;
  #high = 0;

  add(bytes: Uint8Array): void {
    let [low, high] = [this.#low, this.#high];
    for (let at = 0; at < bytes.length; at++) {
      const entry = 2 * ((low ^ bytes[at]!) & 0xff);
      low = ((low >>> 8) | (high << 24)) ^ TABLE[entry]!;
      high = (high >>> 8) ^ TABLE[entry + 1]!;
    }
    [this.#low, this.#high] = [low, high];
  }

  bytes(): Uint8Array {
    const bytes = Buffer.alloc(8);
    bytes.writeInt32LE(this.#low, 0);
    bytes.writeInt32LE(this.#high, 4);
    return bytes;
  }
}
