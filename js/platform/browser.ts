// Browsers: the engine is fetched from beside this module and compiled while it arrives.
import { type Cachelet, type OpenOptions, openStored } from "../index.js";

export * from "../index.js";

let compiling: Promise<WebAssembly.Module> | undefined;

/** Fetches and compiles the engine, once. `source` replaces the address beside this module. */
export function engineModule(source: string | URL = new URL("../wasm/cachelet.wasm", import.meta.url)): Promise<WebAssembly.Module> {
  compiling ??= load(source).catch((error: unknown) => {
    compiling = undefined;
    throw error;
  });
  return compiling;
}

async function load(source: string | URL): Promise<WebAssembly.Module> {
  const response = await fetch(source);
  if (!response.ok) throw new Error(`the engine could not be fetched from ${source}: ${response.status}`);
  // compileStreaming insists on the media type, which simple file servers do not always send.
  if (response.headers.get("content-type")?.startsWith("application/wasm")) return WebAssembly.compileStreaming(response);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Opens a database. One that is kept somewhere is flushed when its page is hidden or left: it may not come back. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  const db = await openStored(options.module ?? (await engineModule()), options);
  if (options.storage && typeof document !== "undefined") {
    const over = new AbortController();
    const flush = () => (db.closed ? over.abort() : db.flush());
    addEventListener("pagehide", flush, { signal: over.signal });
    document.addEventListener("visibilitychange", flush, { signal: over.signal });
  }
  return db;
}
