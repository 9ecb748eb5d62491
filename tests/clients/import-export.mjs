// `cachelet import` and `cachelet export` beside a real redis-server: into and out of servers and folders, and what is refused.
// needs: redis-server
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openSync } from "../../dist/platform/node.js";
import { importRdbSync } from "../../dist/rdb.js";
import { files } from "../../dist/storage/files.js";
import { census, contents, fill, folder, Link, loaded, ours, same, servedRedis, unseen } from "./_redis.mjs";
import { cli, freePort, startServer } from "./_server.mjs";

const { servers, redis } = servedRedis();

/** Cachelet's own server, to be asked as redis-server is. */
const cachelet = async (...args) => {
  const server = await startServer({ args });
  servers.push(server);
  return { ...server, link: await Link.open(server.port) };
};

const run = (args, options = {}) => spawnSync(process.execPath, [cli, ...args.map(String)], { encoding: "utf8", timeout: 120_000, ...options });
const good = (...args) => {
  const done = run(args);
  assert.equal(done.status, 0, `${args.join(" ")}\n${done.stdout}${done.stderr}`);
  return done.stdout + done.stderr;
};
const refused = (message, ...args) => {
  const done = run(args);
  assert.equal(done.status, 1, done.stdout);
  assert.match(done.stderr, message);
};

/** What a folder keeps. */
async function kept(storage) {
  const db = openSync({ storage: files(storage) });
  const all = await ours(db);
  await db.close();
  return all;
}

