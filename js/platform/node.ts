// Node: the engine is a file beside this one, compiled at the first open.
import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import process from "node:process";
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";
import { settledAtExit } from "./exit.js";
import { setReader } from "../text.js";

export * from "../index.js";

// Half of what TextDecoder takes.
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(this: Uint8Array, start: number, end: number): string };
setReader((bytes, start, end) => latin1Slice.call(bytes, start, end));

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
