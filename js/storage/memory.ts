// A store in this program's memory: for tests, and for handing a database from one instance to the next. It survives
// what the program survives and nothing else, whatever `durable` asks for.
import type { InstantStorage, Limits, Operation, Store } from "./adapter.js";
import { check, closed, Owners } from "./contract.js";

const limits: Limits = { object: 2 ** 30, operations: 1_000_000, bytes: 2 ** 31 };

const owners = new Owners<Map<string, Uint8Array>, MemoryStore>();

/** How much is used of each buffer that has room to grow. Who sees less of it looks at the past, and gets a buffer anew. */
const used = new WeakMap<ArrayBufferLike, number>();

/**
 * A store whose objects are a map's entries, byte for byte. Every open of the same storage, or of another over the same
 * map, finds what the last one left.
 */
export function memory(objects: Map<string, Uint8Array> = new Map()): InstantStorage {
  return owners.storage(objects, "memory", () => new MemoryStore(objects));
}

class MemoryStore implements Store {
  readonly description = "memory";
  readonly limits = limits;
  readonly synchronous = true;
  readonly atomic = true;
  readonly appends = true;
  readonly logs = true;
  readonly eventual = false;
  readonly #objects: Map<string, Uint8Array>;
  #isClosed = false;

  constructor(objects: Map<string, Uint8Array>) {
    this.#objects = objects;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed(this.description);
  }

  get(name: string): Uint8Array | undefined {
    this.#checkOpen();
    return this.#objects.get(name)?.slice();
  }

  list(prefix: string): string[] {
    this.#checkOpen();
    return [...this.#objects.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  write(operations: readonly Operation[]): void {
    this.sync();
    check(this, operations);
    for (const operation of operations) {
      if (operation.kind === "delete") this.#objects.delete(operation.name);
      else if (operation.kind === "put") this.#objects.set(operation.name, operation.bytes.slice());
      else this.#append(operation.name, operation.bytes);
    }
  }

  /** Amortised: a buffer doubles when it is full, so that a log of many small pieces is not copied for each. */
  #append(name: string, bytes: Uint8Array): void {
    const old = this.#objects.get(name) ?? new Uint8Array();
    const length = old.length + bytes.length;
    let buffer = old.buffer;
    if (used.get(buffer) !== old.length || buffer.byteLength < length) {
      buffer = new ArrayBuffer(Math.max(64, 2 * length));
      new Uint8Array(buffer).set(old);
    }
    used.set(buffer, length);
    const grown = new Uint8Array(buffer, 0, length);
    grown.set(bytes, old.length);
    this.#objects.set(name, grown);
  }

  sync(): void {
    this.#checkOpen();
    owners.check(this.#objects, this);
  }

  close(): void {
    this.#isClosed = true;
    owners.release(this.#objects, this);
  }
}
