// A Durable Object's storage, of a class with SQLite (`new_sqlite_classes`). Synchronous: a command's log record is written
// within the command, and the object's output gate holds back every reply until it is durable, so that `always` costs no
// wait. What the object answers elsewhere (a fetch it makes, a WebSocket message) the gate holds back too.
//
//   table cachelet    name, part, bytes    an object's bytes in parts, from 0 on
//
// A row takes 2 MB, so long objects have several. An append goes into the last part while that is short, and begins another
// then: a row read back for every small record would make loading a log slow, and one long row would be written again for
// each. The last part of each log is kept in memory for that.
//
// Cloudflare sees to it that an object runs in one place, and that what an instance writes after it was replaced fails: only
// a second open within the instance has to be refused here. Alarms and all other keys and tables are left alone. After
// `deleteAll` the table is made anew, and the store goes on with nothing in it.
import { StorageError } from "../errors.js";
import type { InstantStorage, Limits, Operation, Store } from "./adapter.js";
import { after, check, closed, Owners } from "./contract.js";

const limits: Limits = { object: 8 << 20, operations: 1_000, bytes: 32 << 20 };

/** Most bytes of a part, and of one that is appended to. */
const PART = 1_900_000;
const TAIL = 900;

/** What is used of a Durable Object's `ctx.storage`. */
export interface ObjectStorage {
  readonly sql: { exec(query: string, ...bindings: unknown[]): { toArray(): Record<string, unknown>[] } };
  transactionSync<T>(work: () => T): T;
}

const owners = new Owners<ObjectStorage, SqlStore>();

/** Objects in a Durable Object's own storage: `durableObject(ctx.storage)`. */
export function durableObject(storage: ObjectStorage): InstantStorage {
  return owners.storage(storage, "Durable Object storage", () => new SqlStore(storage));
}

class SqlStore implements Store {
  readonly description = "Durable Object storage";
  readonly limits = limits;
  readonly synchronous = true;
  readonly atomic = true;
  readonly appends = true;
  readonly logs = true;
  readonly eventual = false;
  readonly #storage: ObjectStorage;
  /** The last part of objects that were appended to. */
  readonly #tails = new Map<string, { part: number; bytes: Uint8Array }>();
  #isClosed = false;

  constructor(storage: ObjectStorage) {
    this.#storage = storage;
    this.#try(() => this.#create());
  }

  #create(): void {
    this.#storage.sql.exec("CREATE TABLE IF NOT EXISTS cachelet (name TEXT, part INTEGER, bytes BLOB, PRIMARY KEY (name, part)) WITHOUT ROWID");
  }

  #rows(query: string, ...bindings: unknown[]): Record<string, unknown>[] {
    return this.#storage.sql.exec(query, ...bindings).toArray();
  }

  #try<T>(work: () => T): T {
    if (this.#isClosed) throw closed(this.description);
    try {
      try {
        return work();
      } catch (error) {
        this.#tails.clear();
        if (!/no such table/.test(String(error))) throw error;
        // deleteAll took the table along.
        this.#create();
        return work();
      }
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new StorageError(`${this.description}: ${/SQLITE_FULL/.test(text) ? "it is full" : text}`, error);
    }
  }

  get(name: string): Uint8Array | undefined {
    const parts = this.#try(() => this.#rows("SELECT bytes FROM cachelet WHERE name = ? ORDER BY part", name)).map(({ bytes }) => new Uint8Array(bytes as ArrayBuffer));
    if (parts.length < 2) return parts[0];
    const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  list(prefix: string): string[] {
    // From name to name, past the parts in between.
    const next = "WITH RECURSIVE names(name) AS (SELECT min(name) FROM cachelet WHERE name >= ?1 AND name < ?2 UNION ALL SELECT (SELECT min(name) FROM cachelet WHERE name > names.name AND name < ?2) FROM names WHERE names.name IS NOT NULL) SELECT name FROM names WHERE name IS NOT NULL";
    return this.#try(() => this.#rows(next, prefix, after(prefix))).map(({ name }) => name as string);
  }

  write(operations: readonly Operation[]): void {
    this.sync();
    check(this, operations);
    const work = () => {
      for (const operation of operations) {
        if (operation.kind === "append") this.#append(operation.name, operation.bytes);
        else {
          this.#tails.delete(operation.name);
          this.#rows("DELETE FROM cachelet WHERE name = ?", operation.name);
          if (operation.kind === "put") this.#insert(operation.name, 0, operation.bytes);
        }
      }
    };
    this.#try(() => this.#storage.transactionSync(work));
  }

  /** Writes bytes as parts from `first` on; the number of the part behind them. */
  #insert(name: string, first: number, bytes: Uint8Array): number {
    let part = first;
    let at = 0;
    do {
      this.#rows("INSERT OR REPLACE INTO cachelet VALUES (?, ?, ?)", name, part++, bytes.subarray(at, at + PART));
      at += PART;
    } while (at < bytes.length);
    return part;
  }

  #append(name: string, bytes: Uint8Array): void {
    const tail = this.#tails.get(name) ?? this.#tail(name);
    const length = tail.bytes.length + bytes.length;
    if (length <= TAIL) {
      const grown = new Uint8Array(length);
      grown.set(tail.bytes);
      grown.set(bytes, tail.bytes.length);
      this.#insert(name, tail.part, grown);
      this.#tails.set(name, { part: tail.part, bytes: grown });
    } else {
      const first = tail.part + (tail.bytes.length > 0 ? 1 : 0);
      const next = this.#insert(name, first, bytes);
      this.#tails.set(name, bytes.length <= TAIL ? { part: first, bytes: bytes.slice() } : { part: next, bytes: new Uint8Array() });
    }
  }

  /** The part to append to, with what is in it. */
  #tail(name: string): { part: number; bytes: Uint8Array } {
    const [last] = this.#rows("SELECT part, CASE WHEN length(bytes) <= ? THEN bytes END AS bytes FROM cachelet WHERE name = ? ORDER BY part DESC LIMIT 1", TAIL, name) as { part: number; bytes: ArrayBuffer | null }[];
    if (!last) return { part: 0, bytes: new Uint8Array() };
    return last.bytes ? { part: last.part, bytes: new Uint8Array(last.bytes) } : { part: last.part + 1, bytes: new Uint8Array() };
  }

  /** Nothing to do: what was written is held by the output gate until it is durable. */
  sync(): void {
    if (this.#isClosed) throw closed(this.description);
    owners.check(this.#storage, this);
  }

  close(): void {
    this.#isClosed = true;
    owners.release(this.#storage, this);
  }
}
