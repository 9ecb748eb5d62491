// Files of Redis: how long a keyspace takes to be read from an RDB file and to be written as one, beside redis-server with the
// same file; and what the two commands take that do it from outside, with the most memory that they had.
import { spawnSync } from "node:child_process";
import { closeSync, fsyncSync, mkdtempSync, openSync as openFile, readSync, rmSync, statSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSync } from "../../dist/platform/node.js";
import { exportRdb, importRdbSync } from "../../dist/rdb.js";
import { startRedis } from "../clients/_redis.mjs";
import { cli, startServer } from "../clients/_server.mjs";
import { median, ratio, table } from "./measure.mjs";

const KEYS = Number(process.env.CACHELET_BENCH_KEYS ?? 1_000_000);
const ROUNDS = 3;

/** What fills a server, in its own language; `i` counts the keys. */
const SHAPES = {
  strings: "redis.call('SET', string.format('key:%08d', i), 'a value of some bytes')",
  mixed: `
    local key = string.format('key:%08d', i)
    local kind = i % 6
    if kind == 0 then redis.call('SET', key, i)
    elseif kind == 1 then redis.call('SET', key, 'a value of some bytes', 'EX', 100000 + i)
    elseif kind == 2 then redis.call('HSET', key, 'name', 'ada ' .. i, 'age', i % 100, 'city', 'london', 'seen', 1700000000 + i)
    elseif kind == 3 then redis.call('RPUSH', key, i, 'two', 'three ' .. i, 4)
    elseif kind == 4 then redis.call('ZADD', key, i, 'a', i / 7, 'b', 3, 'c ' .. i)
    else redis.call('SADD', key, i, i + 1, i * 3) end`,
};

/** The bytes of a file, a megabyte at a time. */
function* pieces(path) {
  const file = openFile(path, "r");
  const piece = new Uint8Array(1 << 20);
  for (let length = readSync(file, piece); length > 0; length = readSync(file, piece)) yield piece.subarray(0, length);
  closeSync(file);
}

function write(path, db) {
  const file = openFile(path, "w");
  for (const piece of exportRdb(db)) writeSync(file, piece);
  fsyncSync(file);
  closeSync(file);
}

function timed(work) {
  const start = performance.now();
  work();
  return performance.now() - start;
}

/** How long redis-server takes to load what is in its folder, by its own clock. */
async function theirLoad(dir, keys) {
  const server = await startRedis(dir, "--loglevel", "notice");
  for (let tries = 0; tries < 100 && !/DB loaded from disk/.test(server.output()); tries++) await new Promise((wake) => setTimeout(wake, 10));
  const [, seconds] = /DB loaded from disk: ([\d.]+) seconds/.exec(server.output());
  if ((await server.link.call("DBSIZE")) !== keys) throw new Error("redis-server did not load what was saved");
  await server.stop("SIGKILL");
  return seconds * 1000;
}

/** Runs a command of the package: how long from its start to its end, and the most memory that it had, in bytes. */
function command(...args) {
  const tell = `data:text/javascript,process.on("exit",()=>console.error("most",process.resourceUsage().maxRSS))`;
  const start = performance.now();
  const { status, stderr } = spawnSync(process.execPath, ["--import", tell, cli, ...args.map(String)], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  return { ms: performance.now() - start, memory: Number(/most (\d+)/.exec(stderr)[1]) * 1024 };
}

export async function run() {
  const rows = [["what", "Cachelet", "redis-server", "ratio", "note"]];
  const result = {};
  const add = (what, ours, theirs, unit, note = "") => {
    const show = (figure) => (figure === undefined ? "" : unit === "MB" ? `${(figure / 1e6).toFixed(1)} MB` : `${figure.toFixed(0)} ms`);
    rows.push([what, show(ours), show(theirs), theirs === undefined ? "" : ratio(ours, theirs), note]);
    result[what] = { ours, theirs, note };
  };
  const memory = (bytes) => `${(bytes / 1e6).toFixed(0)} MB at most`;
  for (const [name, script] of Object.entries(SHAPES)) {
    const dir = mkdtempSync(join(tmpdir(), "cachelet-bench-"));
    const file = join(dir, "dump.rdb");
    const written = join(dir, "ours.rdb");
    const server = await startRedis(dir);
    await server.link.call("EVAL", `for i = 0, ${KEYS - 1} do ${script} end`, 0);
    await server.link.call("SAVE");
    const figures = { load: [], save: [], theirLoad: [], theirSave: [] };
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      await server.link.call("SAVE");
      figures.theirSave.push(performance.now() - start);
      figures.theirLoad.push(await theirLoad(dir, KEYS));
      const db = openSync();
      figures.load.push(timed(() => importRdbSync(db, pieces(file))));
      if (db.instance.figures().keys !== KEYS) throw new Error("not all was read");
      figures.save.push(timed(() => write(written, db)));
      await db.close();
    }
    const [load, save, loadOfTheirs, saveOfTheirs] = Object.values(figures).map(median);
    add(`load ${KEYS} keys, ${name}`, load, loadOfTheirs, "ms");
    add(`export, ${name}`, save, saveOfTheirs, "ms", "SAVE; both flushed");
    add(`bytes, ${name}`, statSync(written).size, statSync(file).size, "MB");

    await server.link.call("FLUSHALL");
    const ours = await startServer();
    let done = command("import", file, "-p", ours.port);
    const toOurs = done;
    done = command("import", file, "-p", server.port);
    add(`cachelet import into a server, ${name}`, toOurs.ms, done.ms, "ms", `${memory(toOurs.memory)}; the second is a redis-server that it goes into`);
    const fromOurs = command("export", written, "-p", ours.port);
    done = command("export", written, "-p", server.port);
    add(`cachelet export out of a server, ${name}`, fromOurs.ms, done.ms, "ms", memory(fromOurs.memory));
    await ours.stop("SIGKILL");
    await server.stop("SIGKILL");
    const storage = join(dir, "data");
    done = command("import", file, "--storage", storage);
    add(`cachelet import into a folder, ${name}`, done.ms, undefined, "ms", memory(done.memory));
    done = command("export", written, "--storage", storage);
    add(`cachelet export out of a folder, ${name}`, done.ms, undefined, "ms", memory(done.memory));
    rmSync(dir, { recursive: true });
  }
  table(rows);
  return result;
}
