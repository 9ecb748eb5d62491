// Files of a real redis-server read here, and files written here loaded by it: type by type, value by value, expiry by expiry.
// needs: redis-server
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { dataFiles } from "../../dist/cli/log-files.js";
import { openSync } from "../../dist/platform/node.js";
import { exportRdb, importParts, importRdb, importRdbSync } from "../../dist/rdb.js";
import { chance, contents, fill, folder, loaded, ours, same, servedRedis, unseen } from "./_redis.mjs";

const { redis } = servedRedis();

/** What the server holds once it has read its own file: a value may have become smaller than it stood in memory. */
async function reloaded(server) {
  await server.link.call("DEBUG", "RELOAD");
  return contents(server.link);
}

/** Writes a database's file. */
function save(db, path = join(folder(), "ours.rdb")) {
  writeFileSync(path, Buffer.concat([...exportRdb(db)]));
  return path;
}

describe("RDB", () => {
  for (const [name, options] of [
    ["as it is by default", []],
    ["without compression and checksum", ["--rdbcompression", "no", "--rdbchecksum", "no"]],
    ["of a server that evicts by last use", ["--maxmemory-policy", "allkeys-lru"]],
    ["of a server that evicts by frequency", ["--maxmemory-policy", "volatile-lfu"]],
  ]) {
    test(`a server's file ${name}, read here, written here, and loaded by a server`, async () => {
      const server = await redis(folder(), ...options);
      await fill(server.link, { seed: name.length });
      const wanted = await reloaded(server);
      await server.link.call("SAVE");
      const file = readFileSync(join(server.dir, "dump.rdb"));
      const db = openSync();
      if (options[0] === "--maxmemory-policy") db.call("CONFIG", "SET", "maxmemory-policy", options[1]);
      const report = importRdbSync(db, file);
      assert.deepEqual([report.version, report.keys, report.expired, report.empty], [10, wanted.size, 0, 0]);
      same(await ours(db), wanted, "read here");
      if (options[0] === "--maxmemory-policy") {
        const word = options[1].endsWith("lfu") ? "FREQ" : "IDLETIME";
        for (const key of ["string:1", "list:3", "hash:200", "stream:10"]) {
          const theirs = await server.link.call("OBJECT", word, key);
          assert.ok(Math.abs(db.call("OBJECT", word, key) - theirs) <= 1, `${word} ${key}: ${db.call("OBJECT", word, key)}, ${theirs}`);
        }
      }
      same(await loaded(save(db), ...options), wanted, "written here");
      await server.stop();
      db.close();
    });
  }

  test("how long keys were not used, and how often, goes both ways", async () => {
    const dir = folder();
    for (const [policy, word, options] of [["allkeys-lru", "IDLETIME", ["IDLETIME", 5000]], ["allkeys-lfu", "FREQ", ["FREQ", 77]]]) {
      const server = await redis(dir, "--maxmemory-policy", policy, "--lfu-decay-time", "0");
      await server.link.call("SET", "from", "v");
      const payload = await server.link.call("DUMP", "from");
      await server.link.call("RESTORE", "k", 0, payload, "REPLACE", ...options);
      await server.link.call("SAVE");
      const db = openSync();
      db.call("CONFIG", "SET", "maxmemory-policy", policy, "lfu-decay-time", "0");
      importRdbSync(db, readFileSync(join(dir, "dump.rdb")));
      const near = (figure) => assert.ok(Math.abs(figure - options[1]) <= 2, `${word} ${figure}`);
      near(db.call("OBJECT", word, "k"));
      await server.stop();
      save(db, join(dir, "dump.rdb"));
      const again = await redis(dir, "--maxmemory-policy", policy, "--lfu-decay-time", "0");
      near(await again.link.call("OBJECT", word, "k"));
      await again.stop();
      db.close();
    }
  });

  test("keys that have expired when a file is read are left out, as a server does", async () => {
    const server = await redis();
    await server.link.call("DEBUG", "SET-ACTIVE-EXPIRE", "0");
    await server.link.call("SET", "past", "x", "PX", "1");
    await server.link.call("RPUSH", "past list", "x", "y");
    await server.link.call("PEXPIRE", "past list", "1");
    await server.link.call("SET", "stays", "x", "EX", "1000");
    await new Promise((wake) => setTimeout(wake, 20));
    await server.link.call("SAVE");
    const db = openSync();
    const report = importRdbSync(db, readFileSync(join(server.dir, "dump.rdb")));
    assert.deepEqual([report.keys, report.expired, db.dbsize()], [1, 2, 1]);
    await server.stop();
    db.close();
  });

  test("an empty server's file, and functions in one", async () => {
    const server = await redis();
    await server.link.call("SAVE");
    const db = openSync();
    assert.equal(importRdbSync(db, readFileSync(join(server.dir, "dump.rdb"))).keys, 0);
    same(await loaded(save(db)), new Map());
    await server.link.call("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)");
    await server.link.call("SET", "a", "1");
    await server.link.call("SAVE");
    const report = importRdbSync(db, readFileSync(join(server.dir, "dump.rdb")));
    assert.deepEqual([report.keys, report.functions], [1, 1]);
    await server.stop();
    db.close();
  });

  test("a large file in many pieces", async () => {
    const server = await redis();
    await server.link.call("DEBUG", "POPULATE", 30_000, "key", 40);
    for (let i = 0; i < 30_000; i += 1000) {
      await server.link.call("RPUSH", "list", ...Array.from({ length: 1000 }, (_, j) => `element ${i + j}`));
      await server.link.call("ZADD", "sorted", ...Array.from({ length: 1000 }, (_, j) => [i + j, `member ${i + j}`]).flat());
      await server.link.call("SADD", "set", ...Array.from({ length: 1000 }, (_, j) => `member ${i + j}`));
      await server.link.call("HSET", "hash", ...Array.from({ length: 1000 }, (_, j) => [`field ${i + j}`, i + j]).flat());
    }
    await server.link.call("SAVE");
    const db = openSync();
    const [file] = dataFiles(join(server.dir, "dump.rdb"));
    assert.equal((await importRdb(db, file.bytes())).keys, 30_004);
    same(await ours(db, { databases: 1 }), await contents(server.link, { databases: 1 }));
    await server.stop();
    db.close();
  });
});

