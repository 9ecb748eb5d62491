// How the cost of a GET and a SET grows with the number of keys: nanoseconds of processor time a call, keys asked for evenly. The typed
// client keeps copies of what it read, of 16,384 keys at most; as RESP, 64 requests to a buffer, the engine is asked
// alone. Map and lru-cache go along as far as a heap of usual size holds them.
import { LRUCache } from "lru-cache";
import { inTurns, processorTime as clock, table } from "./measure.mjs";
import { buffers, builds, flat, numbers, sessionOf, VALUE } from "./workloads.mjs";

const SIZES = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];

/** Most keys that the peers are given: each is a string of theirs. */
const PEERS = 1_000_000;

/** Most different keys that are asked for. */
const ASKED = 200_000;

const PIPELINE = 64;
const keyOf = (number) => flat(`key:${String(number).padStart(12, "0")}`);

/** Puts all keys in, as RESP. */
function fill(session, size) {
  for (let at = 0; at < size; at += 1000) {
    const requests = [];
    for (let i = at; i < Math.min(at + 1000, size); i++) {
      requests.push(`*3\r\n$3\r\nSET\r\n$16\r\n${keyOf(i)}\r\n$18\r\n${VALUE}\r\n`);
    }
    session(Buffer.from(requests.join("")));
  }
}

export async function run(options) {
  const { Cachelet: openSync } = await builds(options);
  const columns = ["get", "set", "GET as RESP", "SET as RESP", "Map get", "Map set", "lru-cache get", "lru-cache set"];
  const rows = [["ns a call, by keys", ...columns]];
  const results = {};
  for (const size of SIZES) {
    const db = openSync();
    const session = sessionOf(db);
    fill(session, size);
    const next = numbers(size);
    const asked = Array.from({ length: Math.min(size, ASKED) }, () => keyOf(next()));
    const typed = (work) => {
      let at = 0;
      return (times) => {
        for (let i = 0; i < times; i++) {
          work(asked[at]);
          at = at + 1 < asked.length ? at + 1 : 0;
        }
      };
    };
    const piped = (command) => {
      const batches = buffers(command, { pipeline: PIPELINE, count: Math.ceil(ASKED / PIPELINE), keys: size });
      let at = 0;
      return (times) => {
        for (let i = 0; i < times; i += PIPELINE) {
          session(batches[at]);
          at = at + 1 < batches.length ? at + 1 : 0;
        }
      };
    };
    const subjects = {
      get: typed((key) => db.get(key)),
      set: typed((key) => db.set(key, VALUE)),
      "GET as RESP": piped("GET"),
      "SET as RESP": piped("SET"),
    };
    if (size <= PEERS) {
      const map = new Map();
      const lru = new LRUCache({ max: size });
      for (let i = 0; i < size; i++) {
        const key = keyOf(i);
        map.set(key, VALUE);
        lru.set(key, VALUE);
      }
      Object.assign(subjects, {
        "Map get": typed((key) => map.get(key)),
        "Map set": typed((key) => map.set(key, VALUE)),
        "lru-cache get": typed((key) => lru.get(key)),
        "lru-cache set": typed((key) => lru.set(key, VALUE)),
      });
    }
    const figures = await inTurns(subjects, { times: PIPELINE * 3200, rounds: 5, clock });
    results[size] = figures;
    rows.push([size.toLocaleString("en"), ...columns.map((column) => figures[column]?.toFixed(0) ?? "")]);
    await db.close();
  }
  table(rows);
  return results;
}
