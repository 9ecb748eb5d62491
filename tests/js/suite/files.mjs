// Files of Redis through the package's door: RDB both ways, append logs in, and what becomes of a file that is not sound.
import { ImportError, exportRdb, importParts, importRdb, importRdbSync } from "cachelet/rdb";

const encoder = new TextEncoder();

/** All pieces as one. */
function joined(pieces) {
  const parts = [...pieces];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Bytes in pieces of `size`. */
function* pieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** The same, each in its own time. */
async function* slowly(bytes, size) {
  for (const piece of pieces(bytes, size)) {
    await new Promise((go) => setTimeout(go, 0));
    yield piece;
  }
}

const resp = (...words) => `*${words.length}\r\n${words.map((word) => `$${encoder.encode(word).length}\r\n${word}\r\n`).join("")}`;
const log = (...commands) => encoder.encode(commands.map((line) => (line.startsWith("#") ? `${line}\r\n` : resp(...line.split(" ")))).join(""));

/** A database with something of everything in it. */
function fill(db) {
  db.set("string", "hello");
  db.set("number", 42);
  db.set("long", "abc".repeat(50_000));
  db.set("expires", "x", { px: 1_000_000 });
  db.rpush("list", "a", "b", 3);
  for (let i = 0; i < 3000; i++) db.rpush("big list", `element ${i}`);
  db.hset("hash", { f: "v", g: 1 });
  db.sadd("set", "a", "b", 7);
  db.sadd("integers", 1, 2, 3);
  db.zadd("sorted", [{ score: 1.5, member: "a" }, { score: -2, member: "b" }]);
  db.xadd("stream", "1-1", { f: "v" });
  db.call("XGROUP", "CREATE", "stream", "g", "0");
  db.call("XREADGROUP", "GROUP", "g", "c", "STREAMS", "stream", ">");
  db.call("SELECT", "7");
  db.set("elsewhere", "yes");
  db.call("SELECT", "0");
}

/** Every key of every database with its payload and its expiry. */
function contents(db) {
  const all = {};
  const client = db.client().binary();
  for (let index = 0; index < 16; index++) {
    client.call("SELECT", index);
    for (const key of client.call("KEYS", "*")) {
      const name = `${index} ${new TextDecoder().decode(key)}`;
      all[name] = [[...client.call("DUMP", key)].join(), client.call("PEXPIRETIME", key)];
    }
  }
  client.close();
  return all;
}

export default (test) => {
  test("a database written to an RDB file and read again is the same", async (t) => {
    const db = await t.open();
    fill(db);
    const file = joined(exportRdb(db));
    t.equal(new TextDecoder().decode(file.subarray(0, 9)), "REDIS0010");
    const wanted = contents(db);
    t.equal(Object.keys(wanted).length, 12);
    for (const read of [
      (other) => importRdbSync(other, file),
      (other) => importRdbSync(other, pieces(file, 1000)),
      (other) => importRdb(other, slowly(file, 40_000)),
      (other) => importRdb(other, [file]),
    ]) {
      const other = await t.open();
      const report = await read(other);
      t.equal(report, { version: 10, keys: 12, expired: 0, empty: 0, functions: 0, modules: [], commands: 0 });
      t.equal(contents(other), wanted);
    }
  });

  test("a database that is empty makes a file without keys", async (t) => {
    const [db, other] = [await t.open(), await t.open()];
    const file = joined(exportRdb(db));
    t.equal(importRdbSync(other, file).keys, 0);
    t.equal(other.dbsize(), 0);
  });

  test("fields that expire make a file of version 12", async (t) => {
    const [db, other] = [await t.open(), await t.open()];
    db.hset("h", { f: "v", g: "w" });
    db.call("HPEXPIREAT", "h", "33177117420000", "FIELDS", "1", "f");
    const file = joined(exportRdb(db));
    t.equal(new TextDecoder().decode(file.subarray(0, 9)), "REDIS0012");
    importRdbSync(other, file);
    t.equal(other.call("HPEXPIRETIME", "h", "FIELDS", "2", "f", "g"), [33177117420000, -1]);
  });

  test("a database that holds keys is left alone, unless they may be replaced", async (t) => {
    const [db, other] = [await t.open(), await t.open()];
    db.set("a", "new", { ex: 100 });
    const file = joined(exportRdb(db));
    other.rpush("a", "old");
    other.set("b", "stays");
    t.throws(() => importRdbSync(other, file), { name: "ImportError", message: /holds 2 keys/ });
    await t.rejects(importRdb(other, file), { name: "ImportError", message: /holds 2 keys/ });
    t.equal(other.type("a"), "list");
    t.equal(importRdbSync(other, file, { replace: true }).keys, 1);
    t.equal([other.get("a"), other.ttl("a"), other.get("b")], ["new", 100, "stays"]);
    t.throws(() => importRdbSync(other, log("SET a 1"), { replace: true }), { name: "ImportError", message: /only read into an empty database/ });
    t.equal(other.get("a"), "new");
  });

  test("while a file is read others are answered LOADING, and what waited is served at the end", async (t) => {
    const [db, other] = [await t.open(), await t.open()];
    fill(db);
    const file = joined(exportRdb(db));
    const portable = other.portable();
    const waiting = portable.blpop("list", 0);
    let goOn;
    const held = new Promise((done) => (goOn = done));
    const done = importRdb(other, (async function* () {
      yield file.subarray(0, 20_000);
      await held;
      yield file.subarray(20_000);
    })());
    await t.pause(1);
    t.throws(() => other.get("string"), { name: "ReplyError", code: "LOADING" });
    t.throws(() => other.ping(), { code: "LOADING" });
    t.ok(/loading:1/.test(other.info("persistence")));
    await t.rejects(importRdb(other, file), { name: "ImportError", message: /being read/ });
    t.throws(() => other.get("string"), { name: "ReplyError", code: "LOADING" });
    goOn();
    t.equal((await done).keys, 12);
    t.equal(other.get("string"), "hello");
    t.ok(/loading:0/.test(other.info("persistence")));
    t.equal(await waiting, ["list", "a"]);
    await portable.close();
  });

  test("a file that is not sound leaves the database as empty as it was", async (t) => {
    const [db, other] = [await t.open(), await t.open()];
    fill(db);
    const file = joined(exportRdb(db));
    const flipped = file.slice();
    flipped[file.length - 1] ^= 1;
    for (const [bytes, message] of [
      [flipped, /checksum.* at byte \d+/],
      [file.subarray(0, file.length - 10), /the end comes too early at byte \d+/],
      [file.subarray(0, 5), /too early at byte 5/],
      [encoder.encode("REDIS0099"), /RDB version 99/],
      [encoder.encode("REDXS0010 and more"), /neither RDB nor a command begins at byte 0/],
      [new Uint8Array(), /the file is empty/],
      [encoder.encode("REDIS0010\x00\x01a\x011\x00\x01a\x012\xff"), /comes twice at byte 15, in database 0 at key "a"/],
    ]) {
      t.throws(() => importRdbSync(other, pieces(bytes, 50_000)), { name: "ImportError", message });
      await t.rejects(importRdb(other, slowly(bytes, 50_000)), { name: "ImportError", message });
      t.equal(other.dbsize(), 0);
      t.equal(other.call("INFO", "keyspace"), "# Keyspace\r\n");
    }
    // Whatever else goes wrong on the way.
    const broken = (async function* () {
      yield file.subarray(0, 100_000);
      throw new RangeError("the disk is gone");
    })();
    await t.rejects(importRdb(other, broken), { name: "RangeError" });
    t.equal(other.dbsize(), 0);
    t.ok(new ImportError("x") instanceof Error);
    importRdbSync(other, file);
    t.equal(contents(other), contents(db));
  });

  test("an append log is run, with its databases and transactions, behind an RDB file or not", async (t) => {
    const before = await t.open();
    before.set("base", "1");
    const commands = log("SELECT 0", "#TS:1700000000", "SET a 1", "APPEND a 2", "MULTI", "SELECT 3", "RPUSH l x y", "EXEC", "FUNCTION LOAD x", "SADD s m", "SELECT 0", "INCR base");
    for (const [file, base] of [[commands, "1"], [joined([...exportRdb(before), commands]), "2"]]) {
      for (const size of [1, 7, 100_000]) {
        const db = await t.open();
        const report = importRdbSync(db, pieces(file, size));
        t.equal([report.commands, report.functions, report.cut], [10, 1, undefined]);
        t.equal([db.get("a"), db.get("base")], ["12", base]);
        db.call("SELECT", "3");
        t.equal([db.lrange("l", 0, -1), db.smembers("s"), db.dbsize()], [["x", "y"], ["m"], 2]);
      }
    }
  });

  test("a log that ends within a command or a transaction is cut there, and says so", async (t) => {
    const whole = log("SET a 1", "INCR a");
    const torn = log("SET b 2");
    for (let length = 1; length < torn.length; length++) {
      const db = await t.open();
      const report = importRdbSync(db, joined([whole, torn.subarray(0, length)]));
      t.equal(report.cut, { at: whole.length, bytes: length });
      t.equal([report.commands, db.get("a"), db.dbsize()], [2, "2", 1]);
      db.close();
    }
    const db = await t.open();
    const open = log("MULTI", "SET b 2", "SET c 3");
    const report = await importRdb(db, slowly(joined([whole, open]), 10));
    t.equal([report.cut, report.commands, db.dbsize()], [{ at: whole.length, bytes: open.length }, 2, 1]);
    t.equal(db.multi().set("d", 4).exec(), ["OK"]);
  });

  test("parts of a log follow each other, and only the last may be torn", async (t) => {
    const base = await t.open();
    base.call("SELECT", "5");
    base.set("n", 1);
    const rdb = joined(exportRdb(base));
    const [first, second] = [log("SELECT 5", "INCR n"), log("SET zero 0", "SELECT 5", "INCR n")];
    const db = await t.open();
    const report = await importParts(db, [rdb, new Uint8Array(), first, slowly(second, 9), log("SET x y").subarray(0, 9)]);
    t.equal([report.keys, report.commands, report.cut], [1, 5, { at: 0, bytes: 9 }]);
    t.equal(db.get("zero"), "0");
    db.call("SELECT", "5");
    t.equal(db.get("n"), "3");
    const other = await t.open();
    await t.rejects(importParts(other, [rdb, first.subarray(0, first.length - 3), second]), { name: "ImportError", message: /ends at byte \d+, within what begins at byte \d+/ });
    t.equal(other.call("INFO", "keyspace"), "# Keyspace\r\n");
  });

  test("what no log holds, and what does not work, is refused with its place", async (t) => {
    const start = log("SET a x");
    const at = `byte ${start.length}`;
    for (const [rest, message] of [
      [log("EVAL return 0"), new RegExp(`the command "eval".* at ${at}`)],
      [log("GET a"), new RegExp(`the command "get".* at ${at}`)],
      [log("SHUTDOWN"), new RegExp(`the command "shutdown".* at ${at}`)],
      [log("CONFIG SET requirepass x"), new RegExp(`the command "config".* at ${at}`)],
      [log("INCR a"), /ERR value is not an integer.*the command "incr" at byte/],
      [log("MULTI", "INCR a", "EXEC"), /ERR value is not an integer.*the command "exec" at byte/],
      [log("BLPOP none 0"), /would wait.*"blpop"/],
      [log("SELECT 99"), /DB index is out of range.*"select"/],
      [encoder.encode("SET b 1\r\n"), new RegExp(`neither RDB nor a command begins at ${at}`)],
      [encoder.encode("\0\0\0\0"), new RegExp(`neither RDB nor a command begins at ${at}`)],
      [encoder.encode("*0\r\n"), /without a name/],
      [encoder.encode("*-1\r\n"), /neither RDB nor/],
      [encoder.encode("*1\r\n$3\r\nSETxx"), /another length/],
      [encoder.encode("*1\r\n$99999999999999\r\n"), /neither RDB nor/],
    ]) {
      const db = await t.open();
      t.throws(() => importRdbSync(db, joined([start, rest])), { name: "ImportError", message });
      t.equal(db.dbsize(), 0);
      t.equal(db.set("a", "1"), "OK");
      db.close();
    }
  });

  test("nothing in a log expires before its end", async (t) => {
    const now = Date.now();
    const db = await t.open();
    importRdbSync(db, log(`SET gone x PXAT ${now - 5000}`, "APPEND gone y", `SET kept x PXAT ${now - 5000}`, "APPEND kept y", "PERSIST kept", "SET late x", `PEXPIREAT late ${now - 1}`, "HSET h f 1 g 2", `HPEXPIREAT h ${now - 1} FIELDS 1 f`, "HINCRBY h f 1"));
    t.equal([db.get("gone"), db.get("kept"), db.get("late"), db.hgetall("h")], [null, "xy", null, { g: "2" }]);
    t.equal(db.dbsize(), 2);
  });

  test("an export goes on while others write, each key once; another export ends it", async (t) => {
    const db = await t.open();
    for (let i = 0; i < 20_000; i++) db.set(`key:${i}`, `value ${i}`);
    const parts = [];
    for (const piece of exportRdb(db)) {
      parts.push(piece);
      for (let i = 0; i < 50; i++) db.set(`new:${parts.length}:${i}`, "x");
    }
    t.ok(parts.length > 3);
    const other = await t.open();
    importRdbSync(other, parts);
    for (let i = 0; i < 20_000; i += 100) t.equal(other.get(`key:${i}`), `value ${i}`);
    const first = exportRdb(db);
    first.next();
    const second = exportRdb(db);
    second.next();
    t.throws(() => first.next(), { message: /another export/ });
    t.ok(second.next().value.length > 0);
  });

  test("what is closed is closed", async (t) => {
    const db = await t.open();
    const file = joined(exportRdb(db));
    db.close();
    t.throws(() => importRdbSync(db, file), { name: "ClosedError" });
    t.throws(() => [...exportRdb(db)], { name: "ClosedError" });
  });
};