/** Runs commands by chance on a server: every type, transactions, expiries that come to pass. */
async function run(link, below, count) {
  const key = () => `key:${below(40)}`;
  const ask = (...args) => link.ask(...args);
  for (let i = 0; i < count; i++) {
    const [k, v] = [key(), `value ${below(1000)}`];
    await [
      () => ask("SET", k, v),
      () => ask("SET", k, v, "PX", 1 + below(30)),
      () => ask("APPEND", k, v),
      () => ask("INCRBY", `n:${below(5)}`, below(100)),
      () => ask("LPUSH", k, v, v),
      () => ask("RPOP", k),
      () => ask("LMOVE", k, key(), "LEFT", "RIGHT"),
      () => ask("SADD", k, v, below(100)),
      () => ask("SPOP", k),
      () => ask("HSET", k, below(10), v),
      () => ask("HINCRBYFLOAT", k, "float", "0.1"),
      () => ask("ZADD", k, below(100), v),
      () => ask("ZINCRBY", k, 1.5, v),
      () => ask("XADD", `stream:${below(3)}`, "MAXLEN", "50", "*", "f", v),
      () => ask("XREADGROUP", "GROUP", "g", `c${below(2)}`, "COUNT", 2, "STREAMS", `stream:${below(3)}`, ">"),
      () => ask("XGROUP", "CREATE", `stream:${below(3)}`, "g", "0"),
      () => ask("EXPIRE", k, 1000 + below(1000)),
      () => ask("PEXPIRE", k, 1 + below(20)),
      () => ask("PERSIST", k),
      () => ask("RENAME", k, key()),
      () => ask("COPY", k, key(), "REPLACE"),
      () => ask("DEL", k),
      () => ask("GETEX", k, "PX", 1 + below(40)),
      () => ask("PFADD", `log:${below(3)}`, v),
      () => ask("PFCOUNT", `log:${below(3)}`),
      () => ask("SORT", k, "ALPHA", "STORE", key()),
      () => ask("SELECT", below(3)),
      () => Promise.all([ask("MULTI"), ask("SET", k, v), ask("SADD", key(), v), ask("EXEC")]),
      () => ask("EVAL", "redis.call('set', KEYS[1], ARGV[1]); return redis.call('incr', KEYS[2])", 2, k, `n:${below(5)}`, v),
    ][below(29)]();
  }
  await link.call("SELECT", 0);
}

