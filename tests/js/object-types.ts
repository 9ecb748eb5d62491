// What the types of CacheletObject say, beside Cloudflare's own. Compiled, not run, against the installed package: see
// tests/packaging/types.mjs. A line below @ts-expect-error that compiles is a failure.
import type { Portable, Reply } from "cachelet";
import { CacheletObject, cacheletClient } from "cachelet/durable-object";
import { durableObject } from "cachelet/storage/durable-object";
import { workersKV } from "cachelet/storage/workers-kv";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when the value's type is exactly T. */
function is<T>() {
  return <V>(_value: V, ..._same: Same<V, T> extends true ? [] : [expected: T, got: V]): void => {};
}

interface Env {
  TOKEN: string;
  CACHE: DurableObjectNamespace<Cache>;
  KV: KVNamespace;
}

export class Cache extends CacheletObject<Env> {
  override config = { maxmemory: "32mb", databases: 4 };
  override token = this.env.TOKEN;
  override recover = "salvage" as const;
  size(): number {
    return this.db.dbsize();
  }
  own() {
    return [durableObject(this.ctx.storage), workersKV(this.env.KV)];
  }
  // @ts-expect-error it is not a number of megabytes in words
  override memoryLimit = "96mb";
}

export async function objects(object: Cache, env: Env): Promise<void> {
  is<Reply>()(await object.call("GET", "k"));
  is<Uint8Array>()(await object.execute([["GET", "k"]], 1));
  is<string | null>()(object.db.get("k"));
  is<Response>()(await object.fetch(new Request("https://cache.example/get/k")));
  const stub = env.CACHE.getByName("one");
  is<number>()(await stub.size());
  const client = cacheletClient(stub);
  is<Portable>()(client);
  is<["OK" | null, number | bigint] | null>()(await client.multi().set("k", 1).incr("k").exec());
  // @ts-expect-error a command is a list of words
  await object.execute(["GET", "k"]);
}
