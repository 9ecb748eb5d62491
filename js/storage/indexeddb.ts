// IndexedDB, in pages and workers: a database `cachelet:NAME` with one object store, in which names are keys and values are
// bytes. A write is a transaction. Nothing can be appended to a value, so a log is kept in pieces.
//
// Who has it. A Web Lock, which ends with the tab or worker that holds it, tells whether somebody does. It does not stop a tab
// that was frozen, whose lock was stolen and that thaws in the middle of a write. So owners take turns in the object store too:
// each adds the key of its turn. A write adds, and deletes, the key of the turn behind its owner's; where there is one, that fails
// and the transaction with it, as the database finds by itself: a transaction that waited for its page would last as long as that is
// frozen, and nobody could take over.
//
// What a browser does to it. Chromium deletes all databases of an origin whose files it finds damaged, which can happen when it is
// killed, durable or not. That is not passed over: opening fails once, and says so. (Other browsers do not tell.)
//
// Where there are no Web Locks (pages that did not come over HTTPS), nobody can tell whether the last owner is there still:
// opening always takes over, and the former owner's next write fails.
import { StorageError, StorageTakenError } from "../errors.js";
import type { Limits, Operation, Storage, Store } from "./adapter.js";
import { after, check, closed } from "./contract.js";

const limits: Limits = { object: 8 << 20, operations: 10_000, bytes: 64 << 20 };

const OBJECTS = "objects";
/** The key that stands for an owner, by its turn. Names of objects start with a letter. */
const keyOf = (turn: number) => `.turn.${String(turn).padStart(12, "0")}`;

/** So many owners leave their keys: whoever was frozen through fewer takeovers finds that it is not the owner any more. */
const TURNS = 1000;

/** How an IndexedDB is used. */
export interface IndexedDBOptions {
  /**
   * What a durable write waits for: `strict`, the default, that it is on the disk; `relaxed`, that the system has it, which a
   * crash of the browser survives and a power cut may not.
   */
  durability?: "strict" | "relaxed";
}

/** Objects in the IndexedDB database `cachelet:NAME` of this page's origin. */
export function indexedDB(name: string, { durability = "strict" }: IndexedDBOptions = {}): Storage {
  const description = `IndexedDB "${name}"`;
  return { description, open: ({ takeOver = false } = {}) => IndexedStore.open(`cachelet:${name}`, description, durability, takeOver) };
}

/** A Web Lock that is held. */
interface Held {
  release(): void;
  /** Another stole it. */
  readonly stolen: Promise<void>;
}

/** Somebody who waits for an object. */
interface Asked {
  name: string;
  resolve(bytes: Uint8Array | undefined): void;
  reject(error: unknown): void;
}

class IndexedStore implements Store {
  readonly description: string;
  readonly limits = limits;
  readonly synchronous = false;
  readonly atomic = true;
  readonly appends = false;
  readonly logs = true;
  readonly eventual = false;
  readonly #db: IDBDatabase;
  readonly #durability: IDBTransactionDurability;
  readonly #lock: Held | undefined;
  /** The key that the next owner adds. */
  readonly #next: string;
  readonly #pending = new Set<Promise<unknown>>();
  #asked: Asked[] | undefined;
  /** Why nothing goes any more. */
  #why: StorageError | undefined;

