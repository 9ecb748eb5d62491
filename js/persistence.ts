// Persistence as the program sees it: reads a keyspace back when a database is opened, and then carries out, one after
// the other, the writes that the engine asks for. Nothing here knows the format, and nothing a platform.
import type { Door } from "./door.js";
import { StorageError } from "./errors.js";
import type { Instance } from "./instance.js";
import type { Awaitable, Operation, Storage, Store } from "./storage/adapter.js";

/** What a database found in its storage when it was opened. */
export interface Recovered {
  /** There was something. */
  found: boolean;
  /** Keys of the snapshot, and when it was made, in milliseconds since 1970. */
  keys: number;
  snapshotAt: number;
  /** Changes of the log that were repeated. */
  effects: number;
  /** Bytes read, and how long it took, in milliseconds. */
  bytes: number;
  ms: number;
  /** The torn end of the log that was cut off, as a crash leaves it. */
  cut?: { object: string; offset: number; bytes: number };
  /** What was given up, where damage was salvaged. */
  lost: string[];
}

/** Work that waits for a store now and then. */
type Steps<T> = Generator<Awaitable<unknown>, T, unknown>;

const isPromise = (value: unknown): value is Promise<unknown> => typeof (value as { then?: unknown } | undefined)?.then === "function";

/** Does the steps without waiting; a store that promises something is a TypeError. */
function now<T>(steps: Steps<T>): T {
  for (let step = steps.next(); ; ) {
    if (step.done) return step.value;
    if (isPromise(step.value)) {
      step.value.catch(() => {});
      throw new TypeError("this storage cannot be opened without waiting: use open, not openSync");
    }
    step = steps.next(step.value);
  }
}

/** Does the steps, waiting where a store promises. */
async function inTime<T>(steps: Steps<T>): Promise<T> {
  for (let step = steps.next(); ; ) {
    if (step.done) return step.value;
    try {
      step = steps.next(isPromise(step.value) ? await step.value : step.value);
    } catch (error) {
      step = steps.throw(error);
    }
  }
}

/** How a database is read back. */
export interface RecoverOptions {
  /**
   * What to do about damage: refuse it with an error that names the object and the offset (the default), or keep what is
   * whole and say in {@link Recovered.lost} what went.
   */
  recover?: "refuse" | "salvage";
  /** The store is known to be left by whoever had it: see {@link Storage.open}. */
  takeOver?: boolean;
  /** Settings that were made; see `OpenOptions`. */
  config?: Readonly<Record<string, string | number>>;
}

/** What is set where `config` says nothing: Redis' save points, and a log where the store is fit for one. */
const DEFAULTS = { save: "3600 1 300 100 60 10000", appendonly: "yes" };

function* openSteps(instance: Instance, storage: Storage, options: RecoverOptions): Steps<void> {
  const { door } = instance;
  const begun = Date.now();
  const store = (yield storage.open(options.takeOver ? { takeOver: true } : {})) as Store;
  try {
    if (!store.logs && String(options.config?.["appendonly"]).toLowerCase() === "yes") {
      throw new StorageError(`${store.description} is not fit for an append log, it has snapshots only: leave appendonly out, or set it to "no"`);
    }
    // Before that nobody knows whether the store is fit for a log; after it, the log that is there could not go on.
    for (const [name, value] of Object.entries(DEFAULTS)) {
      if (!(name in (options.config ?? {})) && (name !== "appendonly" || store.logs)) door.configure(name, [value]);
    }
    const listed = (yield store.list("")) as string[];
    door.beginRecovery(store, listed, options.recover === "salvage");
    for (let wanted = door.wanted(); wanted.length > 0; wanted = door.wanted()) {
      // Several at once where that helps; the first one's bytes are not kept while the last one's arrive.
      const coming = store.synchronous ? wanted : wanted.map((name) => store.get(name));
      for (const each of coming) if (isPromise(each)) each.catch(() => {});
      for (const each of coming) door.recover((yield typeof each === "string" ? store.get(each) : each) as Uint8Array | undefined);
    }
    const recovered = door.endRecovery();
    recovered.ms = Date.now() - begun;
    instance.persistence = new Persistence(instance, store, recovered);
    // A log counts once the manifest names it: where that can be at once, nobody has to wait for it later.
    if (store.synchronous && door.logs()) instance.persistence.flush();
    else instance.work(() => {});
  } catch (error) {
    const closed = store.close();
    yield isPromise(closed) ? closed.catch(() => {}) : undefined;
    throw error instanceof StorageError ? error : new StorageError(`${store.description}: ${error instanceof Error ? error.message : error}`, error);
  }
}

/** Reads a database back; it is kept from then on. */
export const openStore = (instance: Instance, storage: Storage, options: RecoverOptions): Promise<void> =>
  inTime(openSteps(instance, storage, options));

/** {@link openStore} for a synchronous store. */
export const openStoreSync = (instance: Instance, storage: Storage, options: RecoverOptions): void =>
  now(openSteps(instance, storage, options));

/** Somebody who waits until all up to a goal is durable. */
interface Waiter {
  goal: number;
  resolve(): void;
  reject(error: unknown): void;
}

