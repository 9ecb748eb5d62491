// A pipelined RESP buffer run through the engine in Node, beside redis-server under redis-benchmark with the same
// commands: requests a second. The engine has no socket here and the server has: this is what the engine itself can
// do; section tcp compares like with like.
import { openSync } from "../../dist/platform/node.js";
import { median, ratio, table } from "./measure.mjs";
import { haveRedis, redisBenchmarkRun, startRedis } from "./peers.mjs";

const KEYS = 10_000;
const ROUNDS = 5;

function buffers(command, pipeline, count) {
  const value = "x".repeat(18);
  let state = 1;
  const key = () => {
    state = (state * 1103515245 + 12345) & 0x7fffffff;
    return `key:${String(state % KEYS).padStart(12, "0")}`;
  };
  const request = () =>
    command === "SET" ? `*3\r\n$3\r\nSET\r\n$16\r\n${key()}\r\n$18\r\n${value}\r\n` : `*2\r\n$3\r\nGET\r\n$16\r\n${key()}\r\n`;
  return Array.from({ length: count }, () => Buffer.from(Array.from({ length: pipeline }, request).join("")));
}

export async function run() {
  const redis = haveRedis() ? await startRedis() : undefined;
  if (!redis) console.log("redis-server is not here: no comparison");
  const db = openSync();
  const door = db.instance.door;
  const session = door.open(false);
  const rows = [["requests a second", "Cachelet's engine", "redis-server", "ratio"]];
  const results = {};
  for (const pipeline of [1, 16, 64]) {
    const figures = { SET: [], GET: [] };
    const peer = { SET: [], GET: [] };
    for (let round = 0; round < ROUNDS; round++) {
      for (const command of ["SET", "GET"]) {
        const batches = buffers(command, pipeline, 1000);
        const times = Math.max(1, Math.round(300_000 / (pipeline * batches.length)));
        const start = performance.now();
        for (let i = 0; i < times; i++) {
          for (const batch of batches) {
            door.receive(session, batch);
            // As a transport does: take all of it.
            const out = door.output(session, 1 << 20);
            door.sent(session, out.length);
            door.next();
          }
        }
        figures[command].push((times * batches.length * pipeline) / ((performance.now() - start) / 1000));
      }
      if (redis) {
        const theirs = redisBenchmarkRun(redis.port, { pipeline, requests: pipeline === 1 ? 50_000 : 400_000, keys: KEYS });
        for (const command of ["SET", "GET"]) peer[command].push(theirs[command]);
      }
    }
    for (const command of ["SET", "GET"]) {
      const ours = median(figures[command]);
      const theirs = redis ? median(peer[command]) : undefined;
      results[`${command} P=${pipeline}`] = { ours, theirs };
      rows.push([`${command} P=${pipeline}`, ours.toFixed(0), theirs?.toFixed(0) ?? "", theirs ? ratio(ours, theirs) : ""]);
    }
  }
  table(rows);
  redis?.stop();
  db.close();
  return results;
}
