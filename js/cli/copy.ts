// Keys with all that belongs to them, out of databases and servers and into others: by DUMP and RESTORE, which every server has.
import type { Cachelet } from "../client.js";
import { encodeCommand } from "../resp.js";
import { type Node, print } from "./print.js";
import type { Wire } from "./wire.js";

/** A key's value as DUMP gives it out, and when it expires in milliseconds since 1970, "0" for never. */
export interface Item {
  db: number;
  key: Uint8Array;
  expireAt: string;
  payload: Uint8Array;
}

/** Keys, some at a time: never so many that their values are much more than {@link WEIGHT}, unless a single one is. */
export type Batches = AsyncIterable<Item[]> | Iterable<Item[]>;

/** Keys that are copied together at most, and the bytes of their values, about. */
const BATCH = 500, WEIGHT = 4 << 20;

const decoder = new TextDecoder();

/** What a server answered in the place of what was asked for. */
export class AnswerError extends Error {}

/** The keys of a database in this program. */
export function* fromDatabase(db: Cachelet): Generator<Item[]> {
  const client = db.client().binary();
  try {
    for (const { index } of keyspace(client.call("INFO", "keyspace"))) {
      client.call("SELECT", index);
      for (let cursor: unknown = "0"; ; ) {
        const [next, keys] = client.call("SCAN", cursor as Uint8Array, "COUNT", BATCH) as [Uint8Array, Uint8Array[]];
        let items: Item[] = [];
        let weight = 0;
        for (const key of keys) {
          const expireAt = String(client.call("PEXPIRETIME", key));
          const payload = client.call("DUMP", key) as Uint8Array | null;
          if (payload === null) continue;
          items.push({ db: index, key, expireAt: expireAt === "-1" ? "0" : expireAt, payload });
          weight += payload.length;
          if (weight < WEIGHT) continue;
          yield items;
          items = [];
          weight = 0;
        }
        yield items;
        cursor = next;
        if (decoder.decode(next) === "0") break;
      }
    }
  } finally {
    client.close();
  }
}

/** The databases that INFO names, and how many keys they hold. */
export function keyspace(info: unknown): { index: number; keys: number }[] {
  const text = info instanceof Uint8Array ? decoder.decode(info) : String(info);
  return [...text.matchAll(/^db(\d+):keys=(\d+)/gm)].map(([, index, keys]) => ({ index: Number(index), keys: Number(keys) }));
}

const bytesOf = (node: Node | undefined): Uint8Array | undefined => (node?.type === "string" || node?.type === "verbatim" ? node.text : undefined);

/** The reply to a command, unless it is an error. */
export async function ask(wire: Wire, ...args: (string | Uint8Array)[]): Promise<Node> {
  const reply = await wire.call(args);
  if (reply.type === "error") throw new AnswerError(`${args[0]}: ${decoder.decode(reply.text)}`);
  return reply;
}

/** What a server's INFO says of its databases. */
export async function databases(wire: Wire): Promise<{ index: number; keys: number }[]> {
  return keyspace(bytesOf(await ask(wire, "INFO", "keyspace")));
}

/**
 * The keys of a server. Each is whole and there once, and all that stay throughout are among them; a server that is written to
 * meanwhile is not copied as of one instant.
 */
export async function* fromServer(wire: Wire): AsyncGenerator<Item[]> {
  // Servers before 7.0 tell only how long a key has left.
  let asks = "PEXPIRETIME";
  // Keys asked for together: as many as were about so heavy before.
  let size = 16;
  for (const { index } of await databases(wire)) {
    await ask(wire, "SELECT", String(index));
    // SCAN may name a key twice while a table grows or shrinks, and a file that does is not loaded.
    const seen = new Names();
    for (let cursor = "0"; ; ) {
      const reply = await ask(wire, "SCAN", cursor, "COUNT", String(BATCH));
      if (reply.type !== "array" || reply.items[1]?.type !== "array") throw new AnswerError(`SCAN: ${print(reply)}`);
      const keys = reply.items[1].items.map((item) => bytesOf(item)!).filter((key) => seen.isNew(key));
      for (let at = 0; at < keys.length; ) {
        const some = keys.slice(at, at + size);
        const questions = () => some.flatMap((key) => [["DUMP", key], [asks, key]]);
        let replies = await wire.callAll(questions());
        if (replies[1]?.type === "error" && asks === "PEXPIRETIME") {
          asks = "PTTL";
          replies = await wire.callAll(questions());
        }
        const items = dumped(index, some, replies, asks === "PTTL" ? Date.now() : 0);
        yield items;
        const weight = items.reduce((sum, { payload }) => sum + payload.length, 0);
        at += some.length;
        size = Math.max(1, Math.min(BATCH, 4 * size, Math.floor((WEIGHT * some.length) / (weight + 1))));
      }
      cursor = decoder.decode(bytesOf(reply.items[0]));
      if (cursor === "0") break;
    }
  }
}

