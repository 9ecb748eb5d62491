// How long the engine holds the thread at most, with a million keys in: the longest single call (a command or a tick)
// while the keyspace grows, is at its limit, has to shrink below it, half of it expires at once, it is flushed, a large value is
// unlinked or halved, and a client scans;
// beside the longest of as many calls on a small keyspace, which is what the garbage collector and the machine add.
import { openSync } from "../../dist/platform/node.js";
import { table } from "./measure.mjs";

const KEYS = 1_000_000;

/** Runs `call(i)` `count` times; the longest, and the longest but the worst in 10,000, in milliseconds. */
function longest(count, call) {
  const times = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const start = performance.now();
    call(i);
    times[i] = performance.now() - start;
  }
  times.sort();
  return { max: times[count - 1], most: times[Math.floor((count - 1) * 0.9999)] };
}

/** Ticks until `done`; how many, and the longest. */
function ticks(db, done) {
  let [count, max] = [0, 0];
  for (; !done() && count < 1_000_000; count++) max = Math.max(max, longest(1, () => db.instance.tick()).max);
  return { count, max };
}

/** Whether the engine wants no tick soon: nothing is left to be freed. */
function isIdle(db) {
  const next = db.instance.door.nextTick();
  return next < 0 || next > Date.now() + 50;
}

export async function run() {
  const rows = [];
  const add = (what, max, small, note = "") => rows.push([what, max.toFixed(2), small === undefined ? "" : small.toFixed(2), note]);
  const fill = (db, from, count, options) => longest(count, (i) => db.set(`key:${from + i}`, "a value of some bytes", options));

  const small = openSync();
  longest(200_000, (i) => small.set(`key:${i % 1000}`, "a value of some bytes"));
  const base = longest(KEYS, (i) => small.set(`key:${i % 1000}`, "a value of some bytes"));
  let db = openSync();
  const grown = fill(db, 0, KEYS);
  add(`SET, growing to ${KEYS} keys`, grown.max, base.max, `all but 1 in 10,000 below ${grown.most.toFixed(3)} ms`);

  let cursor = "0";
  // As many calls as a whole iteration takes, or a little more.
  const scan = (db) => longest(KEYS / 10, () => ([cursor] = db.call("SCAN", cursor, "COUNT", "10")));
  const scannedSmall = scan(small);
  cursor = "0";
  const scanned = scan(db);
  add("SCAN COUNT 10, whole", scanned.max, scannedSmall.max, `all but 1 in 10,000 below ${scanned.most.toFixed(3)} ms`);

  const used = () => Number(/used_memory:(\d+)/.exec(db.info("memory"))[1]);
  const evicted = () => Number(/evicted_keys:(\d+)/.exec(db.info("stats"))[1]);
  db.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru", "maxmemory", String(used()));
  const limited = fill(db, KEYS, KEYS / 5);
  add(`SET at the limit, ${evicted()} keys evicted`, limited.max, undefined, `all but 1 in 10,000 below ${limited.most.toFixed(3)} ms`);
  const before = evicted();
  let shrunk = longest(1, () => db.call("CONFIG", "SET", "maxmemory", String(Math.floor(used() * 0.75)))).max;
  let steps = 0;
  for (let last = -1; last !== evicted(); steps += 10) {
    last = evicted();
    for (let i = 0; i < 10; i++) shrunk = Math.max(shrunk, longest(1, () => db.instance.tick()).max);
  }
  add("the limit lowered by a quarter", shrunk, undefined, `${evicted() - before} keys evicted in ${steps} ticks`);
  db.call("CONFIG", "SET", "maxmemory", "0");

  const flush = longest(1, () => db.call("FLUSHALL", "ASYNC")).max;
  const freed = ticks(db, () => isIdle(db));
  add("FLUSHALL ASYNC", flush, undefined, `then ${freed.count} ticks, the longest ${freed.max.toFixed(2)} ms`);
  db.close();

  db = openSync();
  fill(db, 0, KEYS / 2);
  const at = Date.now() + 4000;
  fill(db, KEYS / 2, KEYS / 2, { pxat: at });
  while (Date.now() <= at) await new Promise((done) => setTimeout(done, 20));
  const expired = ticks(db, () => db.instance.figures().keys <= KEYS / 2);
  add(`${KEYS / 2} keys expire at once`, expired.max, undefined, `${expired.count} ticks`);

  for (let i = 0; i < KEYS; i += 100) db.call("ZADD", "big", ...Array.from({ length: 200 }, (_, j) => (j % 2 ? `member:${i + (j >> 1)}` : String(i + (j >> 1)))));
  const unlink = longest(1, () => db.call("UNLINK", "big")).max;
  const rest = ticks(db, () => isIdle(db));
  add(`UNLINK of ${KEYS} members`, unlink, undefined, `then ${rest.count} ticks, the longest ${rest.max.toFixed(2)} ms`);
  for (let i = 0; i < KEYS / 2; i += 100) db.call("ZADD", "half", ...Array.from({ length: 200 }, (_, j) => (j % 2 ? `member:${i + (j >> 1)}` : String(i + (j >> 1)))));
  const halved = longest(1, () => db.call("ZREMRANGEBYRANK", "half", "0", String(KEYS / 4 - 1))).max;
  const after = ticks(db, () => isIdle(db));
  add(`ZREMRANGEBYRANK of ${KEYS / 4} of ${KEYS / 2} members`, halved, undefined, `then ${after.count} ticks, the longest ${after.max.toFixed(2)} ms`);
  db.close();
  small.close();
  table([["longest call, in ms (budget 2)", "", "small keyspace", ""], ...rows]);
  return rows;
}
