// The in-process client, as a program sees it.
const bytes = (...values) => Uint8Array.from(values);

export default (test) => {
  test("strings: set with its options, get, and what is not there", async (t) => {
    const db = await t.open();
    t.equal(db.set("k", "v"), "OK");
    t.equal(db.get("k"), "v");
    t.equal(db.get("none"), null);
    t.equal(db.set("k", "w", { nx: true }), null);
    t.equal(db.set("k", "w", { xx: true, get: true, ex: 100 }), "v");
    t.equal(db.ttl("k"), 100);
    t.equal(db.set("k", "x", { keepttl: true }), "OK");
    t.equal(db.ttl("k"), 100);
    t.equal(db.set("k", "x", { nx: false, ex: undefined }), "OK");
    t.equal(db.ttl("k"), -1);
    t.equal(db.set("k", "y", undefined), "OK");
    t.equal(db.set("fresh", "y", { get: true }), null);
    t.equal(db.getex("k", { px: 5000 }), "y");
    t.ok(db.pttl("k") > 4000);
    t.equal(db.getex("k", { persist: true }), "y");
    t.equal(db.ttl("k"), -1);
    t.equal(db.expire("k", 10, { gt: true }), 0);
    t.equal(db.expire("k", 10, { lt: true }), 1);
  });

  test("numbers: as arguments, and integers beyond 2^53 without loss", async (t) => {
    const db = await t.open();
    t.equal(db.set("n", 41), "OK");
    t.equal(db.incr("n"), 42);
    t.equal(db.incrby("n", -2n), 40);
    t.equal(db.set("big", 9007199254740993n), "OK");
    t.equal(db.get("big"), "9007199254740993");
    t.equal(db.incr("big"), 9007199254740994n);
    t.equal(db.decrby("big", 9007199254740994n), 0);
    t.equal(db.incrby("big", 9223372036854775807n), 9223372036854775807n);
    t.throws(() => db.incr("big"), { name: "ReplyError", code: "ERR", message: /overflow/ });
    t.equal(db.hincrby("h", "f", 9007199254740995n), 9007199254740995n);
    t.equal(db.incrbyfloat("f", 0.1), "0.1");
    t.equal(db.set("float", 1.5), "OK");
    t.equal(db.get("float"), "1.5");
    t.equal(db.zadd("z", Infinity, "top"), 1);
    t.equal(db.zadd("z", -Infinity, "bottom"), 1);
    t.equal(db.zrange("z", 0, -1, { withscores: true }), [["bottom", -Infinity], ["top", Infinity]]);
    t.equal(db.zincrby("z2", 0.1, "m"), 0.1);
    t.equal(db.zscore("z2", "m"), 0.1);
  });

  test("text: any script, any length; bytes: any byte", async (t) => {
    const db = await t.open();
    for (const text of ["", "é", "日本語", "🦀", "a".repeat(63), "a".repeat(64) + "é", "é".repeat(5000), "x".repeat(300_000), "line\r\nbreak", "nul\0byte"]) {
      db.set(text || "empty", text);
      t.equal(db.get(text || "empty"), text);
    }
    const all = Uint8Array.from({ length: 256 }, (_, index) => index);
    t.equal(db.set(all, all), "OK");
    t.equal(db.binary().get(all), all);
    t.equal(db.strlen(all), 256);
    const large = new Uint8Array(3 << 20).fill(7);
    db.set("large", large);
    t.equal(db.binary().get("large"), large);
    t.equal(db.get("k"), null);
    const copy = db.binary().get(all);
    db.set(all, "changed");
    t.equal(copy, all, "a reply does not change later");
  });

  test("binary: bytes wherever bulk strings come, text in names", async (t) => {
    const db = await t.open();
    const bin = db.binary();
    t.equal(bin, bin.binary());
    bin.hset("h", { a: bytes(255, 0), b: "x" });
    t.equal(bin.hgetall("h"), { a: bytes(255, 0), b: bytes(120) });
    t.equal(bin.set("k", "v"), "OK");
    bin.rpush("l", bytes(1), bytes(2));
    t.equal(bin.lrange("l", 0, -1), [bytes(1), bytes(2)]);
    t.equal(bin.pipeline().get("k").llen("l").exec(), [bytes(118), 2]);
    t.equal(bin.multi().get("k").exec(), [bytes(118)]);
    t.ok(bin.info("server") instanceof Uint8Array);
    t.ok(/redis_version:/.test(db.info("server")));
    bin.select(1);
    t.equal(db.get("k"), null, "it is the same session");
  });

  test("dump: bytes from every client", async (t) => {
    const db = await t.open();
    db.rpush("l", "a", "é", 3);
    const dump = db.dump("l");
    t.ok(dump instanceof Uint8Array);
    t.equal(await db.portable().dump("l"), dump);
    t.equal(db.binary().pipeline().dump("l").exec(), [dump]);
    t.throws(() => db.pipeline().dump("l"), { name: "TypeError", message: /binary/ });
    t.equal(db.restore("copy", 0, dump), "OK");
    t.throws(() => db.restore("copy", 0, dump), { code: "BUSYKEY" });
    t.equal(db.restore("copy", 1000, dump, { replace: true }), "OK");
    t.equal(db.lrange("copy", 0, -1), ["a", "é", "3"]);
    t.equal(db.dump("none"), null);
  });

  test("hashes: pairs, records, groups", async (t) => {
    const db = await t.open();
    t.equal(db.hset("h", "a", 1), 1);
    t.equal(db.hset("h", "b", 2, "c", 3), 2);
    t.equal(db.hset("h", { d: 4, e: "five" }), 2);
    t.equal(db.hset("h", [{ field: "f", value: 6n }, { field: bytes(103), value: bytes(55) }]), 2);
    t.equal(db.hgetall("h"), { a: "1", b: "2", c: "3", d: "4", e: "five", f: "6", g: "7" });
    t.equal(db.hmget("h", "a", "none", "b"), ["1", null, "2"]);
    t.equal(db.hmget("h", ["a", "b"]), ["1", "2"]);
    t.equal(db.hdel("h", "c", ["d", "e"]), 3);
    t.equal(db.hrandfield("none"), null);
    t.equal(db.hrandfield("h", 99, { withvalues: true }).length, 4);
    t.equal(Object.getPrototypeOf(db.hgetall("h")), null, "a field named __proto__ is a field");
    db.hset("p", { ["__proto__"]: "x", constructor: "y" });
    t.equal(db.hget("p", "__proto__"), "x");
    t.equal(Object.keys(db.hgetall("p")).sort(), ["__proto__", "constructor"]);
    t.throws(() => db.hset("h", {}), { name: "ReplyError", message: /wrong number of arguments/ });
    t.throws(() => db.hset("h", { a: undefined }), { name: "TypeError" });
    t.throws(() => db.hset("h", { a: { b: 1 } }), { name: "TypeError" });
  });

  test("fields that expire; groups behind their number", async (t) => {
    const db = await t.open();
    t.equal(db.hsetex("h", { a: 1, b: 2 }, { ex: 100, fnx: true }), 1);
    t.equal(db.hsetex("h", [{ field: "a", value: 3 }], { fxx: true, keepttl: true }), 1);
    t.equal(db.httl("h", ["a", "b", "c"]), [100, 100, -2]);
    t.equal(db.hpexpire("h", 5000, ["a", "b"], { lt: true }), [1, 1]);
    t.equal(db.hpexpire("h", 6000, "a", { lt: true }), [0]);
    t.equal(db.hgetex("h", ["a", "c"], { persist: true }), ["3", null]);
    t.equal(db.httl("h", ["a"]), [-1]);
    t.equal(db.hgetdel("h", ["a", "b"]), ["3", "2"]);
    t.equal(db.exists("h"), 0);
    t.equal(db.msetex({ x: 1, y: 2 }, { px: 5000, nx: true }), 1);
    t.equal(db.msetex([{ key: "x", value: 2 }], { nx: true }), 0);
    t.equal(db.set("x", 3, { ifeq: 1, keepttl: true }), "OK");
    t.equal(db.set("x", 4, { ifdeq: db.digest("y") }), null);
    t.equal(db.delex("x", { ifne: 3 }), 0);
    t.equal(db.delex("x", { ifeq: 3 }), 1);
    t.throws(() => db.hsetex("h", "a"), { name: "TypeError" });
  });

  test("mset: flat, record, groups", async (t) => {
    const db = await t.open();
    t.equal(db.mset("a", 1, "b", 2), "OK");
    t.equal(db.mset({ c: 3, d: 4 }), "OK");
    t.equal(db.mset([{ key: "e", value: 5 }]), "OK");
    t.equal(db.mget("a", "b", ["c", "d"], "e", "none"), ["1", "2", "3", "4", "5", null]);
    t.equal(db.msetnx({ e: 1, f: 1 }), 0);
    t.equal(db.del("a", "b"), 2);
    t.equal(db.unlink(["c", "d", "none"]), 2);
    t.equal(db.exists("e", "e"), 2);
  });

  test("lists: ends, counts, words in either case", async (t) => {
    const db = await t.open();
    t.equal(db.rpush("l", "a", "b", "c"), 3);
    t.equal(db.lpush("l", ["z", "y"]), 5);
    t.equal(db.lrange("l", 0, -1), ["y", "z", "a", "b", "c"]);
    t.equal(db.lpop("l"), "y");
    t.equal(db.lpop("l", undefined), "z");
    t.equal(db.rpop("l", 2), ["c", "b"]);
    t.equal(db.rpop("none", 2), null);
    t.equal(db.linsert("l", "before", "a", "0"), 2);
    t.equal(db.lmove("l", "m", "LEFT", "right"), "0");
    t.equal(db.lmpop("none", "LEFT"), null);
    t.equal(db.lmpop(["none", "l"], "right", { count: 5 }), ["l", ["a"]]);
    db.rpush("p", "x", "y", "x");
    t.equal(db.lpos("p", "x"), 0);
    t.equal(db.lpos("p", "x", { rank: -1 }), 2);
    t.equal(db.lpos("p", "x", { count: 0 }), [0, 2]);
    const many = Array.from({ length: 100_000 }, (_, index) => index);
    t.equal(db.rpush("long", many), 100_000);
    t.equal(db.lindex("long", -1), "99999");
  });

  test("sets: members, intersections", async (t) => {
    const db = await t.open();
    t.equal(db.sadd("s", "a", "b", ["c"]), 3);
    t.equal(db.smembers("s").sort(), ["a", "b", "c"]);
    t.equal(db.smismember("s", "a", "x"), [1, 0]);
    db.sadd("t", "b", "c", "d");
    t.equal(db.sinter("s", "t").sort(), ["b", "c"]);
    t.equal(db.sintercard(["s", "t"]), 2);
    t.equal(db.sintercard("s"), 3);
    t.equal(db.sintercard(["s", "t"], { limit: 1 }), 1);
    t.equal(db.sdiffstore("d", ["s", "t"]), 1);
    t.equal(db.spop("none"), null);
    t.equal(db.spop("d", 5), ["a"]);
    t.equal(db.srandmember("s", -5).length, 5);
  });

  test("sorted sets: entries, ranges, scores", async (t) => {
    const db = await t.open();
    t.equal(db.zadd("z", 1, "a"), 1);
    t.equal(db.zadd("z", 2, "b", 3, "c"), 2);
    t.equal(db.zadd("z", { score: 4, member: "d" }), 1);
    t.equal(db.zadd("z", [{ score: 5, member: "e" }, { score: 1.5, member: "a" }], { ch: true }), 2);
    t.equal(db.zadd("z", { score: 0, member: "a" }, { gt: true, ch: true }), 0);
    t.equal(db.zadd("z", 9, "a", { nx: true }), 0);
    t.equal(db.zadd("z", { score: 1, member: "a" }, { incr: true }), 2.5);
    t.equal(db.zrange("z", 0, -1), ["b", "a", "c", "d", "e"]);
    t.equal(db.zrange("z", 0, 1, { rev: true, withscores: true }), [["e", 5], ["d", 4]]);
    t.equal(db.zrange("z", "(2", "+inf", { byscore: true, limit: [1, 2] }), ["c", "d"]);
    t.equal(db.zrangebyscore("z", "-inf", 2.5, { withscores: true }), [["b", 2], ["a", 2.5]]);
    t.equal(db.zrank("z", "a"), 1);
    t.equal(db.zrank("z", "a", { withscore: true }), [1, 2.5]);
    t.equal(db.zrank("z", "none", { withscore: true }), null);
    t.equal(db.zmscore("z", "a", "none"), [2.5, null]);
    t.equal(db.zpopmin("z"), ["b", 2]);
    t.equal(db.zpopmax("z", 2), [["e", 5], ["d", 4]]);
    t.equal(db.zpopmin("none"), []);
    t.equal(db.zpopmin("none", 2), []);
    db.zadd("y", 10, "a");
    t.equal(db.zunion(["z", "y"], { weights: [2, 0.5], aggregate: "sum", withscores: true }), [["c", 6], ["a", 10]]);
    t.equal(db.zunionstore("out", ["z", "y"], { aggregate: "MAX" }), 2);
    t.equal(db.zscore("out", "a"), 10);
    t.equal(db.zinter("z"), ["a", "c"]);
    t.equal(db.zmpop(["none", "z"], "min"), ["z", [["a", 2.5]]]);
    t.equal(db.zrandmember("z", 3, { withscores: true }), [["c", 3]]);
  });

  test("errors: what Redis says, with its code, and none of it changes the client", async (t) => {
    const db = await t.open();
    db.set("s", "text");
    const error = t.throws(() => db.lpush("s", 1), { name: "ReplyError", code: "WRONGTYPE" });
    t.ok(error instanceof t.cachelet.ReplyError && error instanceof Error);
    t.throws(() => db.incr("s"), { code: "ERR", message: "ERR value is not an integer or out of range" });
    t.throws(() => db.call("NOSUCH", "x"), { message: /^ERR unknown command 'NOSUCH'/ });
    t.throws(() => db.get(), { message: "ERR wrong number of arguments for 'get' command" });
    t.throws(() => db.set("k", "v", { ex: 0 }), { message: /invalid expire time/ });
    t.equal(db.get("s"), "text");
  });

  test("arguments: what cannot be sent is refused before it is", async (t) => {
    const db = await t.open();
    for (const wrong of [null, {}, [1], true, Symbol("x"), () => 1]) {
      t.throws(() => db.set("k", wrong), { name: "TypeError" });
      t.throws(() => db.sadd("k", "a", [wrong]), { name: "TypeError" });
      t.throws(() => db.call("SET", "k", wrong), { name: "TypeError" });
    }
    t.throws(() => db.zrange("z", 0, -1, { withscore: true }), { name: "TypeError", message: /no option withscore; it has .*withscores/ });
    t.throws(() => db.set("k", ["v", "EX", 1]), { name: "TypeError" }, "an array where one value stands adds no words");
    t.throws(() => db.get(["k"]), { name: "TypeError" });
    t.equal(db.dbsize(), 0);
  });

  test("call: any command, any reply", async (t) => {
    const db = await t.open();
    t.equal(db.call("set", "k", 1), "OK");
    t.equal(db.call("HSET", "h", "f", bytes(118)), 1);
    t.equal(db.call("HGETALL", "h"), { f: "v" });
    t.throws(() => db.call(), { name: "TypeError" });
    for (const own of [["SUBSCRIBE", "c"], ["hello", 2], ["QUIT"], ["RESET"], ["client", "reply", "off"]]) t.throws(() => db.call(...own), { name: "TypeError" });
    t.equal(db.call("GET", "k"), "1");
  });

  test("call: a command that would wait does not hang, and leaves the session as it was", async (t) => {
    const db = await t.open();
    db.select(2);
    db.watch("w");
    t.throws(() => db.call("BLPOP", "l", 0), { name: "TypeError", message: /portable/ });
    db.rpush("l", "x");
    t.equal(db.call("BLPOP", "l", 0), ["l", "x"]);
    t.equal(db.llen("l"), 0, "nobody was left in the queue");
    const other = db.client();
    other.select(2);
    other.set("w", 1);
    t.equal(db.multi().ping().exec(), null, "the watch is still there");
    t.equal(db.call("PING"), "PONG");
  });

  test("pipeline: replies in order; the first error is thrown, or kept", async (t) => {
    const db = await t.open();
    const pipeline = db.pipeline();
    t.equal(pipeline.exec(), []);
    t.equal(pipeline.set("a", 1).incr("a").hset("h", { f: 1 }).call("ECHO", "x").zadd("z", { score: 1, member: "m" }, { nx: true }).length, 5);
    t.equal(pipeline.exec(), ["OK", 2, 1, "x", 1]);
    t.equal(pipeline.length, 0);
    for (let i = 0; i < 3; i++) pipeline.rpush("l", i);
    t.equal(pipeline.exec(), [1, 2, 3]);
    const failing = () => db.pipeline().lpush("a", 1).set("after", 1);
    t.throws(() => failing().exec(), { code: "WRONGTYPE" });
    t.equal(db.get("after"), "1", "the commands behind an error run");
    const kept = failing().exec({ keepErrors: true });
    t.ok(kept[0] instanceof t.cachelet.ReplyError);
    t.equal(kept[1], "OK");
    t.throws(() => db.pipeline().get([]), { name: "TypeError" });
    t.equal(db.pipeline().get("a").clear().length, 0);
  });

  test("multi: all at once, or not at all", async (t) => {
    const db = await t.open();
    t.equal(db.multi().exec(), []);
    t.equal(db.multi().set("a", 1).incr("a").get("a").exec(), ["OK", 2, "2"]);
    t.throws(() => db.multi().lpush("a", 1).set("b", 1).exec(), { code: "WRONGTYPE" });
    t.equal(db.get("b"), "1");
    t.equal(db.multi().lpush("a", 1).exec({ keepErrors: true })[0].code, "WRONGTYPE");
    const error = t.throws(() => db.multi().set("c", 1).call("NOSUCH").exec(), { code: "EXECABORT" });
    t.ok(/unknown command/.test(error.cause?.message));
    t.equal(db.get("c"), null);
    const other = db.client();
    db.watch("a");
    t.equal(db.multi().set("a", 5).exec(), ["OK"]);
    db.watch("a", "b");
    other.set("b", 0);
    t.equal(db.multi().set("a", 6).exec(), null);
    t.equal(db.get("a"), "5");
    db.watch(["a"]);
    other.set("a", 0);
    db.unwatch();
    t.equal(db.multi().set("a", 6).exec(), ["OK"]);
  });

  test("clients: a session each, and an end each", async (t) => {
    const db = await t.open();
    const other = db.client();
    other.select(3);
    other.set("k", "three");
    t.equal(db.get("k"), null);
    other.clientSetname("other");
    t.equal(other.clientGetname(), "other");
    t.equal(db.clientGetname(), null);
    t.ok(other.clientId() !== db.clientId());
    t.equal(other.closed, false);
    const view = other.binary();
    other.close();
    other.close();
    t.equal(other.closed, true);
    t.throws(() => other.get("k"), { name: "ClosedError" });
    t.throws(() => view.get("k"), { name: "ClosedError" });
    t.throws(() => other.subscribe("c"), { name: "ClosedError" });
    const next = db.client();
    t.throws(() => other.set("k", 1), { name: "ClosedError" }, "its session now is another's");
    t.equal(next.dbsize(), 0);
    t.equal(db.clientKill({ id: next.clientId() }), 0, "clients in the program itself cannot be killed");
    t.equal(next.ping(), "PONG");
  });

  test("databases: each has an engine of its own, and its memory until it is closed", async (t) => {
    const one = await t.open();
    const two = await t.open({ databases: 2 });
    one.set("k", 1);
    t.equal(two.get("k"), null);
    t.throws(() => two.select(2), { message: /DB index is out of range/ });
    const client = one.client();
    one.close();
    t.throws(() => one.get("k"), { name: "ClosedError" });
    t.throws(() => client.get("k"), { name: "ClosedError" });
    t.equal(one.closed && client.closed, true);
    t.equal(two.set("k", 2), "OK");
    one.close();
    {
      const scoped = await t.open();
      scoped[Symbol.dispose]();
      t.equal(scoped.closed, true);
      const awaited = await t.open();
      await awaited[Symbol.asyncDispose]();
      t.equal(awaited.closed, true);
    }
  });

  test("settings: given at the start under their names", async (t) => {
    const db = await t.open({ config: { "notify-keyspace-events": "KEA", "hash-max-listpack-entries": 2 } });
    t.equal(db.configGet("hash-max-listpack-*", "set-max-intset-entries"), {
      "hash-max-listpack-entries": "2",
      "hash-max-listpack-value": "64",
      "set-max-intset-entries": "512",
    });
    db.hset("h", { a: 1, b: 2, c: 3 });
    t.equal(db.objectEncoding("h"), "hashtable");
    t.equal(db.configSet("hash-max-listpack-entries", 3, "set-max-intset-entries", 0), "OK");
    t.equal(db.configSet({ "hash-max-listpack-entries": 4 }), "OK");
    t.equal(db.configGet("hash-max-listpack-entries"), { "hash-max-listpack-entries": "4" });
    await t.rejects(t.open({ config: { nonsense: 1 } }), { name: "RangeError", message: /nonsense/ });
    await t.rejects(t.open({ config: { "hash-max-listpack-entries": "many" } }), { name: "RangeError" });
  });

  test("scan iterators: everything, once and again", async (t) => {
    const db = await t.open();
    const keys = Array.from({ length: 2500 }, (_, index) => `key:${index}`);
    for (const key of keys) db.set(key, 1);
    db.sadd("set", keys);
    for (const [index, key] of keys.entries()) {
      db.hset("hash", key, index);
      db.zadd("zset", index / 2, key);
    }
    t.equal([...db.scanIterator({ match: "key:*", count: 100 })].sort(), keys.slice().sort());
    t.equal([...db.scanIterator({ type: "zset" })], ["zset"]);
    t.equal([...db.sscanIterator("set")].sort(), keys.slice().sort());
    t.equal(new Map(db.hscanIterator("hash")).get("key:77"), "77");
    t.equal(new Map(db.zscanIterator("zset", { match: "key:77" })), new Map([["key:77", 38.5]]));
    t.equal([...db.zscanIterator("zset")].length, 2500);
    db.zadd("inf", Infinity, "m");
    t.equal([...db.zscanIterator("inf")], [["m", Infinity]]);
    t.equal([...db.binary().sscanIterator("set")].length, 2500);
    t.ok([...db.binary().hscanIterator("hash")].every(([field, value]) => field instanceof Uint8Array && value instanceof Uint8Array));
    for (const key of db.scanIterator()) {
      t.ok(typeof key === "string");
      break;
    }
  });

  test("subscribe: an iterator of messages", async (t) => {
    const db = await t.open();
    const sub = db.subscribe(["news", "sport"]);
    t.equal(db.publish("news", "one"), 1);
    t.equal(db.publish("sport", "two"), 1);
    t.equal(db.publish("other", "three"), 0);
    t.equal(await sub.next(), { value: { channel: "news", message: "one" }, done: false });
    t.equal(await sub.next(), { value: { channel: "sport", message: "two" }, done: false });
    const waiting = sub.next();
    db.client().publish("news", "four");
    t.equal((await waiting).value.message, "four");
    for await (const { message } of (db.publish("news", "five"), sub)) {
      t.equal(message, "five");
      break;
    }
    t.equal(db.publish("news", "six"), 0, "leaving the loop ends the subscription");
    t.equal(await sub.next(), { value: undefined, done: true });
    await sub.done;
  });

  test("subscribe: patterns, shard channels, bytes", async (t) => {
    const db = await t.open();
    const patterns = db.psubscribe("ch.*");
    const shard = db.binary().ssubscribe("shard");
    db.publish("ch.a", "x");
    t.equal(db.spublish("shard", bytes(0, 255)), 1);
    t.equal((await patterns.next()).value, { channel: "ch.a", message: "x", pattern: "ch.*" });
    t.equal((await shard.next()).value, { channel: "shard", message: bytes(0, 255) });
    db.publish("ch.b", "last");
    patterns.unsubscribe();
    t.equal((await patterns.next()).value.message, "last", "what came before the end is still there");
    t.equal((await patterns.next()).done, true);
    const large = "x".repeat(2_000_000);
    const wide = db.subscribe("wide");
    db.publish("wide", large);
    db.publish("wide", "after");
    t.equal((await wide.next()).value.message.length, large.length);
    t.equal((await wide.next()).value.message, "after");
  });

  test("subscribe: a listener, after the publisher's own code", async (t) => {
    const db = await t.open();
    const heard = [];
    const sub = db.subscribe("c", ({ message }) => {
      heard.push(message);
      if (message === "nested") db.set("from the listener", 1);
      if (message === "again") db.publish("c", "nested");
    });
    db.publish("c", "1");
    db.publish("c", "again");
    t.equal(heard, []);
    await t.until(() => heard.length === 3);
    t.equal(heard, ["1", "again", "nested"]);
    t.equal(db.get("from the listener"), "1");
    await t.rejects(sub.next(), { name: "TypeError" });
    sub.unsubscribe();
    db.publish("c", "unheard");
    await sub.done;
    t.equal(heard.length, 3);
  });

  test("subscribe: ends by signal and with the database", async (t) => {
    const db = await t.open();
    const controller = new AbortController();
    const bySignal = db.subscribe("c", undefined, { signal: controller.signal });
    controller.abort();
    t.equal((await bySignal.next()).done, true);
    t.throws(() => db.subscribe("c", undefined, { signal: controller.signal }), { name: "AbortError" });
    t.equal(db.publish("c", "x"), 0);
    const last = db.subscribe("c");
    const waiting = last.next();
    db.publish("c", "x");
    db.close();
    t.equal((await waiting).value.message, "x");
    t.equal((await last.next()).done, true);
    await last.done;
  });

  test("subscribe: who does not take messages is told so, and holds no memory", async (t) => {
    const db = await t.open();
    const sub = db.subscribe("c", undefined, { limit: 10_000 });
    const text = "x".repeat(1000);
    for (let i = 0; i < 100; i++) db.publish("c", text);
    let taken = 0;
    const error = await t.rejects(
      (async () => {
        for await (const { message } of sub) taken += message.length;
      })(),
      { name: "LaggedError" },
    );
    t.ok(error instanceof t.cachelet.LaggedError);
    t.ok(taken > 5000 && taken < 10_000, `${taken} bytes were kept`);
    await t.until(() => db.publish("c", "x") === 0);
  });

  test("a bug in the engine ends this database, tells everybody who waits, and leaves others alone", async (t) => {
    const db = await t.open({ config: { "enable-debug-command": "yes" } });
    const other = await t.open();
    const wait = db.portable().blpop("q", 0);
    const sub = db.subscribe("c");
    const message = sub.next();
    t.throws(() => db.call("DEBUG", "PANIC"), { name: "EngineLostError", message: /DEBUG PANIC/ });
    await t.rejects(wait, { name: "EngineLostError" });
    await t.rejects(message, { name: "EngineLostError" });
    t.throws(() => db.get("k"), { name: "EngineLostError" });
    await t.rejects(db.portable().get("k"), { name: "EngineLostError" });
    t.equal(db.closed, true);
    db.close();
    t.throws(() => db.get("k"), { name: /EngineLostError|ClosedError/ });
    t.equal(other.set("k", 1), "OK");
  });

  test("keyspace events reach subscribers", async (t) => {
    const db = await t.open({ config: { "notify-keyspace-events": "KEA" } });
    const events = db.psubscribe("__keyevent@0__:*");
    db.set("k", 1);
    db.del("k");
    t.equal((await events.next()).value.channel, "__keyevent@0__:set");
    t.equal((await events.next()).value, { channel: "__keyevent@0__:del", message: "k", pattern: "__keyevent@0__:*" });
  });

  test("time: keys expire by the clock that the database is given", async (t) => {
    let now = 1_000_000;
    const db = await t.open({ now: () => now });
    db.set("k", 1, { px: 500 });
    t.equal(db.pttl("k"), 500);
    now += 499;
    t.equal(db.get("k"), "1");
    now += 1;
    t.equal(db.get("k"), null);
    t.equal(db.time()[0], "1000");
  });

  test("chance: the same seed, clock and commands give the same replies", async (t) => {
    const replies = [];
    for (let i = 0; i < 2; i++) {
      const db = await t.open({ seed: [1, 2], now: () => 5000 });
      db.sadd("s", Array.from({ length: 200 }, (_, index) => `m${index}`));
      replies.push([db.spop("s", 20), db.srandmember("s", 20), db.smembers("s"), db.randomkey()]);
    }
    t.equal(replies[0], replies[1]);
  });
};