/** Names of keys, of which there may be more than a Set takes. */
class Names {
  readonly #sets = [new Set<string>()];

  /** Whether it was not there; it is now. */
  isNew(key: Uint8Array): boolean {
    const name = Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
    if (this.#sets.some((set) => set.has(name))) return false;
    if (this.#sets[0]!.size >= 2 ** 23) this.#sets.unshift(new Set());
    this.#sets[0]!.add(name);
    return true;
  }
}

/** The items that replies to DUMP and PEXPIRETIME are, or to PTTL where `now` is the time; without keys that are gone. */
function dumped(db: number, keys: readonly Uint8Array[], replies: readonly Node[], now: number): Item[] {
  const items: Item[] = [];
  for (const [at, key] of keys.entries()) {
    const [dump, expiry] = [replies[2 * at]!, replies[2 * at + 1]!];
    if (dump.type === "error" || expiry.type !== "integer") throw new AnswerError(`key ${show(key)} of database ${db}: ${print(dump.type === "error" ? dump : expiry)}`);
    const payload = bytesOf(dump);
    if (payload === undefined || expiry.value === "-2") continue;
    items.push({ db, key, expireAt: expiry.value === "-1" ? "0" : now ? String(now + Number(expiry.value)) : expiry.value, payload });
  }
  return items;
}

const show = (key: Uint8Array): string => JSON.stringify(decoder.decode(key.subarray(0, 128)));

/** The command that makes a key. */
const restore = ({ key, expireAt, payload }: Item, replace: boolean) => ["RESTORE", key, expireAt, payload, "ABSTTL", ...(replace ? ["REPLACE"] : [])];

/** Puts keys into a database in this program, in the place of those of the same name; how many. */
export function toDatabase(db: Cachelet, batches: Iterable<Item[]>): number {
  const client = db.client();
  let count = 0;
  let chosen = 0;
  try {
    for (const item of each(batches)) {
      try {
        if (item.db !== chosen) client.call("SELECT", (chosen = item.db));
        client.call(...restore(item, true));
      } catch (error) {
        throw new AnswerError(`key ${show(item.key)} of database ${item.db}: ${(error as Error).message}`);
      }
      count++;
    }
  } finally {
    client.close();
  }
  return count;
}

function* each(batches: Iterable<Item[]>): Generator<Item> {
  for (const items of batches) yield* items;
}

/** What became of keys that were sent to a server: how many it took, and what it said of those that it refused. */
export interface Sent {
  count: number;
  refused: string[];
}

/** Puts keys into a server. `sent` is kept up to date, for when the connection breaks. */
export async function toServer(wire: Wire, batches: Batches, replace: boolean, sent: Sent): Promise<void> {
  let chosen = -1;
  let before: Promise<unknown> = Promise.resolve();
  for await (const items of batches) {
    if (items.length === 0) continue;
    const { db } = items[0]!;
    // One batch is on its way while the next one is made.
    await before;
    if (db !== chosen) await ask(wire, "SELECT", String((chosen = db)));
    before = wire.callAll(items.map((item) => restore(item, replace)), (reply, at) => {
      if (reply.type === "error") sent.refused.push(`key ${show(items[at]!.key)} of database ${db}: ${decoder.decode(reply.text)}`);
      else sent.count++;
    });
    // Its failure is for the next turn to see.
    before.catch(() => {});
  }
  await before;
}

/** Keys as an append log: commands that make them. */
export async function* toLog(batches: Batches): AsyncGenerator<Uint8Array> {
  let chosen = -1;
  for await (const items of batches) {
    for (const item of items) {
      if (item.db !== chosen) yield encodeCommand(["SELECT", (chosen = item.db)]);
      yield encodeCommand(restore(item, false));
    }
  }
}
