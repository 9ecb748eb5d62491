// The typed client in the program itself, beside a plain Map, lru-cache and ioredis-mock: nanoseconds a call.
import { LRUCache } from "lru-cache";
import Mock from "ioredis-mock";
import { openSync } from "../../dist/platform/node.js";
import { inTurns, ratio, table } from "./measure.mjs";

const KEYS = 10_000;

export async function run() {
  // Fresh flat strings, as a program has them from requests.
  const flat = (text) => Buffer.from(text).toString("latin1");
  const keys = Array.from({ length: KEYS }, (_, i) => flat(`user:session:${i}`));
  const members = Array.from({ length: KEYS }, (_, i) => flat(`player:${i}`));
  const value = "value-of-18-bytes!";
  const db = openSync();
  const map = new Map();
  const lru = new LRUCache({ max: KEYS * 4 });
  const mock = new Mock();
  const counters = new Map();
  const hashes = new Map();
  for (const key of keys) {
    db.call("SET", key, value);
    map.set(key, value);
    lru.set(key, value);
    await mock.set(key, value);
  }
  for (let i = 0; i < 1000; i++) {
    db.call("ZADD", "board", i * 3, members[i]);
    await mock.zadd("board", i * 3, members[i]);
  }

  const loop = (work) => (times) => {
    for (let i = 0; i < times; i++) work(i % KEYS, i);
  };
  const waiting = (work) => async (times) => {
    for (let i = 0; i < times; i++) await work(i % KEYS, i);
  };
  const cases = {
    get: {
      Cachelet: loop((k) => db.get(keys[k])),
      Map: loop((k) => map.get(keys[k])),
      "lru-cache": loop((k) => lru.get(keys[k])),
      "ioredis-mock": waiting((k) => mock.get(keys[k])),
    },
    set: {
      Cachelet: loop((k) => db.set(keys[k], value)),
      Map: loop((k) => map.set(keys[k], value)),
      "lru-cache": loop((k) => lru.set(keys[k], value)),
      "ioredis-mock": waiting((k) => mock.set(keys[k], value)),
    },
    incr: {
      Cachelet: loop((k) => db.incr(members[k])),
      Map: loop((k) => counters.set(members[k], (counters.get(members[k]) ?? 0) + 1)),
      "ioredis-mock": waiting((k) => mock.incr(members[k])),
    },
    hset: {
      Cachelet: loop((k, i) => db.hset(`h${i & 255}`, members[k], value)),
      Map: loop((k, i) => {
        const name = `h${i & 255}`;
        let hash = hashes.get(name);
        if (!hash) hashes.set(name, (hash = new Map()));
        hash.set(members[k], value);
      }),
      "ioredis-mock": waiting((k, i) => mock.hset(`mh${i & 255}`, members[k], value)),
    },
    zadd: {
      Cachelet: loop((k, i) => db.zadd("scores", { score: i % 9973, member: members[k] })),
      "ioredis-mock": waiting((k, i) => mock.zadd("scores", i % 9973, members[k % 1000])),
    },
    "zrange 0 9": {
      Cachelet: loop(() => db.zrange("board", 0, 9)),
      "ioredis-mock": waiting(() => mock.zrange("board", 0, 9)),
    },
  };

  const rows = [["ns a call", "Cachelet", "Map", "lru-cache", "ioredis-mock", "Cachelet / lru-cache", "ioredis-mock / Cachelet"]];
  const results = {};
  for (const [name, subjects] of Object.entries(cases)) {
    const { "ioredis-mock": slow, ...quick } = subjects;
    const figures = await inTurns(quick);
    // The mock is hundreds of times slower: fewer times, the same turns.
    Object.assign(figures, await inTurns({ "ioredis-mock": slow }, { times: 1000, rounds: 3 }));
    results[name] = figures;
    const cell = (subject) => (figures[subject] === undefined ? "" : figures[subject].toFixed(0));
    rows.push([
      name,
      cell("Cachelet"),
      cell("Map"),
      cell("lru-cache"),
      cell("ioredis-mock"),
      figures["lru-cache"] ? ratio(figures.Cachelet, figures["lru-cache"]) : "",
      ratio(figures["ioredis-mock"], figures.Cachelet),
    ]);
  }
  table(rows);
  db.close();
  return results;
}
