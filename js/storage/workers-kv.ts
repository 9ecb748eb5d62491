// Workers KV. Fit for snapshots and nothing else: it takes about one write a second for a key, has no transactions, and shows
// what was written in other places after a minute or more. So no log is kept here, and what is written has a fresh name,
// save for the manifest.
//
// It cannot be claimed. Two Workers that write the same prefix overwrite each other's manifest, and neither learns of it:
// whoever needs one writer puts a Durable Object in front, and then had better keep the data there.
import { StorageError } from "../errors.js";
import type { Limits, Operation, Storage, Store } from "./adapter.js";
import { check, closed } from "./contract.js";

// An invocation may make 1,000 requests, 50 where nothing is paid for, and has other uses for them too.
const limits: Limits = { object: 25 << 20, operations: 40, bytes: 32 << 20 };

/** How many requests a Worker has under way at once; more would wait in the runtime. */
const AT_ONCE = 6;
/** How often a request is tried again that came too soon after another, and after how long: twice as long each time. */
const TRIES = 4;
const WAIT = 1_000;

/** What is used of a KV namespace. */
export interface KVNamespaceLike {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
  put(key: string, value: ArrayBufferView): Promise<void>;
  delete(key: string): Promise<void>;
  list(options: { prefix: string; cursor?: string }): Promise<{ keys: { name: string }[]; list_complete: boolean; cursor?: string }>;
}

/** Where in a namespace objects are kept. */
export interface WorkersKVOptions {
  /** Before each name; `cachelet/` by default. */
  prefix?: string;
}

/**
 * Objects in a KV namespace. Several programs can have it open, and nothing keeps them from writing at the same time: see to
 * it that one does. A write's operations on different names are done side by side, in no order.
 */
export function workersKV(namespace: KVNamespaceLike, { prefix = "cachelet/" }: WorkersKVOptions = {}): Storage {
  const description = `Workers KV "${prefix}"`;
  return { description, open: async () => new KVStore(namespace, prefix, description) };
}

class KVStore implements Store {
  readonly description: string;
  readonly limits = limits;
  readonly synchronous = false;
  readonly atomic = false;
  readonly appends = false;
  readonly logs = false;
  readonly eventual = true;
  readonly #namespace: KVNamespaceLike;
  readonly #prefix: string;
  #last: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(namespace: KVNamespaceLike, prefix: string, description: string) {
    this.#namespace = namespace;
    this.#prefix = prefix;
    this.description = description;
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed(this.description);
  }

  /** Asks the namespace, again and later where it says that it was asked too often. */
  async #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (!/\b429\b/.test(text) || tries === TRIES) throw new StorageError(`${this.description}: cannot ${what}: ${text}`, error);
        await new Promise((wake) => setTimeout(wake, WAIT * 2 ** tries));
      }
    }
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    this.#checkOpen();
    const bytes = await this.#ask(`read ${name}`, () => this.#namespace.get(this.#prefix + name, "arrayBuffer"));
    return bytes === null ? undefined : new Uint8Array(bytes);
  }

  async list(prefix: string): Promise<string[]> {
    this.#checkOpen();
    const names: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await this.#ask("list names", () => this.#namespace.list({ prefix: this.#prefix + prefix, ...(cursor ? { cursor } : {}) }));
      for (const { name } of page.keys) names.push(name.slice(this.#prefix.length));
      if (page.list_complete) return names.sort();
      cursor = page.cursor;
    }
  }

  async write(operations: readonly Operation[]): Promise<void> {
    this.#checkOpen();
    check(this, operations);
    await this.#afterAll(async () => {
      let batch = new Map<string, Operation>();
      for (const operation of operations) {
        if (batch.has(operation.name)) {
          await this.#together(batch.values());
          batch = new Map();
        }
        batch.set(operation.name, operation);
      }
      await this.#together(batch.values());
    });
  }

  /** Does operations side by side; throws the first failure once all that was begun is done. */
  async #together(operations: Iterable<Operation>): Promise<void> {
    const failures: unknown[] = [];
    const left = operations[Symbol.iterator]();
    const lane = async () => {
      for (let next; failures.length === 0 && !(next = left.next()).done; ) await this.#do(next.value).catch((error: unknown) => failures.push(error));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
    if (failures.length > 0) throw failures[0];
  }

  #do(operation: Operation): Promise<void> {
    const key = this.#prefix + operation.name;
    if (operation.kind === "put") return this.#ask(`write ${operation.name}`, () => this.#namespace.put(key, operation.bytes));
    return this.#ask(`delete ${operation.name}`, () => this.#namespace.delete(key));
  }

  /** Does something once all that was called before is done, whatever came of it. */
  #afterAll<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async sync(): Promise<void> {
    this.#checkOpen();
    await this.#afterAll(async () => {});
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#last;
  }
}