describe("import", () => {
  test("a server's dump.rdb, of every type and encoding, into Cachelet's server", async (t) => {
    const server = await redis();
    await fill(server.link);
    const encodings = new Set();
    for (const db of [0, 1, 9]) {
      await server.link.call("SELECT", db);
      for (const key of await server.link.call("KEYS", "*")) {
        encodings.add([await server.link.call("TYPE", key), await server.link.call("OBJECT", "ENCODING", key)].map((word) => Buffer.from(word).toString()).join(" "));
      }
    }
    assert.deepEqual([...encodings].sort(), ["hash hashtable", "hash listpack", "list quicklist", "set hashtable", "set intset", "stream stream", "string embstr", "string int", "string raw", "zset listpack", "zset skiplist"]);
    await server.link.call("SELECT", 0);
    await server.link.call("SAVE");
    const wanted = await contents(server.link);
    t.diagnostic(`${wanted.size} keys: ${JSON.stringify(census(wanted))}`);
    const to = await cachelet();
    assert.match(good("import", join(server.dir, "dump.rdb"), "-p", to.port), new RegExp(`${wanted.size} keys were put into 127.0.0.1:${to.port}`));
    same(await contents(to.link), wanted);
    await server.stop();
    await to.stop();
  });

  for (const [name, options, base] of [
    ["with an RDB file at its base", [], /base\.rdb$/],
    ["of commands alone", ["--aof-use-rdb-preamble", "no"], /base\.aof$/],
  ]) {
    test(`a server's folder with an append log ${name}`, async () => {
      const server = await redis(folder(), "--appendonly", "yes", ...options);
      await fill(server.link, { debug: false });
      await server.link.call("BGREWRITEAOF");
      for (let tries = 0; tries < 500 && !readFileSync(join(server.dir, "appendonlydir/appendonly.aof.manifest"), "utf8").includes(".2.base."); tries++) await new Promise((wake) => setTimeout(wake, 20));
      await server.link.call("RPUSH", "list:10", "appended since");
      await server.link.call("DEL", "set:3");
      await Promise.all([["MULTI"], ["SELECT", 4], ["SET", "elsewhere", "x"], ["EXEC"], ["SELECT", 0]].map((args) => server.link.call(...args)));
      const wanted = unseen(await contents(server.link));
      await server.stop();
      assert.ok(readdirSync(join(server.dir, "appendonlydir")).some((file) => base.test(file)));
      const to = await cachelet();
      good("import", server.dir, "-p", to.port);
      same(unseen(await contents(to.link)), wanted, "into a server");
      await to.stop();
      const storage = join(folder(), "data");
      good("import", join(server.dir, "appendonlydir"), "--storage", storage);
      same(unseen(await kept(storage)), wanted, "into a folder");
    });
  }

  test("keys between others take the place of those of the same name, where that is asked for", async () => {
    const server = await redis();
    const dir = folder();
    const file = join(dir, "one.rdb");
    await server.link.call("SET", "a", "new");
    good("export", file, "-p", server.port);
    await server.link.call("SET", "a", "old");
    await server.link.call("SET", "b", "stays");
    refused(/127.0.0.1:\d+ holds 2 keys: .* --replace/, "import", file, "-p", server.port);
    const values = async () => (await server.link.call("MGET", "a", "b")).map((bytes) => Buffer.from(bytes).toString());
    assert.deepEqual(await values(), ["old", "stays"]);
    good("import", file, "-p", server.port, "--replace");
    assert.deepEqual(await values(), ["new", "stays"]);
    await server.stop();
    const storage = join(dir, "data");
    const db = openSync({ storage: files(storage) });
    db.mset({ a: "old", b: "stays" });
    await db.close();
    refused(/holds 2 keys: .* --replace/, "import", file, "--storage", storage);
    assert.match(good("import", file, "--storage", storage, "--replace"), /holds 2 keys/);
    assert.deepEqual([...(await kept(storage))].map(([key, [, , value]]) => `${key} ${value}`), ["0 a new", "0 b stays"]);
  });

  test("an import into a folder that is killed has put all in or nothing", async (t) => {
    const server = await redis();
    await server.link.call("DEBUG", "POPULATE", 50_000, "key", 100);
    await server.link.call("SAVE");
    await server.stop();
    const storage = join(folder(), "data");
    const held = async () => {
      const db = openSync({ storage: files(storage) });
      const [keys, before] = [db.dbsize(), db.get("before")];
      await db.close();
      assert.equal(before, "x");
      return keys;
    };
    const db = openSync({ storage: files(storage) });
    db.set("before", "x");
    await db.close();
    const found = [];
    for (let wait = 100; found.at(-1) !== 50_001; wait *= 1.3) {
      const child = spawn(process.execPath, [cli, "import", server.dir, "--storage", storage, "--replace"], { stdio: "ignore" });
      const ended = once(child, "exit");
      const timer = setTimeout(() => child.kill("SIGKILL"), wait);
      await ended;
      clearTimeout(timer);
      found.push(await held());
      assert.ok(found.at(-1) === 1 || found.at(-1) === 50_001, `${found}`);
    }
    t.diagnostic(`killed ${found.length - 1} times`);
    assert.ok(found.length > 1);
  });

  test("what a server refuses is named, and makes the exit code 1", async () => {
    const from = await redis();
    await from.link.call("MSET", "small", "x", "large", randomBytes(2_000_000));
    await from.link.call("SAVE");
    await from.link.call("FLUSHALL");
    await from.link.call("CONFIG", "SET", "proto-max-bulk-len", "1mb");
    // It says so and hangs up, or only hangs up, as far as can be seen from here.
    refused(/key "large" of database 0: ERR Protocol error|127.0.0.1:\d+ has taken [01] of 2 keys/, "import", from.dir, "-p", from.port);
    await from.link.call("FLUSHALL");
    await from.link.call("CONFIG", "SET", "proto-max-bulk-len", "512mb", "maxmemory", "1");
    refused(/key "small" of database 0: OOM/, "import", from.dir, "-p", from.port);
    await from.stop();
    const few = await redis(folder(), "--databases", "2");
    const file = join(folder(), "many.rdb");
    const many = await redis();
    await many.link.call("SET", "a", "0");
    await many.link.call("SELECT", "9");
    await many.link.call("SET", "b", "9");
    good("export", file, "-p", many.port);
    refused(/SELECT: ERR DB index is out of range/, "import", file, "-p", few.port);
    assert.equal(await few.link.call("DBSIZE"), 0);
    await Promise.all([few.stop(), many.stop()]);
  });

  test("what is damaged, cut or of a module is refused by the byte, and changes nothing", async () => {
    const server = await redis();
    await fill(server.link, { debug: false });
    await server.link.call("SAVE");
    const sound = readFileSync(join(server.dir, "dump.rdb"));
    await server.link.call("FLUSHALL");
    await server.link.call("SET", "a", "1");
    const dir = folder();
    const storage = join(dir, "data");
    good("import", server.dir, "--storage", storage);
    const before = await kept(storage);
    const file = (name, bytes) => {
      writeFileSync(join(dir, name), bytes);
      return join(dir, name);
    };
    const flipped = Buffer.from(sound);
    flipped[flipped.length >> 1] ^= 0x10;
    const targets = [["-p", server.port, "--replace"], ["--storage", storage, "--replace"], ["--storage", join(dir, "fresh")]];
    for (const [bytes, message] of [
      [sound.subarray(0, 5000), /x.rdb: .* at byte 5000/],
      [flipped, /x.rdb: .* at byte \d+/],
      ["REDIS0010\xff", /x.rdb: the end comes too early at byte 10/],
      ["REDIS0099", /x.rdb: RDB version 99/],
      ["", /x.rdb: the file is empty/],
      ["not a file of Redis", /x.rdb: .*neither RDB nor a command begins at byte 0/],
      ["*1\r\n$8\r\nSHUTDOWN\r\n", /x.rdb: the command "shutdown".* at byte 0/],
      // A key of module type, whose number has its name in six bits a letter.
      [Buffer.concat([Buffer.from("REDIS0010\x07\x01m\x81", "latin1"), moduleType("MBbloom--", 4), Buffer.of(0)]), /x.rdb: a value of module type 'MBbloom--', which is not loaded,? .*at key "m"/],
    ]) {
      for (const target of targets) refused(message, "import", file("x.rdb", Buffer.from(bytes, "latin1")), ...target);
    }
    assert.equal(await server.link.call("DBSIZE"), 1);
    same(await kept(storage), before);
    assert.equal((await kept(join(dir, "fresh"))).size, 0);

    const to = ["-p", server.port, "--replace"];
    const log = "*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$1\r\n1\r\n";
    assert.match(good("import", file("torn.aof", `${log}*3\r\n$3\r\nSE`), ...to), /torn.aof ends within a command .* cut at byte 27, 10 bytes are lost/);
    assert.equal(await server.link.call("DBSIZE"), 2);
    file("c.manifest", "file one.aof seq 1 type b\nfile two.aof seq 1 type i\n");
    file("one.aof", `${log}*3\r\n`);
    file("two.aof", log);
    refused(/one.aof: the file ends at byte 31, within what begins at byte 27/, "import", join(dir, "c.manifest"), ...to);
    file("one.aof", log);
    appendFileSync(join(dir, "two.aof"), "\0\0\0");
    refused(/two.aof: what is neither RDB nor a command begins at byte 27/, "import", join(dir, "c.manifest"), ...to);
    assert.equal(await server.link.call("DBSIZE"), 2);
    await server.stop();
  });
});

