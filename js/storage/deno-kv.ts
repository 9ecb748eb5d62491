// Deno KV, in Deno with `--unstable-kv` and on Deno Deploy. Values are small (64 KiB) and commits are atomic; a log is kept in
// pieces.
//
//   [...prefix, name]        an object's bytes
//   [...prefix, ".owner"]    who has it
//   [...prefix, ".knock"]    somebody asks whether the owner is there
//
// Every commit checks that the owner's entry is the version this program wrote: who was taken over cannot write. Nothing tells
// that an owner is gone without giving it back. So who wants to open a database that has an owner knocks and waits: an owner
// looks for that every second, and renews its entry; where nothing changes there is none. Opening after a crash therefore
// takes some seconds, or `takeOver`.
import { StorageError, StorageTakenError } from "../errors.js";
import type { Limits, Operation, Storage, Store } from "./adapter.js";
import { after, check, closed } from "./contract.js";

/** How often an owner looks whether somebody knocks, and after how long without an answer it counts as gone; milliseconds. */
const LOOK = 1_000;
const GONE = 3_500;

/** How long a database that another program is just writing to is asked again, milliseconds. */
const PATIENCE = 10_000;

const OWNER = ".owner";
const KNOCK = ".knock";

/**
 * Of a commit: 1,000 mutations, 81,920 bytes of keys, and 819,200 in all, where keys count twice. A part of a key has two bytes
 * around it.
 */
function limitsOf(prefix: readonly string[]): Limits {
  const around = prefix.reduce((sum, part) => sum + new TextEncoder().encode(part).length + 2, 2);
  const operations = Math.min(999, Math.floor(81_000 / (64 + around)));
  return { object: 65_536, operations, bytes: 818_000 - operations * (2 * around + 64) };
}

type Key = readonly (string | number | bigint | boolean | Uint8Array)[];
interface Entry {
  readonly value: unknown;
  readonly versionstamp: string | null;
}
interface Commit {
  check(entry: { key: Key; versionstamp: string | null }): Commit;
  set(key: Key, value: unknown): Commit;
  delete(key: Key): Commit;
  commit(): Promise<{ ok: boolean; versionstamp?: string }>;
}
/** What is used of a `Deno.Kv`. */
export interface KvLike {
  get(key: Key): Promise<Entry>;
  list(range: { start: Key; end: Key }, options: { batchSize: number }): AsyncIterable<{ key: readonly unknown[] }>;
  atomic(): Commit;
  close(): void;
}
declare const Deno: { openKv?(path?: string): Promise<KvLike>; unrefTimer?(timer: number): void };

/** Where in a database objects are kept. */
export interface DenoKVOptions {
  /** Before each name; `["cachelet"]` by default. */
  prefix?: readonly string[];
}

/**
 * Objects in a Deno KV database: the one that `Deno.openKv` opens by that path, or by none, which is closed with the store;
 * or one that is open, which stays open.
 */
export function denoKV(database?: string | KvLike, { prefix = ["cachelet"] }: DenoKVOptions = {}): Storage {
  const description = `Deno KV ${typeof database === "string" ? `"${database}" ` : ""}${JSON.stringify(prefix)}`;
  return {
    description,
    async open({ takeOver = false } = {}) {
      if (typeof database === "object") return DenoStore.open(database, prefix, description, takeOver, () => {});
      if (typeof Deno === "undefined" || !Deno.openKv) throw new StorageError(`${description}: there is no Deno KV here; Deno has it with --unstable-kv`);
      let kv: KvLike;
      try {
        const { openKv } = Deno;
        kv = await patiently(() => openKv(database));
      } catch (error) {
        throw failure(description, error);
      }
      try {
        return await DenoStore.open(kv, prefix, description, takeOver, () => kv.close());
      } catch (error) {
        kv.close();
        throw error;
      }
    },
  };
}

function failure(description: string, error: unknown): StorageError {
  return error instanceof StorageError ? error : new StorageError(`${description}: ${error instanceof Error ? error.message : String(error)}`, error);
}

/** Does something, again while the file is locked: what failed by that was not done at all. */
async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (const until = Date.now() + PATIENCE; ; ) {
    try {
      return await work();
    } catch (error) {
      if (!/database is (locked|busy)/.test(String(error)) || Date.now() > until) throw error;
      await new Promise((wake) => setTimeout(wake, 5 + 20 * Math.random()));
    }
  }
}

class DenoStore implements Store {
  readonly description: string;
  readonly limits: Limits;
  readonly synchronous = false;
  readonly atomic = true;
  readonly appends = false;
  readonly logs = true;
  readonly eventual = false;
  readonly #kv: KvLike;
  readonly #prefix: readonly string[];
  readonly #finish: () => void;
  readonly #mark = crypto.randomUUID();
  /** The version of the owner's entry that is ours. */
  #version: string | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #why: StorageError | undefined;

