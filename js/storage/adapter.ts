// The contract between persistence and a place that keeps bytes. The engine decides which bytes go under which name; an
// adapter knows its store's calls and limits and nothing of the format.
//
// Names are 1 to 64 characters of [a-z0-9./-]; they start with a letter and sort as text. What is written under a name:
//
//   put      a whole object, new or over an old one. Never torn: after a crash it is the old one or the new one.
//   append   the end of an object, which it makes where there is none. May be torn: a crash can leave a part of it.
//   delete   an object that may not be there.

/** An answer now, or the promise of one. A store that is {@link Store.synchronous} never promises. */
export type Awaitable<T> = T | Promise<T>;

/** One change of a store. */
export type Operation =
  | { readonly kind: "put"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "append"; readonly name: string; readonly bytes: Uint8Array }
  | { readonly kind: "delete"; readonly name: string };

/** What a store takes in one {@link Store.write}. */
export interface Limits {
  /** Longest object, in bytes. Where a store appends this bounds a put and an append, not the object that grows. */
  readonly object: number;
  /** Most operations of one write. */
  readonly operations: number;
  /** Most bytes of one write, names included. */
  readonly bytes: number;
}

/** A store that is open, and this program's until it is closed. */
export interface Store {
  /** What it is, for messages: `IndexedDB "app"`. */
  readonly description: string;
  readonly limits: Limits;
  /** Every method answers at once. */
  readonly synchronous: boolean;
  /**
   * A write happens whole or not at all. Otherwise it happens in order, and a crash leaves a beginning of it; where the store is
   * {@link Store.eventual}, any part of it.
   */
  readonly atomic: boolean;
  /** It takes `append`. Without it a log is kept as an object for every piece. */
  readonly appends: boolean;
  /** It is fit for an append log: many small writes a second, each read back by whoever opens the store next. */
  readonly logs: boolean;
  /**
   * Objects that were put, need not be durable, and are flushed by another thread: what is durable, and what is deleted, may hold this
   * thread until they are. None where it is left out.
   */
  readonly flushing?: number;
  /** Whoever opens it may for a while see what stood there before: nothing is deleted that the last manifest names. */
  readonly eventual: boolean;

  /** An object's bytes, `undefined` where there is none. */
  get(name: string): Awaitable<Uint8Array | undefined>;

  /** The names that start with `prefix`, sorted. */
  list(prefix: string): Awaitable<string[]>;

  /**
   * Does the operations in order; their number and size are within {@link Store.limits}. With `durable` it answers once
   * they, and all that was written before, would survive a crash of the program and of the machine as far as the store
   * can promise that; without, once they are handed over: then an append outlives the program, a put may be lost with it,
   * whole. Where the store appends, a durable write of nothing but appends leaves out what was put without being durable:
   * that becomes durable with a durable put or a sync. Throws {@link StorageError}.
   *
   * The bytes must stay as they are until it has answered. Writes are done in the order of their calls. Of those that are not
   * durable yet a crash of the machine may leave one without an earlier one, where both are of other objects. A write that
   * throws may have done a beginning of its operations, none where the store is atomic; an append that failed left no part.
   */
  write(operations: readonly Operation[], durable: boolean): Awaitable<void>;

  /**
   * Makes durable what was written so far. An object for which that failed, here or in a durable write, takes no append
   * any more and is no part of a later sync, until it is put anew or deleted: whoever wrote it writes elsewhere what it held.
   */
  sync(): Awaitable<void>;

  /** Gives the store back. */
  close(): Awaitable<void>;
}

/** Where a database is kept: what `open({ storage })` takes. Making one touches nothing; opening it does. */
export interface Storage {
  /** What it is, for messages. */
  readonly description: string;
  /**
   * Opens the store and claims it. One program at a time may write: where another has it open, either this throws
   * {@link StorageTakenError}, or the other's next write does (`takeOver`, which only those ask for who know that the
   * other is to go).
   */
  open(options?: { takeOver?: boolean }): Awaitable<Store>;
}

/** One that is open at once, where nothing has to be waited for. */
export interface InstantStorage extends Storage {
  open(options?: { takeOver?: boolean }): Store;
}
