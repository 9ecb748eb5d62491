// The typed client in the program itself, beside a plain Map, lru-cache and ioredis-mock: nanoseconds of processor time a
// call. What the peers have no word for stays empty: lru-cache knows GET and SET alone.
import { LRUCache } from "lru-cache";
import Mock from "ioredis-mock";
import { inTurns, processorTime as clock, ratio, table } from "./measure.mjs";
import { builds, flat, KEYS, numbers } from "./workloads.mjs";

/** Keys that are asked for again and again. */
const HOT = 64;

/** Hashes, lists and sets that the collections' commands go around. */
const COLLECTIONS = 256;

const value = "value-of-18-bytes!";
const keys = Array.from({ length: KEYS }, (_, i) => flat(`user:session:${i}`));
const members = Array.from({ length: KEYS }, (_, i) => flat(`player:${i}`));
const named = (kind) => Array.from({ length: COLLECTIONS }, (_, i) => flat(`${kind}:${i}`));
const [hashes, lists, sets] = ["hash", "list", "set"].map(named);
const next = numbers(KEYS);
const uniform = Int32Array.from({ length: 1 << 16 }, next);

/** Each of these does one call; `i` counts them. */
function commandsOf(db) {
  for (const key of keys) db.set(key, value);
  for (let i = 0; i < 1000; i++) db.call("ZADD", "board", i * 3, members[i]);
  return {
    "get, uniform": (i) => db.get(keys[uniform[i & 0xffff]]),
    "get, hot": (i) => db.get(keys[i % HOT]),
    "set, uniform": (i) => db.set(keys[uniform[i & 0xffff]], value),
    "set, hot": (i) => db.set(keys[i % HOT], value),
    incr: (i) => db.incr(members[i % KEYS]),
    hset: (i) => db.hset(hashes[i % COLLECTIONS], members[i % KEYS], value),
    hget: (i) => db.hget(hashes[i % COLLECTIONS], members[i % KEYS]),
    lpush: (i) => db.lpush(lists[i % COLLECTIONS], value),
    rpop: (i) => db.rpop(lists[i % COLLECTIONS]),
    sadd: (i) => db.sadd(sets[i % COLLECTIONS], members[i % KEYS]),
    zadd: (i) => db.zadd("scores", { score: i % 9973, member: members[i % KEYS] }),
    "zrange 0 9": () => db.zrange("board", 0, 9),
  };
}

function mapOf() {
  const map = new Map(keys.map((key) => [key, value]));
  const counters = new Map();
  const fields = new Map(hashes.map((name) => [name, new Map()]));
  const queues = new Map(lists.map((name) => [name, []]));
  const groups = new Map(sets.map((name) => [name, new Set()]));
  return {
    "get, uniform": (i) => map.get(keys[uniform[i & 0xffff]]),
    "get, hot": (i) => map.get(keys[i % HOT]),
    "set, uniform": (i) => map.set(keys[uniform[i & 0xffff]], value),
    "set, hot": (i) => map.set(keys[i % HOT], value),
    incr: (i) => counters.set(members[i % KEYS], (counters.get(members[i % KEYS]) ?? 0) + 1),
    hset: (i) => fields.get(hashes[i % COLLECTIONS]).set(members[i % KEYS], value),
    hget: (i) => fields.get(hashes[i % COLLECTIONS]).get(members[i % KEYS]),
    // At the end where arrays are quick.
    lpush: (i) => queues.get(lists[i % COLLECTIONS]).push(value),
    rpop: (i) => queues.get(lists[i % COLLECTIONS]).pop(),
    sadd: (i) => groups.get(sets[i % COLLECTIONS]).add(members[i % KEYS]),
  };
}

function lruOf() {
  const lru = new LRUCache({ max: KEYS * 4 });
  for (const key of keys) lru.set(key, value);
  return {
    "get, uniform": (i) => lru.get(keys[uniform[i & 0xffff]]),
    "get, hot": (i) => lru.get(keys[i % HOT]),
    "set, uniform": (i) => lru.set(keys[uniform[i & 0xffff]], value),
    "set, hot": (i) => lru.set(keys[i % HOT], value),
  };
}

async function mockOf() {
  const mock = new Mock();
  for (const key of keys) await mock.set(key, value);
  for (let i = 0; i < 1000; i++) await mock.zadd("board", i * 3, members[i]);
  return {
    "get, uniform": (i) => mock.get(keys[uniform[i & 0xffff]]),
    "get, hot": (i) => mock.get(keys[i % HOT]),
    "set, uniform": (i) => mock.set(keys[uniform[i & 0xffff]], value),
    "set, hot": (i) => mock.set(keys[i % HOT], value),
    incr: (i) => mock.incr(members[i % KEYS]),
    hset: (i) => mock.hset(hashes[i % COLLECTIONS], members[i % KEYS], value),
    hget: (i) => mock.hget(hashes[i % COLLECTIONS], members[i % KEYS]),
    lpush: (i) => mock.lpush(lists[i % COLLECTIONS], value),
    rpop: (i) => mock.rpop(lists[i % COLLECTIONS]),
    sadd: (i) => mock.sadd(sets[i % COLLECTIONS], members[i % KEYS]),
    zadd: (i) => mock.zadd("scores", i % 9973, members[i % 1000]),
    "zrange 0 9": () => mock.zrange("board", 0, 9),
  };
}

const loop = (work) => {
  let at = 0;
  return (times) => {
    for (let end = at + times; at < end; at++) work(at);
  };
};
const waiting = (work) => async (times) => {
  for (let i = 0; i < times; i++) await work(i);
};

export async function run(options) {
  const dbs = Object.entries(await builds(options)).map(([name, openSync]) => [name, openSync()]);
  const quick = [...dbs.map(([name, db]) => [name, commandsOf(db)]), ["Map", mapOf()], ["lru-cache", lruOf()]];
  const mock = await mockOf();
  const names = [...quick.map(([name]) => name), "ioredis-mock"];
  const rows = [["ns a call", ...names, ...(options.against === undefined ? [] : ["Cachelet / before"]), "Cachelet / lru-cache", "ioredis-mock / Cachelet"]];
  const results = {};
  for (const command of Object.keys(mock)) {
    const subjects = quick.filter(([, commands]) => commands[command]).map(([name, commands]) => [name, loop(commands[command])]);
    const figures = await inTurns(Object.fromEntries(subjects), { clock });
    // The mock is hundreds of times slower: fewer times, the same turns.
    Object.assign(figures, await inTurns({ "ioredis-mock": waiting(mock[command]) }, { times: 1000, rounds: 3, clock }));
    results[command] = figures;
    rows.push([
      command,
      ...names.map((name) => figures[name]?.toFixed(0) ?? ""),
      ...(options.against === undefined ? [] : [ratio(figures.Cachelet, figures.before)]),
      figures["lru-cache"] ? ratio(figures.Cachelet, figures["lru-cache"]) : "",
      ratio(figures["ioredis-mock"], figures.Cachelet),
    ]);
  }
  table(rows);
  for (const [, db] of dbs) await db.close();
  return results;
}