describe("append logs", () => {
  for (const [name, options] of [
    ["with an RDB file at its base", []],
    ["of commands alone, with remarks of the time", ["--aof-use-rdb-preamble", "no", "--aof-timestamp-enabled", "yes"]],
  ]) {
    test(`a server's log ${name}`, async () => {
      const server = await redis(folder(), "--appendonly", "yes", "--appendfsync", "no", ...options);
      const below = chance(7 + options.length);
      await fill(server.link, { debug: false });
      await run(server.link, below, 2000);
      await server.link.call("BGREWRITEAOF");
      await run(server.link, below, 2000);
      for (let tries = 0; /aof_rewrite_in_progress:1/.test(Buffer.from(await server.link.call("INFO", "persistence")).toString()); tries++) await new Promise((wake) => setTimeout(wake, 20));
      await run(server.link, below, 1000);
      // What has expired goes.
      await new Promise((wake) => setTimeout(wake, 100));
      const wanted = await reloadedLog(server);
      const db = openSync();
      const parts = dataFiles(server.dir);
      assert.ok(parts.length >= 2);
      const report = await importParts(db, parts.map((part) => part.bytes()));
      assert.equal(report.version, options.length === 0 ? 10 : 0);
      assert.ok(report.commands > 1000 && report.cut === undefined);
      same(unseen(await ours(db)), unseen(wanted));
      db.close();
    });
  }

  /** Ends a server, and what it holds when it has started again from its log. */
  async function reloadedLog(server) {
    await server.stop();
    const again = await redis(server.dir, "--appendonly", "yes");
    const all = await contents(again.link);
    await again.stop("SIGKILL");
    return all;
  }

  test("a log that was cut anywhere reads as a server reads it", async () => {
    const server = await redis(folder(), "--appendonly", "yes", "--appendfsync", "no", "--aof-use-rdb-preamble", "no");
    const below = chance(11);
    await server.link.call("SET", "first", "1");
    for (let i = 0; i < 60; i++) {
      await server.link.call("RPUSH", `list:${below(3)}`, `element ${i}`);
      if (i % 5 === 0) await Promise.all([["MULTI"], ["INCR", "n"], ["INCR", "m"], ["EXEC"]].map((args) => server.link.ask(...args)));
    }
    await server.stop();
    const source = join(server.dir, "appendonlydir");
    const log = readdirSync(source).find((name) => name.endsWith(".incr.aof"));
    const whole = readFileSync(join(source, log)).length;
    for (let turn = 0; turn < 12; turn++) {
      const dir = folder();
      mkdirSync(join(dir, "appendonlydir"));
      for (const name of readdirSync(source)) copyFileSync(join(source, name), join(dir, "appendonlydir", name));
      truncateSync(join(dir, "appendonlydir", log), 30 + below(whole - 30));
      const db = openSync();
      const report = await importParts(db, dataFiles(dir).map((part) => part.bytes()));
      const again = await redis(dir, "--appendonly", "yes");
      same(await ours(db), await contents(again.link), JSON.stringify(report));
      await again.stop("SIGKILL");
      db.close();
    }
  });

  test("the files of a folder are found, and what is wrong with a manifest is said", () => {
    const dir = folder();
    const names = (path) => dataFiles(path).map((file) => file.path.slice(dir.length + 1));
    assert.throws(() => dataFiles(join(dir, "none")), /there is no/);
    assert.throws(() => dataFiles(dir), /neither/);
    writeFileSync(join(dir, "dump.rdb"), "");
    assert.deepEqual(names(dir), ["dump.rdb"]);
    writeFileSync(join(dir, "appendonly.aof"), "");
    assert.deepEqual(names(dir), ["appendonly.aof"]);
    assert.deepEqual(names(join(dir, "dump.rdb")), ["dump.rdb"]);
    const inner = join(dir, "appendonlydir");
    mkdirSync(inner);
    for (const name of ["a.1.base.rdb", "a.1.incr.aof", "a.2.incr.aof", "with blank.aof"]) writeFileSync(join(inner, name), "");
    const manifest = join(inner, "a.manifest");
    const write = (...lines) => writeFileSync(manifest, lines.map((line) => `${line}\n`).join(""));
    write("# a remark", "file a.1.base.rdb seq 1 type b", "file old.aof seq 1 type h", "file a.1.incr.aof seq 1 type i", 'file "with blank.aof" seq 2 type i', "");
    const wanted = ["a.1.base.rdb", "a.1.incr.aof", "with blank.aof"].map((name) => `appendonlydir/${name}`);
    for (const path of [dir, inner, manifest]) assert.deepEqual(names(path), wanted);
    for (const [lines, message] of [
      [["file a.1.base.rdb seq 1 type b", "file a.1.base.rdb seq 2 type b"], /more than one base/],
      [["file a.2.incr.aof seq 2 type i", "file a.1.incr.aof seq 1 type i"], /out of order/],
      [["file gone.aof seq 2 type i"], /names gone.aof, which is not there/],
      [["file a.1.incr.aof seq x type i"], /line 1/],
      [["# nothing", "file ../dump.rdb seq 1 type b"], /line 2/],
      [["what is this"], /line 1/],
      [["# nothing"], /names no file/],
    ]) {
      write(...lines);
      assert.throws(() => dataFiles(dir), message);
    }
    writeFileSync(join(inner, "b.manifest"), "");
    assert.throws(() => dataFiles(dir), /more than one manifest/);
  });
});
