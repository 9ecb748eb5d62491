// The package without a platform: what every entry under platform/ adds its own way of finding the engine to.
import { Cachelet } from "./client.js";
import type { EngineOptions } from "./door.js";
import { Instance } from "./instance.js";

export type { Integer, Many, WaitOptions } from "./arguments.js";
export type { Chain, Multi, Pipeline, PortableMulti, PortablePipeline, Promised, Sync } from "./chain.js";
export { Cachelet } from "./client.js";
export type { EngineOptions, Figures } from "./door.js";
export { ClosedError, EngineLostError, ReplyError } from "./errors.js";
export { type Connection, Instance, type Peer, type Transport } from "./instance.js";
export type * from "./generated/commands.js";
export { type Executor, LocalExecutor, Portable } from "./portable.js";
export type { Arg, Reply } from "./resp.js";
export { LaggedError, type Listener, type Message, type SubscribeOptions, Subscription } from "./subscription.js";

/** What a database is opened with. */
export interface OpenOptions extends EngineOptions {
  /** The compiled engine, for platforms and bundlers that have a way of their own to get it. */
  module?: WebAssembly.Module;
  /** Settings under their CONFIG names: `{ "notify-keyspace-events": "KEA" }`. */
  config?: Readonly<Record<string, string | number>>;
}

/** Opens a database on a compiled engine. */
export function openWith(module: WebAssembly.Module, options: OpenOptions = {}): Cachelet {
  const db = new Cachelet(new Instance(options.module ?? module, options));
  try {
    for (const [name, value] of Object.entries(options.config ?? {})) db.call("CONFIG", "SET", name, value);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}
