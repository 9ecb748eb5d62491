// Memory, on the real thing: what MEMORY USAGE says beside what the allocator really gave, for every type and encoding; and an
// instance at the end of its memory, under commands of all families.
import { Generator, Chance, declarations } from "./oracle/generate.mjs";
import { memory } from "../../dist/storage/memory.js";
import { EngineLostError, openSync } from "../../dist/platform/node.js";

const counts = { passed: 0, failed: 0 };
const check = (holds, what) => {
  counts[holds ? "passed" : "failed"]++;
  if (!holds) console.log(`FAILED: ${what}`);
};
const figure = (db, name) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(db.call("INFO", "everything"))[1]);

/** Calls with as many arguments at a time as a client would send. */
const many = (head, count, item) => {
  const calls = [];
  for (let at = 0; at < count; at += 100) {
    calls.push([...head, ...Array.from({ length: Math.min(100, count - at) }, (_, i) => item(at + i)).flat()]);
  }
  return calls;
};
const text = (length, letter = "v") => letter.repeat(length);

// What a key holds, its encoding, how many such keys are made, and the calls that make key `k`.
const ROWS = [
  ["small integer", "int", 5000, (k, i) => [["SET", k, i % 100]]],
  ["large integer", "int", 5000, (k, i) => [["SET", k, 4e12 + i]]],
  ["short string", "embstr", 5000, (k) => [["SET", k, "value"]]],
  ["string of 100", "raw", 5000, (k) => [["SET", k, text(100)]]],
  ["string of 1500", "raw", 1000, (k) => [["SET", k, text(1500)]]],
  ["string of 100,000", "raw", 5, (k) => [["SET", k, text(100_000)]]],
  ["short string that expires", "embstr", 5000, (k) => [["SET", k, "value", "EX", 100]]],
  ["string with a long name", "embstr", 5000, (k) => [["SET", k + text(200, "k"), "value"]]],
  ["string that was appended to", "raw", 2000, (k) => [["APPEND", k, "value"], ["APPEND", k, text(70)]]],
  ["list of 1", "listpack", 5000, (k) => [["RPUSH", k, "a"]]],
  ["list of 20", "listpack", 1000, (k) => many(["RPUSH", k], 20, (i) => `element:${i}`)],
  ["list of 5000", "quicklist", 3, (k) => many(["RPUSH", k], 5000, (i) => `element:${i}`)],
  ["list of long elements", "quicklist", 20, (k) => many(["RPUSH", k], 10, (i) => i + text(9000))],
  ["hash of 1", "listpack", 5000, (k) => [["HSET", k, "f", "v"]]],
  ["hash of 20", "listpack", 1000, (k) => many(["HSET", k], 20, (i) => [`field:${i}`, `value:${i}`])],
  ["hash of 1000", "hashtable", 20, (k) => many(["HSET", k], 1000, (i) => [`field:${i}`, `value:${i}`])],
  ["hash of 50,000", "hashtable", 1, (k) => many(["HSET", k], 50_000, (i) => [`field:${i}`, i])],
  ["hash of long values", "hashtable", 20, (k) => many(["HSET", k], 50, (i) => [i, text(1000)])],
  ["hash whose fields expire", "listpackex", 500, (k) => [...many(["HSET", k], 20, (i) => [`field:${i}`, `value:${i}`]), ["HEXPIRE", k, 100, "FIELDS", 2, "field:1", "field:2"]]],
  ["large hash whose fields expire", "hashtable", 3, (k) => [...many(["HSET", k], 3000, (i) => [`field:${i}`, `value:${i}`]), ...Array.from({ length: 3000 }, (_, i) => ["HEXPIRE", k, 100 + i, "FIELDS", 1, `field:${i}`])]],
  ["set of integers", "intset", 1000, (k) => many(["SADD", k], 100, (i) => i * 7)],
  ["set of 20", "listpack", 1000, (k) => many(["SADD", k], 20, (i) => `member:${i}`)],
  ["set of 1000", "hashtable", 20, (k) => many(["SADD", k], 1000, (i) => `member:${i}`)],
  ["set of 50,000", "hashtable", 1, (k) => many(["SADD", k], 50_000, (i) => `member:${i}`)],
  ["set of long members", "hashtable", 20, (k) => many(["SADD", k], 100, (i) => i + text(300))],
  ["sorted set of 1", "listpack", 5000, (k) => [["ZADD", k, 15, "m"]]],
  ["sorted set of 20", "listpack", 1000, (k) => many(["ZADD", k], 20, (i) => [i + 0.5, `member:${i}`])],
  ["sorted set of 1000", "skiplist", 20, (k) => many(["ZADD", k], 1000, (i) => [i, `member:${i}`])],
  ["sorted set of 50,000", "skiplist", 1, (k) => many(["ZADD", k], 50_000, (i) => [(i * 7919) % 50_021, `member:${i}`])],
  ["sorted set of long members", "skiplist", 20, (k) => many(["ZADD", k], 200, (i) => [i, i + text(300)])],
  ["stream of 1", "stream", 2000, (k) => [["XADD", k, "1-1", "f", "v"]]],
  ["stream of 5000", "stream", 3, (k) => Array.from({ length: 5000 }, (_, i) => ["XADD", k, `${i + 1}-1`, "field", `value:${i}`])],
  ["stream with a group", "stream", 3, (k) => [
    ...Array.from({ length: 2000 }, (_, i) => ["XADD", k, `${i + 1}-1`, "field", `value:${i}`]),
    ["XGROUP", "CREATE", k, "g", 0],
    ...Array.from({ length: 20 }, (_, i) => ["XREADGROUP", "GROUP", "g", `consumer:${i}`, "COUNT", 100, "STREAMS", k, ">"]),
  ]],
  ["HyperLogLog", "raw", 20, (k) => many(["PFADD", k], 5000, (i) => `element:${i}`)],
  ["bitmap", "raw", 20, (k) => Array.from({ length: 50 }, (_, i) => ["SETBIT", k, i * 4000, 1])],
];

