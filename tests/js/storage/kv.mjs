// What only Deno KV has. In Deno.
import { join } from "node:path";
import { denoKV } from "cachelet/storage/deno-kv";
import { bytesOf } from "./suite.mjs";

let count = 0;
const fileIn = (root) => join(root, `kv-${count++}.db`);

/** Databases that do not exist yet, below `root`. */
export const databasesIn = (root) => ({ fresh: () => denoKV(fileIn(root)), many: 150 });

const put = (name, bytes = bytesOf(10)) => ({ kind: "put", name, bytes });

export const databases = (root) => (test) => {
  test("a database that is open is used and stays open; what is beside the prefix stays as it is", async (t) => {
    const kv = await Deno.openKv(fileIn(root));
    await kv.set(["cachelets", "a"], 1);
    await kv.set(["cachelet"], 2);
    const store = await denoKV(kv).open();
    const other = await denoKV(kv, { prefix: ["mine", "too"] }).open();
    await store.write([put("a", bytesOf(1))], true);
    await other.write([put("a", bytesOf(2))], true);
    t.equal([await store.get("a"), await other.get("a"), await store.list("")], [bytesOf(1), bytesOf(2), ["a"]]);
    t.equal((await kv.get(["mine", "too", "a"])).value, bytesOf(2));
    await store.close();
    await other.close();
    t.equal([(await kv.get(["cachelets", "a"])).value, (await kv.get(["cachelet"])).value], [1, 2]);
    // Closed, it leaves nothing of its own.
    t.equal((await kv.get(["cachelet", ".owner"])).value, null);
    kv.close();
  });

  test("a long prefix leaves less room, and what is said to fit does", async (t) => {
    const store = await denoKV(fileIn(root), { prefix: ["p".repeat(200), "é".repeat(100)] }).open();
    const { operations, bytes, object } = store.limits;
    t.ok(operations < 200 && bytes > 10 * object, `${operations} ${bytes}`);
    const names = Array.from({ length: operations }, (_, index) => `${"n".repeat(60)}/${String(index).padStart(3, "0")}`);
    const each = Math.floor(bytes / operations) - 64;
    await store.write(names.map((name) => put(name, bytesOf(each))), true);
    t.equal((await store.list("")).length, operations);
    await store.close();
  });

  test("an owner that went without a word is waited for, and then is none", async (t) => {
    const path = fileIn(root);
    const kv = await Deno.openKv(path);
    const gone = await denoKV(kv).open();
    await gone.write([put("a")], true);
    // It can neither write nor answer any more.
    kv.close();
    const start = performance.now();
    const store = await denoKV(path).open();
    const waited = performance.now() - start;
    t.ok(waited > 3000 && waited < 10_000, `${waited}`);
    t.equal(await store.list(""), ["a"]);
    await store.close();
    await gone.close();
  });

  test("programs that write to one file at the same time wait for each other", async (t) => {
    const path = fileIn(root);
    const stores = await Promise.all(["a", "b", "c"].map((prefix) => denoKV(path, { prefix: [prefix] }).open()));
    await Promise.all(
      stores.map(async (store) => {
        for (let index = 0; index < 60; index++) await store.write([put(`n${index}`, bytesOf(2000, index))], true);
      }),
    );
    for (const store of stores) {
      t.equal((await store.list("")).length, 60);
      await store.close();
    }
  });

  test("where it cannot be opened it says so", async (t) => {
    await t.rejects(denoKV("/nowhere/kv.db").open(), { name: "StorageError", message: /^Deno KV "\/nowhere\/kv.db" \["cachelet"\]: / });
  });
};