  private constructor(description: string, db: IDBDatabase, durability: IDBTransactionDurability, lock: Held | undefined, turn: number) {
    this.#next = keyOf(turn + 1);
    this.description = description;
    this.#db = db;
    this.#durability = durability;
    this.#lock = lock;
    db.onversionchange = () => {
      this.#end(new StorageError(`${description} is closed: another tab deletes it`));
      db.close();
    };
    // The browser's doing: the site's data was cleared, or the disk failed.
    db.onclose = () => this.#end(new StorageError(`${description} is closed: the browser took it away`));
    void lock?.stolen.then(() => this.#end(taken(description)));
  }

  static async open(name: string, description: string, durability: IDBTransactionDurability, takeOver: boolean): Promise<Store> {
    const lock = await claim(name, description, takeOver);
    let db: IDBDatabase | undefined;
    try {
      db = await openDatabase(name, description);
      for (;;) {
        const turn = (await lastTurn(db)) + 1;
        const store = new IndexedStore(description, db, durability, lock, turn);
        try {
          await store.#transact("readwrite", durability, (objects) => {
            objects.add(0, keyOf(turn));
            objects.delete(IDBKeyRange.bound(keyOf(0), keyOf(Math.max(turn - TURNS, 0))));
          });
          return store;
        } catch (error) {
          // Another had the same turn.
          if (((error as StorageError).cause as DOMException | undefined)?.name !== "ConstraintError") throw error;
        }
      }
    } catch (error) {
      db?.close();
      lock?.release();
      throw error;
    }
  }

  #end(why: StorageError): void {
    this.#why ??= why;
  }

  /** One transaction: what `work` asks for, answered when all of it is done. It begins, in order, before this returns. */
  #transact<T>(mode: IDBTransactionMode, durability: IDBTransactionDurability, work: (objects: IDBObjectStore, abort: (error: unknown) => void) => IDBRequest<T> | void): Promise<T> {
    const done = new Promise<T>((resolve, reject) => {
      if (this.#why) throw this.#why;
      let transaction: IDBTransaction;
      try {
        transaction = this.#db.transaction(OBJECTS, mode, { durability });
      } catch (error) {
        throw closed(this.description, error);
      }
      let reason: unknown;
      const abort = (error: unknown) => {
        reason ??= error;
        try {
          transaction.abort();
        } catch {
          // It ended by itself.
        }
      };
      transaction.onabort = () => {
        const cause = reason ?? transaction.error;
        reject(cause instanceof StorageError ? cause : failure(this.description, cause));
      };
      let request: IDBRequest<T> | void;
      try {
        request = work(transaction.objectStore(OBJECTS), abort);
        // By itself it would be committed when this page has heard of its requests, and hold up all others until then: for as
        // long as the page is frozen.
        transaction.commit();
      } catch (error) {
        abort(error);
      }
      transaction.oncomplete = () => resolve(request?.result as T);
    });
    this.#pending.add(done);
    const forget = () => this.#pending.delete(done);
    done.then(forget, forget);
    return done;
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    // What is asked for in one go is read in one transaction, which costs far more than a request does.
    if (!this.#asked) {
      const asked: Asked[] = (this.#asked = []);
      queueMicrotask(() => {
        this.#asked = undefined;
        const read = (objects: IDBObjectStore) => {
          for (const one of asked) {
            const request = objects.get(one.name) as IDBRequest<Uint8Array | undefined>;
            request.onsuccess = () => one.resolve(request.result);
          }
        };
        this.#transact("readonly", "default", read).catch((error: unknown) => asked.forEach(({ reject }) => reject(error)));
      });
    }
    const asked = this.#asked;
    return new Promise((resolve, reject) => asked.push({ name, resolve, reject }));
  }

  async list(prefix: string): Promise<string[]> {
    // Letters come after the mark's full stop.
    const names = IDBKeyRange.bound(prefix || "a", after(prefix));
    return this.#transact("readonly", "default", (objects) => objects.getAllKeys(names) as IDBRequest<string[]>);
  }

  async write(operations: readonly Operation[], durable: boolean): Promise<void> {
    if (!this.#why) check(this, operations);
    await this.#change(durable ? this.#durability : "relaxed", (objects) => {
      for (const operation of operations) {
        if (operation.kind === "delete") objects.delete(operation.name);
        else objects.put(whole(operation.bytes), operation.name);
      }
    });
  }

  async sync(): Promise<void> {
    await this.write([], true);
  }

  async #change(durability: IDBTransactionDurability, work: (objects: IDBObjectStore) => void): Promise<void> {
    await this.#transact("readwrite", durability, (objects, abort) => {
      // It fails where there is a next owner, and the transaction with it, though nobody here hears of it. It also is something to be
      // flushed, with which what came before is.
      objects.add(0, this.#next).onerror = ({ target }) => {
        if ((target as IDBRequest).error?.name !== "ConstraintError") return;
        this.#end(taken(this.description));
        abort(this.#why);
      };
      objects.delete(this.#next);
      work(objects);
    });
  }

  async close(): Promise<void> {
    this.#end(closed(this.description));
    await Promise.allSettled(this.#pending);
    this.#db.close();
    this.#lock?.release();
  }
}

const taken = (description: string) => new StorageTakenError(`${description} was taken over`);

/** The last turn that an owner had; 0 where there was none. */
function lastTurn(db: IDBDatabase): Promise<number> {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(OBJECTS, "readonly");
    const keys = transaction.objectStore(OBJECTS).openKeyCursor(IDBKeyRange.bound(keyOf(0), ".turn/", false, true), "prev");
    keys.onsuccess = () => resolve(keys.result ? Number(String(keys.result.key).slice(6)) : 0);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Bytes with nothing around them: a clone takes the whole buffer along. */
const whole = (bytes: Uint8Array) => (bytes.length === bytes.buffer.byteLength ? bytes : bytes.slice());

function failure(description: string, error: unknown): StorageError {
  const { name, message } = (error ?? {}) as Partial<DOMException>;
  if (name === "QuotaExceededError") return new StorageError(`${description}: the browser gives it no more room`, error);
  return new StorageError(`${description}: ${message || name || "the transaction was aborted"}`, error);
}

/** The lock of a database; undefined where there are none. */
async function claim(name: string, description: string, takeOver: boolean): Promise<Held | undefined> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (!locks) return undefined;
  return new Promise((resolve, reject) => {
    let steal: () => void;
    const stolen = new Promise<void>((settle) => (steal = settle));
    locks
      .request(name, takeOver ? { steal: true } : { ifAvailable: true }, (lock) => {
        if (!lock) return reject(new StorageTakenError(`${description} is open in another tab or worker`));
        return new Promise<void>((release) => resolve({ release, stolen }));
      })
      .catch((error: unknown) => {
        steal();
        reject(failure(description, error));
      });
  });
}

function openDatabase(name: string, description: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(failure(description, error));
    const factory = globalThis.indexedDB as IDBFactory | undefined;
    if (!factory) throw new StorageError("there is no IndexedDB here");
    let request: IDBOpenDBRequest;
    try {
      request = factory.open(name, 1);
    } catch (error) {
      return fail(error);
    }
    let damage: string | undefined;
    request.onupgradeneeded = (event) => {
      // What Chromium tells whoever opens the first database after it found an origin's files damaged and deleted them all.
      const { dataLoss, dataLossMessage } = event as { dataLoss?: string; dataLossMessage?: string };
      if (dataLoss !== undefined && dataLoss !== "none") damage = dataLossMessage || dataLoss;
      request.result.createObjectStore(OBJECTS);
    };
    request.onblocked = () => fail(new DOMException("another tab keeps an older version of it open", "BlockedError"));
    request.onerror = () => fail(request.error);
    request.onsuccess = () => {
      if (request.result.objectStoreNames.contains(OBJECTS) && damage === undefined) return resolve(request.result);
      request.result.close();
      if (damage !== undefined) fail(new DOMException(`the browser found its files damaged and deleted them: ${damage}. Whatever was in it is gone; opened again it is empty`, "DataError"));
      else fail(new DOMException("it is another program's", "VersionError"));
    };
  });
}
