// Cloudflare Workers: compiling is forbidden there, so the module is imported and comes compiled.
import module from "../wasm/cachelet.wasm";
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";

export * from "../index.js";

/** Bytes that the engine's memory may come to: an isolate has 128 MB, and keys and replies in JavaScript need some of them. */
const MEMORY_LIMIT = 96 << 20;

/**
 * What leaves an isolate safe, where `options` do not say otherwise: WebAssembly's memory only grows, and under churn it comes to nearly
 * twice `maxmemory`, so that is half of its limit.
 */
function bounded(options: OpenOptions): OpenOptions {
  const memoryLimit = options.memoryLimit ?? MEMORY_LIMIT;
  return { ...options, memoryLimit, config: { maxmemory: Math.floor(memoryLimit / 2), ...options.config } };
}

/**
 * Opens a database, without waiting. Not at module scope: Workers allow no randomness and no clock there. An isolate has 128 MB, so
 * `memoryLimit` is 96 MB by default, and `config.maxmemory` half of `memoryLimit`: 48 MB, at which writes answer OOM unless there is
 * a `maxmemory-policy`. `memoryLimit: 0` is for no limit at all.
 */
export function openSync(options: OpenOptions = {}): Cachelet {
  return openWith(options.module ?? module, bounded(options));
}

/** Opens a database; {@link openSync} has the defaults. Not at module scope: Workers allow no randomness and no clock there. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  return openStored(options.module ?? module, bounded(options));
}
