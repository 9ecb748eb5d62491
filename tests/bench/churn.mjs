// A long-lived instance at its memory limit while what it holds changes: WebAssembly's memory can only grow, so what counts
// is how far beyond `maxmemory` it comes in the end. Sizes change from phase to phase, each against what the one before left
// behind; keys come and go by eviction, expiry and deletion.
import { openSync } from "../../dist/platform/node.js";
import { table } from "./measure.mjs";
import { chance } from "./traces.mjs";

const LIMIT = 64 << 20;
const OPERATIONS = Number(process.env.CACHELET_BENCH_OPERATIONS ?? 400_000);
const TEXT = "churn-".repeat(20_000);

/** A length between `low` and `high`, short ones as likely as long ones by their order of magnitude. */
const between = (random, low, high) => Math.floor(low * (high / low) ** random());

/** What happens in a phase, as one operation. */
const phases = {
  "strings of 40 B": (db, random) => db.call("SET", `a:${Math.floor(random() * 3e6)}`, TEXT.slice(0, 40)),
  "strings of 4 KB": (db, random) => db.call("SET", `b:${Math.floor(random() * 5e4)}`, TEXT.slice(0, 4096)),
  "strings of 150 B": (db, random) => db.call("SET", `c:${Math.floor(random() * 1e6)}`, TEXT.slice(0, 150)),
  "strings of 10 B to 100 KB": (db, random) => db.call("SET", `d:${Math.floor(random() * 1e5)}`, TEXT.slice(0, between(random, 10, 100_000))),
  "strings that grow": (db, random) => {
    const key = `e:${Math.floor(random() * 3e4)}`;
    if (db.call("APPEND", key, TEXT.slice(0, between(random, 10, 2000))) > 20_000) db.call("DEL", key);
  },
  "hashes, lists, sets and sorted sets": (db, random) => {
    const name = Math.floor(random() * 2e4);
    const member = `member:${Math.floor(random() * 1000)}`;
    const write = [
      () => db.call("HSET", `f:${name}`, member, TEXT.slice(0, between(random, 5, 300))),
      () => db.call("RPUSH", `g:${name}`, TEXT.slice(0, between(random, 5, 300))),
      () => db.call("SADD", `h:${name}`, member),
      () => db.call("ZADD", `i:${name}`, Math.floor(random() * 1000), member),
    ];
    write[Math.floor(random() * 4)]();
    if (random() < 0.1) db.call("LTRIM", `g:${name}`, 5, -1);
    if (random() < 0.02) db.call("DEL", `f:${name}`, `h:${name}`);
  },
  "strings of 300 B that expire": (db, random) => db.call("SET", `j:${Math.floor(random() * 1e6)}`, TEXT.slice(0, between(random, 200, 400)), "PX", String(100 + Math.floor(random() * 20_000))),
};

const figure = (db, name) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec(db.call("INFO", "memory"))[1]);
const mb = (bytes) => (bytes / (1 << 20)).toFixed(1);

export async function run() {
  const results = {};
  for (const policy of ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"]) {
    let time = 1_700_000_000_000;
    const db = openSync({ now: () => time });
    const random = chance(1);
    db.call("CONFIG", "SET", "maxmemory", String(LIMIT), "maxmemory-policy", policy);
    const rows = [[`${policy}, MB`, "operations", "keys", "used", "peak", "WebAssembly memory", "factor of maxmemory"]];
    let done = 0;
    for (let round = 0; round < 2; round++) {
      for (const [name, operation] of Object.entries(phases)) {
        for (let i = 0; i < OPERATIONS; i++) {
          if ((i & 63) === 0) time += 2;
          try {
            operation(db, random);
          } catch (error) {
            if (error.code !== "OOM") throw error;
            // Nothing that expires is left to be evicted.
            db.call("FLUSHALL");
          }
        }
        done += OPERATIONS;
        const [used, peak, size] = ["used_memory", "used_memory_peak", "used_memory_rss"].map((field) => figure(db, field));
        rows.push([name, done, db.call("DBSIZE"), mb(used), mb(peak), mb(size), (size / LIMIT).toFixed(2)]);
        results[policy] = size / LIMIT;
      }
    }
    table(rows);
    db.close();
  }
  return results;
}
