// How long the engine holds the thread at most, with a million keys in: the longest single call (a command or a tick)
// while the keyspace grows, half of it expires at once, it is flushed, a large value is unlinked, and a client scans;
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
  let [scans, scanned] = [0, 0];
  do {
    scanned = Math.max(scanned, longest(1, () => ([cursor] = db.call("SCAN", cursor, "COUNT", "10"))).max);
    scans++;
  } while (String(cursor) !== "0");
  add("SCAN COUNT 10, whole", scanned, undefined, `${scans} calls`);

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
  db.close();
  small.close();
  table([["longest call, in ms (budget 2)", "", "small keyspace", ""], ...rows]);
  return rows;
}
