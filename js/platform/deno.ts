// Deno: the engine is a file beside this one (or on the server this one came from), compiled at the first open.
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";

export * from "../index.js";

/** The part of Deno that is used here. */
declare const Deno: { readFileSync(path: URL): Uint8Array<ArrayBuffer> };

let compiled: WebAssembly.Module | undefined;
let compiling: Promise<WebAssembly.Module> | undefined;

const url = () => new URL("../wasm/cachelet.wasm", import.meta.url);

/** Opens a database, without waiting. Needs `--allow-read` for the engine's file. */
export function openSync(options: OpenOptions = {}): Cachelet {
  compiled ??= options.module ?? new WebAssembly.Module(Deno.readFileSync(url()));
  return openWith(options.module ?? compiled, options);
}

/** Opens a database. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  if (!options.module && !compiled && url().protocol !== "file:") {
    compiling ??= WebAssembly.compileStreaming(fetch(url()));
    compiled = await compiling;
  }
  compiled ??= options.module ?? new WebAssembly.Module(Deno.readFileSync(url()));
  return openStored(options.module ?? compiled, options);
}