/** MEMORY USAGE is within a tenth of the truth. */
function usage() {
  const db = openSync({ seed: [1, 1] });
  // No call here is as large as to make the door's buffer grow, which is no key's.
  db.call("SET", "first", text(150_000));
  for (const [name, encoding, count, make] of ROWS) {
    db.call("FLUSHALL");
    // Nor are the segments of the database.
    db.call("SET", "first", 1);
    db.call("DEL", "first");
    const calls = Array.from({ length: count }, (_, i) => make(`key:${i}`, i));
    const before = figure(db, "used_memory");
    for (const call of calls.flat()) db.call(...call.map(String));
    const truth = figure(db, "used_memory") - before;
    const keys = calls.map(([call]) => call[1]);
    const told = keys.reduce((sum, key) => sum + Number(db.call("MEMORY", "USAGE", key)), 0);
    check(db.call("OBJECT", "ENCODING", keys[0]) === encoding, `${name} is ${encoding}`);
    const ratio = told / truth;
    check(ratio > 0.9 && ratio < 1.1, `${name}: ${(truth / count).toFixed(1)} bytes each, said to be ${(told / count).toFixed(1)} (${ratio.toFixed(2)})`);
  }
  db.close();
}

// What a session, a setting or the whole database ends by, or what waits.
const LEFT = new Set(["shutdown", "multi", "exec", "discard", "watch", "monitor", "quit", "hello", "reset", "auth", "client|reply", "client|kill", "client|pause", "client|tracking", "subscribe", "psubscribe", "ssubscribe", "select", "swapdb", "flushall", "flushdb", "config|set", "acl|setuser", "acl|deluser"]);
const tokens = (list, all = new Set()) => {
  for (const { token, arguments: inner } of list ?? []) {
    if (token !== undefined) all.add(token.toUpperCase());
    tokens(inner, all);
  }
  return all;
};
const KNOWN = new Map(declarations.filter(({ name }) => !LEFT.has(name) && !/^(debug|cluster)/.test(name)).map((one) => [one.name, tokens(one.arguments)]));

/** Commands that fill memory, or need much of it. */
function heavy(chance) {
  const big = () => text(1 + chance.below(chance.pick([50, 500, 5000, 60_000, 400_000])), chance.pick(["a", "b", "c"]));
  const key = (kind, count = 3) => kind + (1 + chance.below(count));
  const some = (make) => Array.from({ length: 1 + chance.below(500) }, make).flat();
  const member = () => `m${chance.below(100_000)}`;
  const [s, l, e, z, h, x] = ["s", "l", "e", "z", "h", "x"].map((kind) => () => key(kind, kind === "s" ? 300 : 3));
  return chance.pick([
    () => ["SET", s(), big()],
    () => ["SET", key("n", 100_000), "y".repeat(40)],
    () => ["APPEND", s(), big()],
    () => ["RPUSH", l(), ...some(member)],
    () => ["SADD", e(), ...some(member)],
    () => ["ZADD", z(), ...some(() => [chance.below(1000), member()])],
    () => ["HSET", h(), ...some(() => [member(), member()])],
    () => ["XADD", x(), "*", ...some(() => ["f", member()])],
    () => ["SETRANGE", s(), chance.below(3_000_000), big()],
    () => ["COPY", ...chance.pick([[s(), s()], [z(), z()], [h(), h()], [x(), x()]]), "REPLACE"],
    () => ["DUMP", chance.pick([s, z, e, h, x])()],
    () => [chance.pick(["SUNIONSTORE", "SDIFFSTORE"]), e(), e(), e()],
    () => ["ZUNIONSTORE", z(), 2, z(), e()],
    () => [chance.pick(["SUNION", "SINTER", "SDIFF"]), e(), e()],
    () => [chance.pick(["ZUNION", "ZINTER", "ZDIFF"]), 2, z(), z()],
    () => ["SORT", chance.pick([l, e])(), "ALPHA", "GET", "s*", "STORE", l()],
    () => ["HSCAN", h(), 0, "COUNT", 100_000],
    () => ["SCAN", 0, "COUNT", 1_000_000],
    () => ["LRANGE", l(), 0, -1],
    () => ["LCS", s(), s()],
    () => ["PUBLISH", "c0", big()],
  ])();
}