/** A module type's number: nine letters of six bits above ten bits of version. */
function moduleType(name, version) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const number = [...name].reduce((bits, letter) => (bits << 6n) | BigInt(letters.indexOf(letter)), 0n);
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE((number << 10n) | BigInt(version));
  return bytes;
}

describe("export", () => {
  test("of Cachelet's server, which redis-server loads", async (t) => {
    const server = await cachelet("--requirepass", "secret");
    await server.link.call("AUTH", "secret");
    await fill(server.link, { debug: false });
    const wanted = await contents(server.link);
    t.diagnostic(`${wanted.size} keys: ${JSON.stringify(census(wanted))}`);
    const file = join(folder(), "ours.rdb");
    refused(/NOAUTH/, "export", file, "-p", server.port);
    writeFileSync(file, "");
    refused(/NOAUTH/, "import", file, "-p", server.port);
    assert.match(good("export", file, "-u", `redis://default:secret@127.0.0.1:${server.port}`), new RegExp(`${wanted.size} keys, ${readFileSync(file).length} bytes`));
    same(await loaded(file), wanted);
    const db = openSync();
    assert.equal(importRdbSync(db, readFileSync(file)).keys, wanted.size);
    same(await ours(db), wanted);
    db.close();
    server.link.close();
    await server.stop();
  });

  test("of a Redis server, into a file and from there into another", async () => {
    const [server, other] = [await redis(), await redis()];
    await fill(server.link);
    const wanted = await contents(server.link);
    const dir = folder();
    for (const [name, ...options] of [["all.rdb"], ["all.aof", "--aof"]]) {
      const file = join(dir, name);
      // What is there is replaced.
      writeFileSync(file, "old");
      assert.match(good("export", file, "--port", server.port, ...options), new RegExp(`${wanted.size} keys`));
      good("import", file, "-p", other.port);
      same(await contents(other.link), wanted, name);
      await other.link.call("FLUSHALL");
    }
    assert.deepEqual(readdirSync(dir).sort(), ["all.aof", "all.rdb"]);
    same(await loaded(join(dir, "all.rdb")), wanted);
    for (const name of ["all.aof", "all.rdb"]) {
      // A server of before 7.0 would have had either as its log.
      const log = folder();
      copyFileSync(join(dir, name), join(log, "appendonly.aof"));
      const started = await redis(log, "--appendonly", "yes");
      same(await contents(started.link), wanted, name);
      await started.stop();
    }
    await Promise.all([server.stop(), other.stop()]);
  });

  test("of a folder, which stays as it is", async () => {
    const server = await redis();
    await fill(server.link, { seed: 5, debug: false });
    const wanted = await contents(server.link);
    await server.link.call("SAVE");
    await server.stop();
    const dir = folder();
    const storage = join(dir, "data");
    assert.match(good("import", server.dir, "--storage", storage), new RegExp(`holds ${wanted.size} keys`));
    const db = openSync({ storage: files(storage) });
    db.set("since", "in the log");
    refused(/data/, "export", join(dir, "x"), "--storage", storage);
    await db.close();
    wanted.set("0 since", ["string", -1, "in the log"]);
    const before = readdirSync(storage).filter((name) => !name.startsWith(".")).map((name) => [name, readFileSync(join(storage, name))]);
    const names = [];
    for (const [name, ...options] of [["out.rdb"], ["out.aof", "--aof"]]) {
      names.push(join(dir, name));
      good("export", names.at(-1), "--storage", storage, ...options);
    }
    assert.deepEqual(readdirSync(storage).filter((name) => !name.startsWith(".")).map((name) => [name, readFileSync(join(storage, name))]), before);
    same(await loaded(names[0]), wanted);
    const again = join(dir, "again");
    good("import", names[1], "--storage", again);
    same(await kept(again), wanted);
    refused(/there is no .*none/, "export", names[0], "--storage", join(dir, "none"));
    assert.ok(!existsSync(join(dir, "none")));
  });

  test("through pipes", async () => {
    const server = await redis();
    await fill(server.link, { seed: 2 });
    const wanted = await contents(server.link);
    const done = run(["export", "-", "-p", server.port], { encoding: "buffer", maxBuffer: 1 << 28 });
    assert.equal(done.status, 0);
    assert.match(done.stderr.toString(), new RegExp(`standard output: ${wanted.size} keys, ${done.stdout.length} bytes`));
    await server.link.call("FLUSHALL");
    assert.equal(run(["import", "-", "-p", server.port], { input: done.stdout }).status, 0);
    same(await contents(server.link), wanted);
    // Who reads may leave early.
    const piped = spawn(process.execPath, [cli, "export", "-", "-p", String(server.port)], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    piped.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const closed = once(piped, "close");
    piped.stdout.destroy();
    assert.deepEqual([(await closed)[0], said], [1, "cachelet: write EPIPE\n"]);
    assert.match(run(["import", "-", "-p", server.port, "--replace"], { input: done.stdout.subarray(0, 9000) }).stderr, /standard input: .* at byte 9000/);
    await server.stop();
  });

  test("a file is there whole or not at all", async () => {
    const server = await redis();
    await server.link.call("DEBUG", "POPULATE", 200_000, "key", 200);
    const dir = folder();
    const file = join(dir, "all.rdb");
    writeFileSync(file, "what was there");
    for (const signal of ["SIGINT", "SIGTERM"]) {
      const child = spawn(process.execPath, [cli, "export", file, "-p", String(server.port)], { stdio: "ignore" });
      const ended = once(child, "exit");
      while (readdirSync(dir).length < 2) await new Promise((wake) => setTimeout(wake, 5));
      child.kill(signal);
      await ended;
      assert.equal(readFileSync(file, "utf8"), "what was there");
      assert.deepEqual(readdirSync(dir), ["all.rdb"], signal);
    }
    // A server that goes away in between.
    const child = spawn(process.execPath, [cli, "export", file, "-p", String(server.port)], { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (said += text));
    const ended = once(child, "exit");
    while (readdirSync(dir).length < 2) await new Promise((wake) => setTimeout(wake, 5));
    await server.stop("SIGKILL");
    assert.equal((await ended)[0], 1);
    assert.match(said, /^cachelet: (?:the server closed the connection|.*ECONNRESET)\n$/);
    assert.deepEqual([readFileSync(file, "utf8"), readdirSync(dir)], ["what was there", ["all.rdb"]]);
  });

  test("what cannot be is said before anything is done", async () => {
    const dir = folder();
    refused(/which file/, "import");
    refused(/one file at a time/, "import", "a", "b");
    refused(/there is no .*none/, "import", join(dir, "none"));
    refused(/neither appendonlydir nor/, "import", dir);
    refused(/is a folder/, "export", dir);
    refused(/no such file or directory/, "export", join(dir, "none/x"), "--storage", folder());
    refused(/no option --flush/, "import", dir, "--flush");
    refused(/no option --replace/, "export", join(dir, "x"), "--replace");
    refused(/--port takes a number/, "export", join(dir, "x"), "--port", "x");
    refused(/nobody listens/, "export", join(dir, "x"), "-p", await freePort());
    assert.deepEqual(readdirSync(dir), []);
    for (const name of ["import", "export"]) assert.match(good(name, "--help"), /cachelet import FILE[^]*cachelet export FILE[^]*--replace[^]*--aof/);
    assert.match(good("--help"), /cachelet import FILE[^]*cachelet export FILE/);
  });
});
