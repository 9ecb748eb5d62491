// Hit ratios at a memory limit, beside redis-server: the same policy, samples and trace, and memory for the same number of
// keys. A request is a GET, and a SET where that finds nothing, as a cache is used; 64 are on their way at a time.
//
// The server runs first and sets the pace: its LRU knows seconds and its LFU minutes, so it matters how long a run takes and
// whether a minute ends in it. Our clock then shows what the server's showed at the same request.
import { createConnection } from "node:net";
import { openSync } from "../../dist/platform/node.js";
import { table } from "./measure.mjs";
import { haveRedis, startRedis } from "./peers.mjs";
import { traces } from "./traces.mjs";

const REQUESTS = Number(process.env.CACHELET_BENCH_REQUESTS ?? 1_000_000);
const DATASET = 200_000;
const HELD = 20_000;
const BATCH = 64;
const VALUE = "v".repeat(32);

const keyOf = (number) => `key:${String(number).padStart(8, "0")}`;

/** redis-server behind a socket. */
class Server {
  #socket;
  #text = "";
  #wake = () => {};

  static async open(port) {
    const server = new Server();
    server.#socket = createConnection(port, "127.0.0.1").setNoDelay(true).setEncoding("latin1");
    server.#socket.on("data", (text) => {
      server.#text += text;
      server.#wake();
    });
    await new Promise((done) => server.#socket.once("connect", done));
    return server;
  }

  /** Sends commands and returns their replies: null, text or a number. */
  async run(commands) {
    let out = "";
    for (const argv of commands) out += `*${argv.length}\r\n${argv.map((arg) => `$${String(arg).length}\r\n${arg}\r\n`).join("")}`;
    this.#socket.write(out);
    const replies = [];
    let at = 0;
    while (replies.length < commands.length) {
      const end = this.#text.indexOf("\r\n", at);
      if (end >= 0) {
        const line = this.#text.slice(at, end);
        const length = line[0] === "$" ? Number(line.slice(1)) : -1;
        if (length < 0 || this.#text.length >= end + length + 4) {
          if (line[0] === "-") throw new Error(line);
          replies.push(line[0] === "$" ? (length < 0 ? null : this.#text.slice(end + 2, end + 2 + length)) : line[0] === ":" ? Number(line.slice(1)) : line);
          at = length < 0 ? end + 2 : end + length + 4;
          continue;
        }
      }
      await new Promise((done) => (this.#wake = done));
    }
    this.#text = this.#text.slice(at);
    return replies;
  }

  close() {
    this.#socket.destroy();
  }
}

/** Our engine with the same face, on a clock that is set. */
class Ours {
  time = 1_700_000_000_000;

  constructor() {
    this.db = openSync({ now: () => this.time });
  }

  run(commands) {
    return commands.map((argv) => this.db.call(...argv));
  }
}

const field = async (cache, name) => Number(new RegExp(`^${name}:(\\d+)`, "m").exec((await cache.run([["INFO", "everything"]]))[0])[1]);

/** What `cache` uses for `count` keys of the dataset. */
async function bytesFor(cache, count) {
  await cache.run([["CONFIG", "SET", "maxmemory", 0], ["FLUSHALL"]]);
  for (let at = 0; at < count; at += BATCH) {
    await cache.run(Array.from({ length: Math.min(BATCH, count - at) }, (_, i) => ["SET", keyOf(at + i), VALUE]));
  }
  const used = await field(cache, "used_memory");
  await cache.run([["FLUSHALL"]]);
  return used;
}

/**
 * Asks for `keys` with these settings and calls `onBatch` before each batch, or notes in `times` when that was; hits in percent, keys
 * held at the end, seconds.
 */
async function play(cache, keys, settings, times, onBatch) {
  await cache.run([["FLUSHALL"], ...Object.entries(settings).map(([name, value]) => ["CONFIG", "SET", name, value]), ["CONFIG", "RESETSTAT"]]);
  let hits = 0;
  const start = performance.now();
  for (let at = 0; at < keys.length; at += BATCH) {
    if (onBatch) onBatch(at / BATCH);
    else times?.push(Date.now());
    const batch = Array.from(keys.subarray(at, at + BATCH), keyOf);
    const found = await cache.run(batch.map((key) => ["GET", key]));
    const missing = batch.filter((_, i) => found[i] === null);
    hits += batch.length - missing.length;
    if (missing.length > 0) await cache.run(missing.map((key) => ["SET", key, VALUE]));
  }
  return { ratio: (100 * hits) / keys.length, held: (await cache.run([["DBSIZE"]]))[0], seconds: (performance.now() - start) / 1000 };
}

export async function run() {
  if (!haveRedis()) {
    console.log("redis-server is not here: no comparison");
    return {};
  }
  const redis = await startRedis();
  const server = await Server.open(redis.port);
  const ours = new Ours();
  const limits = { server: await bytesFor(server, HELD), ours: await bytesFor(ours, HELD) };
  // Tables hold less room to spare while they grow than when keys come and go: as many keys as the server holds is what counts.
  for (let round = 0; round < 3; round++) {
    const keys = traces["Zipf 0.7"](300_000, DATASET, HELD);
    const settings = { "maxmemory-policy": "allkeys-random", maxmemory: limits.ours };
    const { held } = await play(ours, keys, settings);
    const empty = await bytesFor(ours, 0);
    limits.ours = Math.round(empty + ((limits.ours - empty) * HELD) / held);
  }
  console.log(`memory for ${HELD} of ${DATASET} keys: redis-server ${limits.server} bytes, here ${limits.ours}`);
  const rows = [["hits of 1,000,000 requests, in percent", "samples", "redis-server", "Cachelet", "difference", "keys held", "here", "seconds of the run"]];
  const results = {};
  for (const policy of ["allkeys-lru", "allkeys-lfu"]) {
    for (const samples of [5, 10]) {
      for (const [name, make] of Object.entries(traces)) {
        const keys = make(REQUESTS, DATASET, HELD);
        const settings = { "maxmemory-policy": policy, "maxmemory-samples": samples };
        const times = [];
        const theirs = await play(server, keys, { ...settings, maxmemory: limits.server }, times);
        const mine = await play(ours, keys, { ...settings, maxmemory: limits.ours }, times, (batch) => {
          ours.time = times[batch];
        });
        rows.push([`${policy}, ${name}`, samples, theirs.ratio.toFixed(2), mine.ratio.toFixed(2), (mine.ratio - theirs.ratio).toFixed(2), theirs.held, mine.held, theirs.seconds.toFixed(1)]);
        console.log(rows.at(-1).join("  "));
        results[`${policy} ${samples} ${name}`] = { server: theirs, ours: mine };
      }
    }
  }
  server.close();
  redis.stop();
  ours.db.close();
  table(rows);
  return results;
}