const encoded = (argv) => Buffer.concat([Buffer.from(`*${argv.length}\r\n`), ...argv.flatMap((arg) => {
  const bytes = Buffer.from(String(arg), "latin1");
  return [Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")];
})]);

/**
 * An instance at the end of its memory, under commands of every family: it goes on; what it says it has done is done; it reads and
 * deletes however full it is, and takes writes again when there is room.
 */
async function edge(seed, commands) {
  const chance = new Chance(seed * 7919);
  const storage = seed % 3 === 0 ? memory() : undefined;
  const db = openSync({ memoryLimit: (3 + chance.below(12)) << 20, seed: [seed, 1], ...(storage && { storage, config: { save: "", appendfsync: chance.pick(["always", "everysec"]) } }) });
  const generator = new Generator(KNOWN);
  generator.reseed(seed);
  const [plain, listener, monitor] = [1, 2, 3].map(() => db.instance.connect({ write: () => true, close() {} }));
  listener.receive(encoded(["SUBSCRIBE", "c0", "c1"]));
  if (chance.percent(30)) monitor.receive(encoded(["MONITOR"]));
  const held = new Map();
  const counts = { run: 0, refused: 0 };
  let last = [];
  /** The reply; an Error where there is none. */
  const call = (...args) => {
    last = args;
    counts.run++;
    try {
      return db.call(...args);
    } catch (error) {
      if (error instanceof EngineLostError) throw error;
      counts.refused += /^OOM|no room/.test(error.message);
      return error;
    }
  };
  const verify = () => {
    for (const [key, value] of held) {
      const length = call("STRLEN", key);
      if (length !== value.length) check(false, `seed ${seed}: ${key} has ${value.length} bytes, not ${length}`);
      const found = call("GET", key);
      if (!(found instanceof Error) && found !== value) check(false, `seed ${seed}: ${key} is what was acknowledged`);
    }
  };
  try {
    for (let at = 0; at < commands; at++) {
      if (chance.percent(5)) {
        const [key, value] = [`held:${chance.below(20)}`, text(1 + chance.below(chance.pick([50, 5000, 60_000])), chance.pick(["p", "q"]))];
        if (chance.percent(50)) {
          if (call("SET", key, value) === "OK") held.set(key, value);
        } else if (typeof call("APPEND", key, value) === "number") held.set(key, (held.get(key) ?? "") + value);
        if (chance.percent(40)) call("DEL", key) instanceof Error || held.delete(key);
        continue;
      }
      const command = () => (chance.percent(40) ? generator.command().argv : heavy(chance));
      const how = chance.below(10);
      if (how < 6) call(...command());
      else if (how < 9) plain.receive(encoded((last = command())));
      else {
        plain.receive(encoded(["MULTI"]));
        for (let left = chance.below(6); left > 0; left--) plain.receive(encoded((last = heavy(chance))));
        plain.receive(encoded((last = ["EXEC"])));
      }
      if (at % 100 === 99) db.instance.tick();
      if (at % 1000 === 999) {
        verify();
        for (let i = 1; i <= 300; i++) if (call("DEL", `s${i}`) instanceof Error) check(false, `seed ${seed}: a full instance deletes`);
        if (chance.percent(30)) call("UNLINK", "z1", "h1", "e1", "x1", "l1");
      }
    }
    verify();
    if (storage) {
      // What is read back is what there was.
      const keys = call("DBSIZE");
      await db.close();
      const again = openSync({ storage });
      check(again.call("DBSIZE") === keys, `seed ${seed}: ${again.call("DBSIZE")} keys are read back, there were ${keys}`);
      for (const [key, value] of held) if (again.call("GET", key) !== value) check(false, `seed ${seed}: ${key} is read back`);
      await again.close();
      return counts;
    }
    check(call("FLUSHALL") === "OK", `seed ${seed}: a full instance is emptied`);
    for (let i = 0; i < 100; i++) if (call("SET", `again:${i}`, text(5000)) !== "OK") check(false, `seed ${seed}: there is room again`);
    check(counts.refused > 20, `seed ${seed}: memory ended, ${counts.refused} commands were refused`);
  } catch (error) {
    check(false, `seed ${seed}: under ${last.map((arg) => String(arg).slice(0, 20)).slice(0, 6).join(" ")}: ${error.stack}`);
  } finally {
    await db.close();
  }
  return counts;
}

usage();
const [first, rounds, commands] = [process.argv[2] ?? 1, process.argv[3] ?? 12, process.argv[4] ?? 3000].map(Number);
const all = [];
for (let at = 0; at < rounds; at++) all.push(await edge(first + at, commands));
const [run, refused] = ["run", "refused"].map((name) => all.reduce((sum, one) => sum + one[name], 0));
console.log(`at the end of memory: ${run} calls in ${rounds} instances, of which ${refused} were refused`);
console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
process.exit(counts.failed > 0 ? 1 : 0);
