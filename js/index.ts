// The package without a platform: what every entry under platform/ adds its own way of finding the engine to.
import { Cachelet } from "./client.js";
import type { EngineOptions } from "./door.js";
import { Instance } from "./instance.js";
import { openStore, openStoreSync, type RecoverOptions } from "./persistence.js";
import type { Storage } from "./storage/adapter.js";

export type { Integer, Many, WaitOptions } from "./arguments.js";
export type { Chain, Multi, Pipeline, PortableMulti, PortablePipeline, Promised, Sync } from "./chain.js";
export { Cachelet } from "./client.js";
export type { EngineOptions, Figures } from "./door.js";
export { ClosedError, EngineLostError, ReplyError, StorageError, StorageTakenError } from "./errors.js";
export { type Connection, Instance, type Peer, type Transport } from "./instance.js";
export type * from "./generated/commands.js";
export type { Recovered, RecoverOptions } from "./persistence.js";
export { type Executor, LocalExecutor, Portable } from "./portable.js";
export type { Arg, Reply } from "./resp.js";
export type { Storage, Store } from "./storage/adapter.js";
export { LaggedError, type Listener, type Message, type SubscribeOptions, Subscription } from "./subscription.js";

/** What a database is opened with. */
export interface OpenOptions extends EngineOptions, RecoverOptions {
  /** Where the database is kept: `files("data")`, `indexedDB("app")`, ... from `cachelet/storage/*`. Without it, nowhere. */
  storage?: Storage;
  /** The compiled engine, for platforms and bundlers that have a way of their own to get it. */
  module?: WebAssembly.Module;
  /**
   * Settings under their CONFIG names, those too that CONFIG SET cannot change: `{ "notify-keyspace-events": "KEA" }`.
   * One that does not exist or does not fit is a RangeError.
   */
  config?: Readonly<Record<string, string | number>>;
}

function prepare(module: WebAssembly.Module, options: OpenOptions): Instance {
  const instance = new Instance(options.module ?? module, options);
  if (options.storage) instance.door.expectStore();
  for (const [name, value] of Object.entries(options.config ?? {})) {
    try {
      instance.door.configure(name, [value]);
    } catch (error) {
      instance.close();
      throw new RangeError(`config "${name}": ${error instanceof Error ? error.message : error}`, { cause: error });
    }
  }
  return instance;
}

/** Opens a database on a compiled engine, without waiting: kept nowhere, or in a store that is synchronous. */
export function openWith(module: WebAssembly.Module, options: OpenOptions = {}): Cachelet {
  const instance = prepare(module, options);
  if (options.storage) {
    try {
      openStoreSync(instance, options.storage, options);
    } catch (error) {
      instance.close();
      throw error;
    }
  }
  return new Cachelet(instance);
}

/** Opens a database on a compiled engine, and reads back what its storage has. */
export async function openStored(module: WebAssembly.Module, options: OpenOptions): Promise<Cachelet> {
  if (!options.storage) return openWith(module, options);
  const instance = prepare(module, options);
  try {
    await openStore(instance, options.storage, options);
  } catch (error) {
    instance.close();
    throw error;
  }
  return new Cachelet(instance);
}
