// Deno: the engine is a file beside this one (or on the server this one came from), compiled at the first open.
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";
import { settledAtExit } from "./exit.js";

export * from "../index.js";

/** The part of Deno that is used here. */
declare const Deno: { readFileSync(path: URL): Uint8Array<ArrayBuffer> };

let compiled: WebAssembly.Module | undefined;
let compiling: Promise<WebAssembly.Module> | undefined;

const url = () => new URL("../wasm/cachelet.wasm", import.meta.url);

/** The compiled engine; the same for every call. */
export async function engineModule(): Promise<WebAssembly.Module> {
  if (!compiled && url().protocol !== "file:") {
    compiling ??= WebAssembly.compileStreaming(fetch(url()));
    compiled = await compiling;
  }
  return (compiled ??= new WebAssembly.Module(Deno.readFileSync(url())));
}

/** What nobody catches ends the program without an unload. */
const atExit = (end: () => void) => ["unload", "error", "unhandledrejection"].forEach((event) => globalThis.addEventListener(event, end));

/** Opens a database, without waiting. Needs `--allow-read` for the engine's file. */
export function openSync(options: OpenOptions = {}): Cachelet {
  const module = options.module ?? (compiled ??= new WebAssembly.Module(Deno.readFileSync(url())));
  return settledAtExit(openWith(module, options), atExit);
}

/** Opens a database. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  return settledAtExit(await openStored(options.module ?? (await engineModule()), options), atExit);
}
