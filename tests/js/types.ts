// What the client's types say and what they refuse. Compiled, not run, against the installed package: see
// tests/packaging/types.mjs. A line below @ts-expect-error that compiles is a failure.
import { type Arg, type Cachelet, type Message, type Multi, open, type Pipeline, type Portable, type Reply, ReplyError, type SetOptions } from "cachelet";

import type { Storage, Store } from "cachelet/storage/adapter";
import { denoKV } from "cachelet/storage/deno-kv";
import { durableObject, type ObjectStorage } from "cachelet/storage/durable-object";
import { files } from "cachelet/storage/files";
import { indexedDB } from "cachelet/storage/indexeddb";
import { memory } from "cachelet/storage/memory";
import { opfs } from "cachelet/storage/opfs";
import { type KVNamespaceLike, workersKV } from "cachelet/storage/workers-kv";
import { InterruptedError, openShared, type Shared } from "cachelet/tabs";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when the value's type is exactly T. */
function is<T>() {
  return <V>(_value: V, ..._same: Same<V, T> extends true ? [] : [expected: T, got: V]): void => {};
}

export async function replies(db: Cachelet, flag: boolean, options: SetOptions): Promise<void> {
  is<Cachelet>()(await open());
  is<string | null>()(db.get("k"));
  is<"OK" | null>()(db.set("k", 1));
  is<"OK" | null>()(db.set("k", 1n, { ex: 60, nx: true }));
  is<string | null>()(db.set("k", new Uint8Array(), { get: true, keepttl: true }));
  is<string | "OK" | null>()(db.set("k", "v", options));
  is<number | bigint>()(db.incr("k"));
  is<number>()(db.llen("k"));
  is<number>()(db.zincrby("z", 1.5, "m"));
  is<Record<string, string>>()(db.hgetall("h"));
  is<(string | null)[]>()(db.mget("a", ["b", "c"]));
  is<number[]>()(db.hexpire("h", 10, ["a", "b"], { gt: true }));
  is<(string | null)[]>()(db.hgetex("h", "a", { persist: true }));
  is<number>()(db.hsetex("h", { a: 1 }, { fnx: true, ex: 10 }));
  is<number>()(db.msetex({ a: 1, b: 2 }, { nx: true, px: 10 }));
  is<"OK" | null>()(db.set("k", "v", { ifeq: "old" }));
  // @ts-expect-error two conditions exclude each other
  db.set("k", "v", { ifeq: "old", nx: true });
  is<string | null>()(db.lpop("l"));
  is<string[] | null>()(db.lpop("l", 2));
  is<string[]>()(db.zrange("z", 0, -1));
  is<string[]>()(db.zrange("z", 0, -1, { rev: true, limit: [0, 10] }));
  is<[string, number][]>()(db.zrange("z", "(1", "+inf", { byscore: true, withscores: true }));
  is<string[] | [string, number][]>()(db.zrange("z", 0, -1, { withscores: flag }));
  is<number | null>()(db.zrank("z", "m"));
  is<[number, number] | null>()(db.zrank("z", "m", { withscore: true }));
  is<[string, number] | []>()(db.zpopmin("z"));
  is<[string, number][]>()(db.zpopmin("z", 3));
  is<number>()(db.zadd("z", { score: 1, member: "m" }, { gt: true }));
  is<number | null>()(db.zadd("z", { score: 1, member: "m" }, { incr: true }));
  is<number | null>()(db.lpos("l", "x"));
  is<number[]>()(db.lpos("l", "x", { count: 0, rank: -1 }));
  is<[string, string[]]>()(db.scan(0, { match: "a*", type: "hash" }));
  is<string | null>()(db.objectEncoding("k"));
  is<Reply>()(db.call("ANY", "thing"));
  is<Uint8Array | null>()(db.binary().get("k"));
  is<[Uint8Array, number][]>()(db.binary().zrange("z", 0, -1, { withscores: true }));
  for (const key of db.scanIterator()) is<string>()(key);
  for (const entry of db.binary().zscanIterator("z")) is<[member: Uint8Array, score: number]>()(entry);
  for await (const message of db.psubscribe("*")) is<Message>()(message);
  db.subscribe(["a", "b"], ({ channel, message }) => is<[string, string]>()([channel, message] as [string, string]), { limit: 1 });
}

