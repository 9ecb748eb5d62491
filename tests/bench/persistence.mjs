// What keeping a keyspace costs: snapshots and their pauses, loading, repeating a log, writes under each appendfsync, and
// how soon a restarted program answers; beside redis-server on the same keys, on the same disk, in the same run.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSync } from "../../dist/platform/node.js";
import { files } from "../../dist/storage/files.js";
import { memory } from "../../dist/storage/memory.js";
import { table } from "./measure.mjs";
import { freePort, haveRedis } from "./peers.mjs";

const KEYS = Number(process.env.CACHELET_BENCH_KEYS ?? 1_000_000);
const VALUE = "a value of some bytes";
const key = (i) => `key:${String(i).padStart(8, "0")}`;
const config = (more) => ({ save: "", appendonly: "no", ...more });
const ms = (from) => performance.now() - from;
const size = (folder) => readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);

function timed(work) {
  const start = performance.now();
  work();
  return ms(start);
}

/** Runs BGSAVE to its end by ticks, between which the program goes on; how long in all, the longest call, that which all but one in a hundred are below, and the bytes written. */
async function snapshot(db, bytes) {
  const before = bytes();
  const start = performance.now();
  const calls = [timed(() => db.call("BGSAVE"))];
  for (; /rdb_bgsave_in_progress:1/.test(db.info("persistence")) || db.instance.door.storage() & 5; ) {
    calls.push(timed(() => (db.instance.tick(), db.instance.persistence.pump())));
    await new Promise(setImmediate);
  }
  const took = ms(start);
  calls.sort((a, b) => a - b);
  return { ms: took, longest: calls.at(-1), most: calls[Math.floor((calls.length - 1) * 0.99)], bytes: bytes() - before };
}

/** A store that counts what is put into it. */
function counted(storage) {
  const count = { bytes: 0 };
  const open = (options) => {
    const store = storage.open(options);
    const { write } = store;
    store.write = (operations, durable) => {
      for (const { bytes } of operations) count.bytes += bytes?.length ?? 0;
      return write.call(store, operations, durable);
    };
    return store;
  };
  return { storage: { description: storage.description, open }, count };
}

