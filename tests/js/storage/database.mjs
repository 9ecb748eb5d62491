// A database that is kept in a store: what is there when it is opened again. Runs wherever stores do.
//
//   database(place, options)    a suite of the harness; a place is what ./suite.mjs says
import { open } from "cachelet";

/** Every kind of value, written by `db`; what of it to compare. */
function fill(db) {
  const all = Uint8Array.from({ length: 256 }, (_, index) => index);
  db.set("text", "é and 🦀");
  db.set(all, all);
  db.set("number", 41);
  db.set("long", "x".repeat(200_000));
  db.set("leaving", "soon", { ex: 1000 });
  db.rpush("list", ["a", "b", "3"]);
  db.hset("hash", { f: "v", g: "1" });
  db.sadd("set", ["1", "2", "three"]);
  db.zadd("sorted", [{ score: 1.5, member: "one" }, { score: Infinity, member: "top" }]);
  db.xadd("stream", "1-1", { f: "v" });
  db.pfadd("few", ["a", "b"]);
  db.multi().incr("number").rpush("list", "d").exec();
  db.select(1);
  db.set("elsewhere", "1");
  db.select(0);
}

function look(db) {
  const keys = db.binary().keys("*").map((key) => [...key].join(",")).sort();
  const dumps = db.binary().keys("*").map((key) => [[...key].join(","), [...db.binary().dump(key)].length]).sort();
  db.select(1);
  const elsewhere = db.get("elsewhere");
  db.select(0);
  return { keys, dumps, elsewhere, number: db.get("number"), list: db.lrange("list", 0, -1), hash: db.hgetall("hash"), sorted: db.zrange("sorted", 0, -1, { withscores: true }), stays: db.ttl("leaving") > 900 };
}

export const database = (place, options = {}) => (test) => {
  const again = place.again ?? ((storage) => storage);
  const logs = place.logs ?? true;
  const opened = (storage, more = {}) => open({ ...options, storage, ...more, config: { save: "", ...(logs ? { appendonly: "yes" } : {}), ...more.config } });
  /** Makes durable what was done, by the log, or where there is none by a snapshot. */
  const kept = (db) => (logs ? db.durable() : db.portable().save());
  const expected = async () => {
    const db = await open(options);
    fill(db);
    const seen = look(db);
    await db.close();
    return seen;
  };

  test("all that was written is there again: from the log, from a snapshot, and from both", async (t) => {
    const storage = await place.fresh();
    let db = await opened(storage);
    t.equal(db.recovered.found, false);
    fill(db);
    const seen = look(db);
    t.equal(seen, await expected());
    await kept(db);
    await db.close();
    db = await opened(again(storage));
    t.equal(db.recovered.found, true);
    t.equal(db.recovered.lost, []);
    t.equal(look(db), seen);
    t.equal(await db.portable().save(), "OK");
    t.ok(db.lastsave() > 0);
    await db.close();
    db = await opened(again(storage));
    t.ok(db.recovered.keys > 5, `${db.recovered.keys} keys`);
    t.equal(look(db), seen);
    db.set("behind", "the snapshot");
    db.del("long");
    await kept(db);
    await db.close();
    db = await opened(again(storage));
    t.equal([db.get("behind"), db.exists("long"), db.dbsize()], ["the snapshot", 0, seen.keys.length]);
    await db.close();
  });

  test("a store that is not fit for a log says so", async (t) => {
    if (logs) t.skip("it is fit for one");
    const storage = await place.fresh();
    await t.rejects(opened(storage, { config: { appendonly: "yes" } }), { name: "StorageError", message: /is not fit for an append log/ });
    const db = await opened(again(storage));
    t.throws(() => db.call("CONFIG", "SET", "appendonly", "yes"), { message: /not fit for a log/ });
    await db.close();
  });

  test("under appendfsync always a promise is kept when it is durable, also for a transaction", async (t) => {
    if (!logs) t.skip("it has no log");
    const storage = await place.fresh();
    let db = await opened(storage, { config: { appendfsync: "always" } });
    const client = db.portable();
    t.equal(await client.set("a", "1"), "OK");
    t.equal(db.instance.persistence.holds, false);
    t.equal(await client.multi().incr("a").incr("a").exec(), [2, 3]);
    t.equal(await client.waitaof(1, 0, 1000), [1, 0]);
    await db.close();
    db = await opened(again(storage));
    t.equal(db.get("a"), "3");
    await db.close();
  });

  test("a rewrite leaves a log that holds only what came after it", async (t) => {
    if (!logs) t.skip("it has no log");
    const storage = await place.fresh();
    let db = await opened(storage);
    for (let i = 0; i < 200; i++) db.incr("n");
    await db.durable();
    t.equal(db.bgrewriteaof(), "Background append only file rewriting started");
    await t.until(() => /aof_rewrite_in_progress:0/.test(db.info("persistence")) && /aof_rewrites:[1-9]/.test(db.info("persistence")));
    db.incr("n");
    await db.durable();
    await db.close();
    db = await opened(again(storage));
    t.equal([db.get("n"), db.recovered.effects, db.recovered.keys], ["201", 1, 1]);
    await db.close();
  });

  test("expiries go on while nobody is there, and are instants", async (t) => {
    const storage = await place.fresh();
    let time = Date.now();
    let db = await opened(storage, { now: () => time });
    db.set("short", "x", { px: 5000 });
    db.set("lasting", "x", { px: 500_000 });
    db.hset("hash", { f: "v", g: "w" });
    db.call("HPEXPIRE", "hash", 5000, "FIELDS", 1, "f");
    await kept(db);
    await db.close();
    time += 10_000;
    db = await opened(again(storage), { now: () => time });
    t.equal([db.get("short"), db.pttl("lasting"), db.hgetall("hash")], [null, 490_000, { g: "w" }]);
    await db.close();
  });

  test("what is emptied and exchanged stays so", async (t) => {
    const storage = await place.fresh();
    let db = await opened(storage);
    db.set("a", "1");
    await db.portable().save();
    db.flushall();
    db.set("b", "2");
    db.swapdb(0, 3);
    await kept(db);
    await db.close();
    db = await opened(again(storage));
    t.equal(db.dbsize(), 0);
    db.select(3);
    t.equal([db.dbsize(), db.get("b")], [1, "2"]);
    await db.close();
  });
};
