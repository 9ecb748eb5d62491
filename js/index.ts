// The package without a platform: what every entry under platform/ adds its own way of finding the engine to.
import { Cachelet } from "./client.js";
import type { EngineOptions } from "./door.js";
import { Instance } from "./instance.js";

export type { Integer, Many, WaitOptions } from "./arguments.js";
export type { Chain, Multi, Pipeline, PortableMulti, PortablePipeline, Promised, Sync } from "./chain.js";
export { Cachelet } from "./client.js";
export type { EngineOptions, Figures } from "./door.js";
export { ClosedError, EngineLostError, ReplyError, StorageError, StorageTakenError } from "./errors.js";
export { type Connection, Instance, type Peer, type Transport } from "./instance.js";
export type * from "./generated/commands.js";
export { type Executor, LocalExecutor, Portable } from "./portable.js";
export type { Arg, Reply } from "./resp.js";
export { LaggedError, type Listener, type Message, type SubscribeOptions, Subscription } from "./subscription.js";

/** What a database is opened with. */
export interface OpenOptions extends EngineOptions {
  /** The compiled engine, for platforms and bundlers that have a way of their own to get it. */
  module?: WebAssembly.Module;
  /**
   * Settings under their CONFIG names, those too that CONFIG SET cannot change: `{ "notify-keyspace-events": "KEA" }`.
   * One that does not exist or does not fit is a RangeError.
   */
  config?: Readonly<Record<string, string | number>>;
}

/** Opens a database on a compiled engine. */
export function openWith(module: WebAssembly.Module, options: OpenOptions = {}): Cachelet {
  const instance = new Instance(options.module ?? module, options);
  for (const [name, value] of Object.entries(options.config ?? {})) {
    try {
      instance.door.configure(name, [value]);
    } catch (error) {
      instance.close();
      throw new RangeError(`config "${name}": ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  return new Cachelet(instance);
}