/** Keeps one database in one store. */
export class Persistence {
  readonly store: Store;
  readonly recovered: Recovered;
  /** Called when it ends. */
  onEnd: (() => void) | undefined;
  readonly #instance: Instance;
  readonly #door: Door;
  #waiters: Waiter[] = [];
  /** A write is under way, or one is arranged for. */
  #isBusy = false;
  #isArranged = false;
  #isAttended = false;
  #isClosed = false;
  /** What the store said last, while it fails. */
  #error: unknown;

  constructor(instance: Instance, store: Store, recovered: Recovered) {
    this.#instance = instance;
    this.#door = instance.door;
    this.store = store;
    this.recovered = recovered;
  }

  /** Whether replies must wait for the store: `appendfsync always`, and what they acknowledge is not durable yet. */
  get holds(): boolean {
    return (this.#door.storage() & 2) !== 0;
  }

  /**
   * Comes after whatever may have changed data. Writes at once where replies wait for it, or are about to be sent
   * (`replies`) and the store answers at once, so that a program that is killed has written what it said; else at the end
   * of this stretch.
   */
  after(replies = false): void {
    const want = this.#door.storage();
    if (want === 0) return;
    if (want & 4) this.#instance.arrange();
    if (this.#isBusy || !(want & 1)) return;
    if (want & 10 || (replies && this.store.synchronous)) this.pump();
    else if (!this.#isArranged) {
      this.#isArranged = true;
      queueMicrotask(() => {
        this.#isArranged = false;
        this.pump();
      });
    }
  }

  /** Carries out what is due; unless there is `hurry` not what would hold the thread until the store has flushed what it flushes beside it. */
  pump(hurry = false): void {
    if (this.#isBusy || this.#isClosed || this.#instance.closed) return;
    const next = () => this.#door.nextWrite(hurry ? 0 : (this.store.flushing ?? 0));
    for (let write = next(); write; write = next()) {
      const [operations, durable] = write;
      let written: Awaitable<void>;
      try {
        written = operations.length > 0 ? this.store.write(operations, durable) : this.store.sync();
      } catch (error) {
        this.#wrote(error ?? new StorageError("the store failed"));
        continue;
      }
      if (isPromise(written)) {
        this.#isBusy = true;
        written.then(
          () => this.#wroteLater(undefined),
          (error: unknown) => this.#wroteLater(error ?? new StorageError("the store failed")),
        );
        return;
      }
      this.#wrote(undefined);
    }
    this.#instance.arrange();
    this.#settle();
  }

  #wrote(error: unknown): void {
    this.#error = error;
    this.#door.wrote(error === undefined ? undefined : error instanceof Error ? error.message : String(error));
    if (error !== undefined) this.#instance.reap();
  }

  #wroteLater(error: unknown): void {
    this.#isBusy = false;
    if (this.#isClosed || this.#instance.closed) return;
    this.#instance.work(() => {
      this.#wrote(error);
      this.pump();
    });
  }

  /** Ends the waits of those who have what they wait for. */
  #settle(): void {
    if (this.#waiters.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => {
      try {
        if (!this.#door.isDurable(waiter.goal)) return true;
        waiter.resolve();
      } catch (error) {
        waiter.reject(new StorageError(`${this.store.description}: ${error instanceof Error ? error.message : error}`, this.#error));
      }
      return false;
    });
  }

  /** Resolves when all that was done so far is durable; rejects with a {@link StorageError} when the store fails. */
  durable(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiters.push({ goal: this.#door.requestDurable(), resolve, reject });
      this.#instance.work(() => this.pump());
      this.#attend();
    });
  }

  /** While somebody waits, time passes: snapshots are taken in slices, and the program stays for the end. */
  #attend(): void {
    if (this.#isAttended || this.#waiters.length === 0 || this.#isClosed) return;
    this.#isAttended = true;
    setTimeout(() => {
      this.#isAttended = false;
      if (!this.#isClosed && !this.#instance.closed) this.#instance.tick();
      this.#settle();
      this.#attend();
    }, 1);
  }

  /**
   * What a program does that may be ended at any time: makes all durable that can be without waiting, and asks for the
   * rest. With a synchronous store all of it is when this returns.
   */
  flush(): void {
    if (this.#isClosed || this.#instance.closed) return;
    this.#door.requestDurable();
    this.#instance.work(() => this.pump(true));
    if (!this.store.synchronous) return;
    // A snapshot is taken in slices, which time asks for. Bounded, since nothing must keep a program from its end.
    for (let slices = 0; slices < 1_000_000 && this.#error === undefined && this.#door.storage() & 5; slices++) {
      this.#instance.tick();
      this.#instance.work(() => this.pump(true));
    }
  }

  /** Makes durable what is to outlive the program: where there is a log, or a snapshot is to be written at its end. */
  async settle(): Promise<void> {
    if (!this.#instance.closed && (this.#door.logs() || this.#door.savesAtEnd())) await this.durable();
  }

  /** Makes all durable, and gives the store back. The engine stays as it is. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    try {
      await this.settle();
    } finally {
      this.abandon();
      await this.store.close();
    }
  }

  /** The engine is gone: nothing more can be written. */
  abandon(): void {
    this.#isClosed = true;
    this.onEnd?.();
    this.onEnd = undefined;
    for (const waiter of this.#waiters.splice(0)) waiter.reject(new StorageError("the database was closed before all was durable"));
  }
}