export async function promises(p: Portable): Promise<void> {
  is<string | null>()(await p.get("k"));
  is<string | null>()(await p.set("k", 1, { get: true }));
  is<[string, number][]>()(await p.zrange("z", 0, -1, { withscores: true }));
  is<[string, string] | null>()(await p.blpop(["a", "b"], 0, { signal: AbortSignal.timeout(5) }));
  is<[string, [string, number][]] | null>()(await p.bzmpop(0.5, "z", "min", { count: 2 }));
  is<[Uint8Array, Uint8Array, number] | null>()(await p.binary().bzpopmin("z", 0));
  is<["OK", string | null] | null>()(await p.transaction("k", async (client, multi) => multi.mset({ k: Number(await client.get("k")) + 1 }).get("k")));
  for await (const pair of p.hscanIterator("h")) is<[field: string, value: string]>()(pair);
}

export async function chains(db: Cachelet, p: Portable): Promise<void> {
  is<["OK" | null, number | bigint, Record<string, string>]>()(db.pipeline().set("a", 1).incr("a").hgetall("h").exec());
  is<[string | null, number] | null>()(db.multi().get("a").zadd("z", 1, "m").exec());
  is<[string | null | ReplyError, number | ReplyError]>()(db.pipeline().get("a").llen("l").exec({ keepErrors: true }));
  is<[string[] | null, [string, number][]]>()(await p.pipeline().lpop("l", 2).zrange("z", 0, -1, { withscores: true }).exec());
  is<[Uint8Array | null] | null>()(await p.binary().multi().get("k").exec());
  const loop = db.pipeline();
  for (const key of ["a", "b"]) loop.get(key);
  is<Reply[]>()(loop.exec());
  const pipeline: Pipeline = db.pipeline();
  const multi: Multi = db.multi();
  void [pipeline, multi];
}

export function refusals(db: Cachelet, p: Portable, maybe: Arg | undefined): void {
  // @ts-expect-error a key is missing
  db.get();
  // @ts-expect-error objects are not values
  db.set("k", { a: 1 });
  // @ts-expect-error nor are booleans
  db.set("k", true);
  // @ts-expect-error nor what may be undefined
  db.set("k", maybe);
  // @ts-expect-error both cannot be
  db.set("k", 1, { nx: true, xx: true });
  // @ts-expect-error two expiries
  db.set("k", 1, { ex: 1, px: 1 });
  // @ts-expect-error no such option
  db.set("k", 1, { exx: 1 });
  // @ts-expect-error seconds are a number
  db.set("k", 1, { ex: "soon" });
  // @ts-expect-error a count is a number
  db.lpop("k", "2");
  // @ts-expect-error neither left nor right
  db.lmove("a", "b", "UP", "LEFT");
  // @ts-expect-error two numbers
  db.zrange("z", 0, -1, { limit: [1] });
  // @ts-expect-error a score is missing
  db.zadd("z", { member: "m" });
  // @ts-expect-error options need groups as objects
  db.zadd("z", 1, "m", { gt: true });
  // @ts-expect-error the in-process client does not wait
  db.blpop("l", 0);
  // @ts-expect-error transactions are chains
  db.exec();
  // @ts-expect-error bytes come from binary()
  const bytes: Uint8Array | null = db.get("k");
  // @ts-expect-error a counter may be a bigint
  const count: number = db.incr("k");
  // @ts-expect-error a promise is no value
  const value: string | null = p.get("k");
  // @ts-expect-error a timeout is missing
  void p.blpop("l");
  // @ts-expect-error a signal is an AbortSignal
  void p.blpop("l", 0, { signal: "stop" });
  // @ts-expect-error commands that wait are not in chains
  p.pipeline().blpop("l", 0);
  void [bytes, count, value];
}

export async function stores(storage: ObjectStorage, namespace: KVNamespaceLike): Promise<void> {
  is<Store>()(memory().open());
  is<Store>()(files("data").open({ takeOver: true }));
  is<Store>()(files(new URL("file:///data")).open());
  is<Store>()(durableObject(storage).open());
  is<Storage>()(indexedDB("app"));
  is<Storage>()(indexedDB("app", { durability: "relaxed" }));
  is<Storage>()(opfs("app"));
  is<Storage>()(workersKV(namespace, { prefix: "app/" }));
  is<Storage>()(denoKV());
  is<Storage>()(denoKV("kv.db", { prefix: ["app"] }));
  is<Store>()(await opfs("app").open());
  // @ts-expect-error there are two kinds
  indexedDB("app", { durability: "lax" });
}

export async function tabs(): Promise<void> {
  const shared = await openShared("app", { storage: indexedDB("app"), config: { appendfsync: "everysec" } });
  is<Shared>()(shared);
  is<boolean>()(shared.isLeading);
  is<string | null>()(await shared.get("k"));
  is<Portable<Uint8Array>>()(shared.binary());
  // @ts-expect-error it is kept somewhere
  await openShared("app", {});
  is<Uint8Array | null>()(await shared.binary().get("k"));
}
