// Node: the engine is a file beside this one, compiled at the first open.
import { Buffer } from "node:buffer";
import { closeSync, openSync as openFile, readFileSync, readSync } from "node:fs";
import process from "node:process";
import { setSource } from "../chance.js";
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";
import { settledAtExit } from "./exit.js";
import { setReader } from "../text.js";

export * from "../index.js";

// Half of what TextDecoder takes.
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string };
setReader((bytes, start, end) => latin1Slice.call(bytes, start, end));

// To load `crypto` takes two milliseconds, a quarter of what a first reply did. The kernel's randomness is a file, on most systems.
setSource(() => {
  try {
    const file = openFile("/dev/urandom", "r");
    try {
      const seed = new Uint32Array(2);
      return readSync(file, seed) === seed.byteLength ? seed : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
});

let compiled: WebAssembly.Module | undefined;

/** The compiled engine; the same for every call. */
export function engineModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(readFileSync(new URL("../wasm/cachelet.wasm", import.meta.url)));
  return compiled;
}

const atExit = (end: () => void) => void process.on("exit", end);

/** Opens a database, without waiting. */
export function openSync(options: OpenOptions = {}): Cachelet {
  return settledAtExit(openWith(options.module ?? engineModule(), options), atExit);
}

/** Opens a database. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  return settledAtExit(await openStored(options.module ?? engineModule(), options), atExit);
}