  private constructor(kv: KvLike, prefix: readonly string[], description: string, finish: () => void) {
    this.#kv = kv;
    this.#prefix = prefix;
    this.limits = limitsOf(prefix);
    this.description = description;
    this.#finish = finish;
  }

  static async open(kv: KvLike, prefix: readonly string[], description: string, takeOver: boolean, finish: () => void): Promise<Store> {
    const store = new DenoStore(kv, prefix, description, finish);
    try {
      await store.#claim(takeOver);
    } catch (error) {
      throw failure(description, error);
    }
    return store;
  }

  async #claim(takeOver: boolean): Promise<void> {
    const key = this.#key(OWNER);
    let seen = await this.#kv.get(key);
    if (!takeOver && seen.value !== null) {
      const { versionstamp } = seen;
      await patiently(() => this.#kv.atomic().set(this.#key(KNOCK), this.#mark).commit());
      for (const until = Date.now() + GONE; seen.value !== null && Date.now() < until; seen = await this.#kv.get(key)) {
        if (seen.versionstamp !== versionstamp) throw new StorageTakenError(`${this.description} is open in another program`);
        await new Promise((wake) => setTimeout(wake, LOOK / 10));
      }
    }
    while (!(await this.#renew(seen.versionstamp))) {
      seen = await this.#kv.get(key);
      if (!takeOver && seen.value !== null) throw new StorageTakenError(`${this.description} was opened by another program at the same time`);
    }
    this.#timer = setInterval(() => void this.#afterAll(() => this.#look()).catch(() => {}), LOOK);
    // A program may end that has nothing else to do.
    if (typeof Deno !== "undefined") Deno.unrefTimer?.(this.#timer as unknown as number);
  }

  /** Answers who knocks. */
  async #look(): Promise<void> {
    if (!this.#why && (await this.#kv.get(this.#key(KNOCK))).value !== null) await this.#renew(this.#version);
  }

  /** Writes the owner's entry, where it is still this version. */
  async #renew(version: string | null): Promise<boolean> {
    const key = this.#key(OWNER);
    const { ok, versionstamp } = await patiently(() => this.#kv.atomic().check({ key, versionstamp: version }).set(key, this.#mark).delete(this.#key(KNOCK)).commit());
    if (ok) this.#version = versionstamp ?? null;
    return ok;
  }

  #key(name: string): Key {
    return [...this.#prefix, name];
  }

  async #try<T>(work: () => Promise<T>): Promise<T> {
    if (this.#why) throw this.#why;
    try {
      return await work();
    } catch (error) {
      throw failure(this.description, error);
    }
  }

  get(name: string): Promise<Uint8Array | undefined> {
    return this.#try(async () => ((await patiently(() => this.#kv.get(this.#key(name)))).value as Uint8Array | null) ?? undefined);
  }

  list(prefix: string): Promise<string[]> {
    // Letters come after the owner's full stop.
    const range = { start: this.#key(prefix || "a"), end: this.#key(after(prefix)) };
    const read = async () => {
      const names: string[] = [];
      for await (const { key } of this.#kv.list(range, { batchSize: 100 })) names.push(key.at(-1) as string);
      return names;
    };
    return this.#try(() => patiently(read));
  }

  async write(operations: readonly Operation[]): Promise<void> {
    await this.#try(async () => {
      check(this, operations);
      await this.#afterAll(async () => {
        if (this.#why instanceof StorageTakenError) throw this.#why;
        const commit = this.#kv.atomic().check({ key: this.#key(OWNER), versionstamp: this.#version });
        for (const operation of operations) {
          if (operation.kind === "delete") commit.delete(this.#key(operation.name));
          else commit.set(this.#key(operation.name), operation.bytes);
        }
        if ((await patiently(() => commit.commit())).ok) return;
        this.#why = new StorageTakenError(`${this.description} was taken over`);
        clearInterval(this.#timer);
        throw this.#why;
      });
    });
  }

  /** Does something once all that was called before is done, whatever came of it. */
  #afterAll<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  sync(): Promise<void> {
    return this.write([]);
  }

  async close(): Promise<void> {
    if (this.#why instanceof StorageTakenError || !this.#why) {
      const isMine = !this.#why;
      this.#why = closed(this.description);
      clearInterval(this.#timer);
      await this.#last;
      const key = this.#key(OWNER);
      // Where it is another's by now, it stays.
      if (isMine) await patiently(() => this.#kv.atomic().check({ key, versionstamp: this.#version }).delete(key).commit()).catch(() => {});
      this.#finish();
    }
  }
}
