// Cloudflare Workers: compiling is forbidden there, so the module is imported and comes compiled.
import module from "../wasm/cachelet.wasm";
import { type Cachelet, type OpenOptions, openStored, openWith } from "../index.js";

export * from "../index.js";

/** Opens a database, without waiting. Not at module scope: Workers allow no randomness and no clock there. */
export function openSync(options: OpenOptions = {}): Cachelet {
  return openWith(options.module ?? module, options);
}

/** Opens a database. Not at module scope: Workers allow no randomness and no clock there. */
export async function open(options: OpenOptions = {}): Promise<Cachelet> {
  return openStored(options.module ?? module, options);
}
