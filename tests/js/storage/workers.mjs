// What only Cloudflare's stores have. In workerd.
import { bytesOf } from "./suite.mjs";

const put = (name, bytes = bytesOf(10)) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });

export const objects = (ctx, durableObject) => (test) => {
  const rows = (query) => ctx.storage.sql.exec(query).toArray();

  test("small appends share rows, long objects have several, and none is too long", (t) => {
    const store = durableObject(ctx.storage).open();
    for (let index = 0; index < 90; index++) store.write([append("log", bytesOf(100, index))], true);
    t.equal(rows("SELECT count(*) AS n, max(length(bytes)) AS most FROM cachelet WHERE name = 'log'"), [{ n: 10, most: 900 }]);
    store.write([put("large", bytesOf(5_000_000))], true);
    t.equal(rows("SELECT part, length(bytes) AS n FROM cachelet WHERE name = 'large' ORDER BY part"), [{ part: 0, n: 1_900_000 }, { part: 1, n: 1_900_000 }, { part: 2, n: 1_200_000 }]);
    store.write([append("large", bytesOf(10)), append("large", bytesOf(1_900_000)), append("large", bytesOf(20))], true);
    t.equal(store.get("large").length, 6_900_030);
    t.equal(store.get("large").subarray(6_900_010), bytesOf(20));
    store.write([put("large", bytesOf(3))], true);
    t.equal(store.get("large"), bytesOf(3));
    store.close();
    const next = durableObject(ctx.storage).open();
    next.write([append("log", bytesOf(7))], true);
    t.equal(next.get("log").length, 9007);
    t.equal(next.get("log").subarray(8900, 9000), bytesOf(100, 89));
    next.close();
  });

  test("a write that fails in the middle has done nothing, and the next appends where the last one ended", (t) => {
    // What it does to its storage fails at the third row.
    let left = Infinity;
    const storage = {
      sql: {
        exec: (query, ...bindings) => {
          if (query.startsWith("INSERT") && --left < 0) throw new Error("no: SQLITE_FULL");
          return ctx.storage.sql.exec(query, ...bindings);
        },
      },
      transactionSync: (work) => ctx.storage.transactionSync(work),
    };
    const store = durableObject(storage).open();
    store.write([put("failing", bytesOf(5)), append("failing-log", bytesOf(30))], true);
    left = 2;
    t.throws(() => store.write([put("failing", bytesOf(6)), append("failing-log", bytesOf(40)), put("third")], true), { name: "StorageError", message: "Durable Object storage: it is full" });
    left = Infinity;
    t.equal([store.get("failing"), store.get("failing-log"), store.get("third")], [bytesOf(5), bytesOf(30), undefined]);
    store.write([append("failing-log", bytesOf(2))], true);
    t.equal(store.get("failing-log").length, 32);
    store.close();
  });

  test("deleteAll leaves a store with nothing in it, that goes on", async (t) => {
    const store = durableObject(ctx.storage).open();
    store.write([put("a"), append("log", bytesOf(100))], true);
    ctx.storage.kv.put("other", 1);
    await ctx.storage.deleteAll();
    t.equal(store.list(""), []);
    store.write([append("log", bytesOf(3))], true);
    t.equal(store.get("log"), bytesOf(3));
    await ctx.storage.deleteAll();
    store.write([append("log", bytesOf(4))], true);
    t.equal(store.get("log"), bytesOf(4));
    store.close();
  });

  test("other keys, other tables and the alarm stay as they are", async (t) => {
    const at = Date.now() + 3_600_000;
    await ctx.storage.setAlarm(at);
    ctx.storage.kv.put("mine", "value");
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS mine (a)");
    const store = durableObject(ctx.storage).open();
    store.write([put("mine"), append("mine", bytesOf(1))], true);
    store.write([{ kind: "delete", name: "mine" }], true);
    store.close();
    t.equal(await ctx.storage.getAlarm(), at);
    t.equal(ctx.storage.kv.get("mine"), "value");
    await ctx.storage.deleteAlarm();
  });
};

/** A namespace that says at first that it was asked too often. */
const busy = (namespace, times) => {
  const asked = { count: 0 };
  const ask = (method) => async (...args) => {
    asked.count++;
    if (times-- > 0) throw new Error(`KV ${method.toUpperCase()} failed: 429 Too Many Requests`);
    return namespace[method](...args);
  };
  return { asked, namespace: { get: ask("get"), put: ask("put"), delete: ask("delete"), list: ask("list") } };
};

export const namespaces = (kv, workersKV) => (test) => {
  test("it takes no log, and what it shows may be old", async (t) => {
    const store = await workersKV(kv, { prefix: "facts/" }).open();
    t.equal([store.logs, store.eventual, store.atomic], [false, true, false]);
    await store.close();
  });

  test("asked too often it waits and asks again", async (t) => {
    const { asked, namespace } = busy(kv, 1);
    const store = await workersKV(namespace, { prefix: "busy/" }).open();
    const start = Date.now();
    await store.write([put("a")], true);
    t.equal(asked.count, 2);
    t.ok(Date.now() - start >= 900);
    t.equal(await store.list(""), ["a"]);
    await store.close();
  });

  test("what else goes wrong is said at once, by name, and what follows is done", async (t) => {
    const failing = { ...busy(kv, 0).namespace, put: (key, bytes) => (key.endsWith("/b") ? Promise.reject(new Error("KV PUT failed: 500 Internal Error")) : kv.put(key, bytes)) };
    const store = await workersKV(failing, { prefix: "failing/" }).open();
    await t.rejects(store.write([put("a"), put("b")], true), { name: "StorageError", message: 'Workers KV "failing/": cannot write b: KV PUT failed: 500 Internal Error' });
    await store.write([put("c")], true);
    t.equal((await store.list("")).includes("c"), true);
    await store.close();
  });

  test("names are listed page by page", async (t) => {
    let pages = 0;
    const paged = { ...busy(kv, 0).namespace, list: (options) => (pages++, kv.list({ ...options, limit: 10 })) };
    const store = await workersKV(paged, { prefix: "paged/" }).open();
    const names = Array.from({ length: 25 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    await store.write(names.map((name) => put(name)), true);
    t.equal(await store.list("n"), names);
    t.equal(pages, 3);
    await store.close();
  });

  test("keys stand below the prefix", async (t) => {
    const store = await workersKV(kv, { prefix: "below:" }).open();
    await store.write([put("a/b")], true);
    t.equal((await kv.list({ prefix: "below:" })).keys.map(({ name }) => name), ["below:a/b"]);
    await store.close();
  });
};