async function redis(folder, args, work) {
  const port = await freePort();
  const started = performance.now();
  const child = spawn(process.env.CACHELET_REDIS_SERVER ?? "redis-server", ["--port", String(port), "--dir", folder, "--save", "", ...args], { stdio: "ignore" });
  const cli = (...words) => execFileSync(process.env.CACHELET_REDIS_CLI ?? "redis-cli", ["-p", String(port), ...words], { encoding: "utf8", maxBuffer: 1 << 28 });
  for (let up = false; !up; ) {
    try {
      up = cli("PING").startsWith("PONG");
    } catch {}
    if (!up) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  const ready = ms(started);
  try {
    return await work(cli, ready);
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }
}

export async function run() {
  const rows = [["what", "Cachelet", "redis-server", "note"]];
  const result = {};
  const add = (what, ours, theirs = "", note = "") => {
    rows.push([what, ours, theirs, note]);
    result[what] = { ours, theirs, note };
  };
  const folder = mkdtempSync(join(tmpdir(), "cachelet-bench-"));
  const their = mkdtempSync(join(tmpdir(), "cachelet-bench-"));
  const has = haveRedis();
  const theirs = {};
  if (has) {
    await redis(their, ["--appendonly", "no"], async (cli) => {
      cli("EVAL", `for i=0,${KEYS - 1} do redis.call('SET', string.format('key:%08d', i), '${VALUE}') end`, "0");
      theirs.save = timed(() => cli("SAVE"));
      theirs.bytes = size(their);
    });
    theirs.load = await redis(their, ["--enable-debug-command", "yes"], async (cli) => {
      const found = /rdb_last_load_keys_loaded:(\d+)/.exec(cli("INFO", "persistence"));
      if (Number(found?.[1]) !== KEYS) throw new Error("redis-server did not load what it saved");
      let reply = "";
      const took = timed(() => (reply = cli("DEBUG", "RELOAD", "NOSAVE")));
      if (!reply.startsWith("OK")) throw new Error(`DEBUG RELOAD: ${reply}`);
      return took;
    });
    theirs.start = await redis(their, [], async (_, ready) => ready);
  }

  // Snapshots.
  let { storage, count } = counted(files(folder));
  let db = openSync({ storage, config: config() });
  for (let i = 0; i < KEYS; i++) db.set(key(i), VALUE);
  let made = await snapshot(db, () => count.bytes);
  const full = made.bytes;
  const mb = (bytes) => `${(bytes / (1 << 20)).toFixed(2)} MB`;
  const pause = (one) => `${one.ms.toFixed(0)} ms, longest call ${one.longest.toFixed(2)} ms, of a hundred all but one below ${one.most.toFixed(2)}, ${mb(one.bytes)}`;
  add(`snapshot of ${KEYS} keys`, pause(made), has ? `SAVE ${theirs.save.toFixed(0)} ms, ${mb(theirs.bytes)}` : "");
  // One hash tag is one slot, and so one segment: what changes together stays together.
  for (let i = 0; i < KEYS / 100; i++) db.set(`{few${i % 10}}:${i}`, VALUE);
  made = await snapshot(db, () => count.bytes);
  add("again, 1 % more keys in 10 segments", pause(made), "", `${((100 * made.bytes) / full).toFixed(1)} % of the full one's bytes`);
  for (const segments of [1, 10, 100, 1000]) {
    for (let i = 0; i < segments; i++) db.set(key(i * 7919 % KEYS), `${VALUE}!`);
    made = await snapshot(db, () => count.bytes);
    add(`again, ${segments} keys changed anywhere`, pause(made), "", `${((100 * made.bytes) / full).toFixed(1)} %`);
  }
  await db.close();

  // Loading.
  db = openSync({ storage: files(folder), config: config() });
  add("load", `${db.recovered.ms} ms for ${db.recovered.keys} keys`, has && theirs.load ? `DEBUG RELOAD NOSAVE ${theirs.load.toFixed(0)} ms` : "", has ? `redis-server from its start to its first reply: ${theirs.start.toFixed(0)} ms` : "");
  await db.close();

  // A log without a snapshot.
  const objects = new Map();
  db = openSync({ storage: memory(objects), config: config({ appendonly: "yes", appendfsync: "no" }) });
  for (let i = 0; i < KEYS; i++) db.set(key(i), VALUE);
  await db.close();
  db = openSync({ storage: memory(objects), config: config({ appendonly: "yes" }) });
  add("log repeated", `${Math.round(db.recovered.effects / db.recovered.ms)} thousand effects a second`, "", `${db.recovered.effects} in ${db.recovered.ms} ms, ${mb(db.recovered.bytes)}`);
  await db.close();

  // Writes a second.
  const plain = openSync();
  const rate = (target, times) => {
    const took = timed(() => {
      for (let i = 0; i < times; i++) target.set(key(i % 10_000), VALUE);
    });
    return times / took;
  };
  rate(plain, 100_000);
  for (const [name, open] of [["memory", () => memory()], ["files", () => files(mkdtempSync(join(tmpdir(), "cachelet-bench-")))]]) {
    for (const fsync of ["no", "everysec", "always"]) {
      const target = openSync({ storage: open(), config: config({ appendonly: "yes", appendfsync: fsync }) });
      const times = fsync === "always" && name === "files" ? 1000 : 200_000;
      rate(target, times / 4);
      const [ours, without] = [rate(target, times), rate(plain, 200_000)];
      add(`SET in process, ${name}, appendfsync ${fsync}`, `${ours.toFixed(1)} thousand a second`, "", `${(ours / without).toFixed(2)} of a database that is kept nowhere`);
      await target.close();
    }
  }

  // From the start of a program to its first reply.
  for (const keys of [10_000, KEYS]) {
    const place = mkdtempSync(join(tmpdir(), "cachelet-bench-"));
    db = openSync({ storage: files(place), config: config({ appendonly: "yes" }) });
    for (let i = 0; i < keys; i++) db.set(key(i), VALUE);
    await db.close();
    const program = `
      const start = performance.now();
      const { openSync } = await import(${JSON.stringify(new URL("../../dist/platform/node.js", import.meta.url).href)});
      const { files } = await import(${JSON.stringify(new URL("../../dist/storage/files.js", import.meta.url).href)});
      const db = openSync({ storage: files(${JSON.stringify(place)}) });
      if (db.get(${JSON.stringify(key(keys - 1))}) !== ${JSON.stringify(VALUE)}) throw new Error("not all is there");
      console.log((performance.now() - start).toFixed(0));
      await db.close();`;
    for (const what of ["log", "snapshot"]) {
      const took = execFileSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" }).trim();
      add(`program to first reply, ${keys} keys in a ${what}`, `${took} ms`);
      db = openSync({ storage: files(place) });
      db.call("SAVE");
      await db.close();
    }
    rmSync(place, { recursive: true });
  }
  for (const each of [folder, their]) rmSync(each, { recursive: true });
  table(rows);
  return result;
}
