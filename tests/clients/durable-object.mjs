// CacheletObject in workerd, through miniflare, on the installed package: RPC, REST by @upstash/redis, WebSockets through
// hibernation, alarms, restarts, and workerd killed under load. And Workers KV as a place for snapshots.
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { Redis } from "@upstash/redis";
import { installed } from "../js/package.mjs";
import { freePort } from "./_server.mjs";
import { BINARY, CLOSE, frame, Peer } from "./_websocket.mjs";

const KILLS = Number(process.env.CACHELET_KILLS ?? 3);
const TOKEN = "a-token-of-the-test";
const root = mkdtempSync(join(tmpdir(), "cachelet-object-"));
after(() => rmSync(root, { recursive: true, force: true }));

const source = `
import { open } from "cachelet";
import { cacheletClient, CacheletObject } from "cachelet/durable-object";
import { workersKV } from "cachelet/storage/workers-kv";

export class Cache extends CacheletObject {
  config = { "notify-keyspace-events": "KEA", databases: 8 };
  token = this.env.TOKEN;
  readOnlyToken = "a-token-that-reads";
  recover = this.ctx.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'salvage'").toArray().length ? "salvage" : "refuse";
  born = crypto.randomUUID();
  rings = 0;
  async alarm() {
    this.rings++;
    await super.alarm();
  }
  // A method of one's own beside those of the class.
  life() {
    return { born: this.born, rings: this.rings, keys: this.db.instance.figures().keys, found: this.db.recovered.found };
  }
  /** One byte in the middle of an object is another. */
  harm(salvage) {
    const { sql } = this.ctx.storage;
    if (salvage) sql.exec("CREATE TABLE salvage (n INTEGER)");
    const [{ name, part, bytes }] = sql.exec("SELECT name, part, bytes FROM cachelet WHERE name LIKE 'log/%' ORDER BY length(bytes) DESC LIMIT 1").toArray();
    const harmed = new Uint8Array(bytes);
    harmed[harmed.length >> 2] ^= 1;
    sql.exec("UPDATE cachelet SET bytes = ? WHERE name = ? AND part = ?", harmed, name, part);
  }
  lost() {
    return this.db.recovered.lost;
  }
  fall() {
    this.ctx.abort("on purpose");
  }
}

const checks = {
  async typed(db, same, other) {
    const bytes = new Uint8Array([0, 255, 13, 10]);
    await db.set("bin", bytes);
    same(await db.binary().get("bin"), bytes);
    same(await db.set("text", "grüezi", { ex: 100 }), "OK");
    same(await db.get("text"), "grüezi");
    same(await db.hset("h", { a: 1, b: "two" }), 2);
    same({ ...(await db.hgetall("h")) }, { a: "1", b: "two" });
    same(await db.zadd("z", [{ score: 1.5, member: "a" }]), 1);
    same(await db.incrby("big", 9007199254740993n), 9007199254740993n);
    const error = await db.incr("h").catch((error) => error);
    same([error.name, error.code], ["ReplyError", "WRONGTYPE"]);
    same(await db.pipeline().set("p", "1").incr("p").get("p").exec(), ["OK", 2, "2"]);
    same(await db.multi().set("m", "x").get("m").exec(), ["OK", "x"]);
    const refused = await db.multi().set("m", "y").call("NONSENSE").exec().catch((error) => error);
    same(refused.code, "EXECABORT");
    same(await db.get("m"), "x");
    same(await other.get("text"), null);
  },
  async sessions(db, same) {
    const selected = db.client();
    await selected.select(3);
    await selected.set("three", "3");
    same([await db.get("three"), await selected.get("three")], [null, "3"]);
    same((await db.select(99).catch((error) => error)).code, "ERR");
    same(await db.ping(), "PONG");
    await db.select(2);
    await db.set("two", "2");
    same(await db.get("two"), "2");
    await db.select(0);
    same(await db.get("two"), null);
    let tries = 0;
    const replies = await db.transaction("watched", async (client, multi) => {
      const value = Number((await client.get("watched")) ?? 0);
      if (tries++ === 0) await db.set("watched", 10);
      return multi.set("watched", value + 1);
    });
    same([replies, tries, await db.get("watched")], [["OK"], 2, "11"]);
  },
  async waits(db, same) {
    const waiting = db.blpop("queue", 5);
    const given = db.client();
    await given.rpush("queue", "job");
    same(await waiting, ["queue", "job"]);
    same(await db.blpop("queue", 0.05), null);
    const stopped = await db.blpop("queue", 0, { signal: AbortSignal.timeout(50) }).catch((error) => error.name);
    same(stopped, "TimeoutError");
    const heard = await db.subscribe("room");
    while ((await given.publish("room", "hello")) === 0) await scheduler.wait(5);
    same((await heard.next()).value, { channel: "room", message: "hello" });
    heard.unsubscribe();
  },
  async direct(db, same, other, stub) {
    same(await stub.call("SET", "plain", "1"), "OK");
    same(await stub.call("CONFIG", "GET", "appendfsync"), { appendfsync: "always" });
    same((await stub.call("INCR", "h").catch((error) => error.message)).includes("WRONGTYPE"), true);
    same((await stub.call("BLPOP", "none", 0).catch((error) => error.message)).includes("waits"), true);
    same(await stub.call("SAVE"), "OK");
    await db.durable();
  },
};

let kv;
export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const stub = env.CACHE.getByName(url.searchParams.get("object") ?? "one");
    const [, what, name] = url.pathname.split("/");
    if (what === "check") {
      const show = (value) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? one + "n" : one instanceof Uint8Array ? [...one] : one));
      const same = (actual, expected) => {
        if (show(actual) !== show(expected)) throw new Error("got " + show(actual) + ", expected " + show(expected));
      };
      await checks[name](cacheletClient(stub), same, cacheletClient(env.CACHE.getByName("other")), stub);
      return new Response("fine");
    }
    if (what === "life") return Response.json(await stub.life());
    if (what === "fall") return new Response(await stub.fall().catch((error) => error.message));
    if (what === "harm") return new Response(await stub.harm(name === "salvage"));
    if (what === "lost") return Response.json(await stub.lost());
    if (what === "write") {
      const index = Number(name);
      return Response.json(await cacheletClient(stub).multi().incr("a").rpush("l", index).set("s:" + index, "v" + index).incr("b").exec());
    }
    if (what === "read") {
      const db = cacheletClient(stub);
      const list = await db.lrange("l", 0, -1);
      const strings = list.length ? await db.mget(list.map((index) => "s:" + index)) : [];
      return Response.json({ a: await db.get("a"), b: await db.get("b"), list, strings });
    }
    if (what === "kv") {
      kv ??= open({ storage: workersKV(env.KV, { prefix: "snapshot/" }), config: { save: "" } });
      const db = await kv;
      if (name === "save") {
        db.incr("visits");
        ctx.waitUntil(db.portable().save());
      }
      return Response.json({ visits: db.get("visits"), found: db.recovered.found, log: db.call("CONFIG", "GET", "appendonly").appendonly });
    }
    return stub.fetch(request);
  },
};
`;

const folder = installed();
writeFileSync(join(folder, "object.mjs"), source);
const bundled = await build({ entryPoints: [join(folder, "object.mjs")], bundle: true, write: false, format: "esm", target: "es2022", conditions: ["workerd"], external: ["*.wasm", "cloudflare:*"], logLevel: "error" });
const wasm = readFileSync(join(folder, "node_modules/cachelet/dist/wasm/cachelet.wasm"));
const port = await freePort();
let miniflare;
const url = `http://127.0.0.1:${port}`;

async function start() {
  miniflare = new Miniflare({
    port,
    compatibilityDate: "2026-04-01",
    bindings: { TOKEN },
    modules: [
      { type: "ESModule", path: "platform/worker.mjs", contents: bundled.outputFiles[0].text },
      { type: "CompiledWasm", path: "wasm/cachelet.wasm", contents: wasm },
    ],
    modulesRoot: "/",
    durableObjects: { CACHE: { className: "Cache", useSQLite: true } },
    durableObjectsPersist: join(root, "objects"),
    kvNamespaces: ["KV"],
    kvPersist: join(root, "kv"),
  });
  await miniflare.ready;
}
const restart = async () => {
  await miniflare.dispose();
  await start();
};
const ask = async (path) => {
  const response = await fetch(url + path);
  const text = await response.text();
  assert.ok(response.ok, `${path}: ${response.status} ${text}`);
  return text;
};
const life = async (object) => JSON.parse(await ask(`/life?object=${object}`));
const pause = (ms) => new Promise((wake) => setTimeout(wake, ms));

before(start);
after(() => miniflare.dispose());

describe("a CacheletObject over RPC", () => {
  for (const [name, what] of [["typed", "every kind of reply, errors, pipelines, transactions; another object is another database"], ["sessions", "databases and watched keys"], ["waits", "waits and subscriptions"], ["direct", "plain calls"]]) {
    test(what, () => ask(`/check/${name}`));
  }
});

describe("a CacheletObject over HTTP", () => {
  test("@upstash/redis", async () => {
    const redis = new Redis({ url, token: TOKEN, enableTelemetry: false });
    await redis.set("user", { name: "Ada" });
    assert.deepEqual(await redis.get("user"), { name: "Ada" });
    assert.deepEqual(await redis.pipeline().set("p", "1").incr("p").exec(), ["OK", 2]);
    assert.deepEqual(await redis.multi().set("q", "1").incr("q").exec(), ["OK", 2]);
    await assert.rejects(new Redis({ url, token: "wrong", enableTelemetry: false, retry: false }).get("user"), /WRONGPASS/);
    await restart();
    assert.deepEqual(await redis.get("user"), { name: "Ada" });
    assert.equal((await life("one")).found, true);
  });

  test("WebSockets through hibernation: database, protocol, name and subscriptions stay; a transaction ends its connection", async () => {
    const connect = async () => Peer.open(port, { path: `/?_token=${TOKEN}&object=sleeper` });
    assert.equal((await Peer.open(port, { path: "/?object=sleeper" })).status, 401);
    const [listener, worker, transaction] = [await connect(), await connect(), await connect()];
    listener.send(frame(BINARY, "SUBSCRIBE room\r\n"));
    await listener.text("*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n".length);
    worker.send(frame(BINARY, "SELECT 3\r\nCLIENT SETNAME ada\r\nSET a 1\r\nHELLO 3\r\n"));
    let hello = "";
    while (!/modules/.test(hello)) hello += (await worker.read()).payload.toString();
    assert.match(hello, /^\+OK\r\n\+OK\r\n\+OK\r\n%/);
    transaction.send(frame(BINARY, "MULTI\r\nSET lost 1\r\n"));
    await transaction.text("+OK\r\n+QUEUED\r\n".length);
    const { born } = await life("sleeper");
    let isRebuilt = false;
    for (const wait of [12_000, 15_000, 20_000]) {
      await pause(wait);
      if ((isRebuilt = (await life("sleeper")).born !== born)) break;
    }
    assert.ok(isRebuilt, "it did not hibernate");
    const end = await transaction.read();
    assert.deepEqual([end.opcode, end.payload.readUInt16BE(0)], [CLOSE, 1012]);
    transaction.socket.destroy();
    worker.send(frame(BINARY, "GET a\r\nCLIENT GETNAME\r\nGET none\r\nPUBLISH room hello\r\n"));
    assert.equal(await worker.text("$1\r\n1\r\n$3\r\nada\r\n_\r\n:1\r\n".length), "$1\r\n1\r\n$3\r\nada\r\n_\r\n:1\r\n");
    const message = "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$5\r\nhello\r\n";
    assert.equal(await listener.text(message.length), message);
    worker.send(frame(BINARY, "QUIT\r\n"));
    assert.equal(await worker.text(5), "+OK\r\n");
    const { opcode, payload } = await worker.read();
    assert.deepEqual([opcode, payload.readUInt16BE(0)], [CLOSE, 1000]);
    worker.socket.destroy();
    listener.socket.destroy();
  });
});

test("an alarm removes what expired while nobody asks", async () => {
  const set = async (...command) => (await fetch(`${url}/?object=alarmed`, { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body: JSON.stringify(command) })).json();
  assert.deepEqual(await set("SET", "a", "1"), { result: "OK" });
  assert.equal((await life("alarmed")).rings, 0);
  assert.deepEqual(await set("SET", "b", "1", "PX", "1500"), { result: "OK" });
  assert.equal((await life("alarmed")).keys, 2);
  await pause(2500);
  const { rings, keys } = await life("alarmed");
  assert.deepEqual([rings, keys], [1, 1]);
});

test("a token for reading reads, and nothing else", async () => {
  const send = async (...command) => {
    const response = await fetch(`${url}/?object=read`, { method: "POST", headers: { authorization: "Bearer a-token-that-reads" }, body: JSON.stringify(command) });
    return [response.status, await response.json()];
  };
  await ask("/write/0?object=read");
  assert.deepEqual(await send("GET", "a"), [200, { result: "1" }]);
  const [status, { error }] = await send("SET", "a", "2");
  assert.deepEqual([status, error.split(" ")[0]], [400, "NOPERM"]);
  assert.equal((await Peer.open(port, { path: "/?_token=a-token-that-reads&object=read" })).status, 401);
  assert.deepEqual(await send("GET", "a"), [200, { result: "1" }]);
});

test("damage in an object's storage is refused with its place, and salvaged where that is said", async () => {
  for (const how of ["refuse", "salvage"]) {
    for (let index = 0; index < 20; index++) await ask(`/write/${index}?object=${how}d`);
    await ask(`/harm/${how}?object=${how}d`);
    await ask(`/fall?object=${how}d`);
  }
  await assert.rejects(ask("/read?object=refused"), /log\/\d+ is damaged at byte \d+: .*recover "salvage"/);
  const [lost] = JSON.parse(await ask("/lost?object=salvaged"));
  assert.match(lost, /^log\/\d+ is damaged at byte \d+/);
  const { a, b, list } = JSON.parse(await ask("/read?object=salvaged"));
  assert.ok(list.length < 20);
  assert.deepEqual([a ?? "0", b ?? "0"], [String(list.length), String(list.length)], "whole transactions are left");
  await ask("/write/20?object=salvaged");
  assert.equal(JSON.parse(await ask("/read?object=salvaged")).list.length, list.length + 1);
});

test("an object that fell finds all again", async () => {
  await ask("/write/0?object=fallen");
  const { born } = await life("fallen");
  assert.match(await ask("/fall?object=fallen"), /on purpose/);
  assert.notEqual((await life("fallen")).born, born);
  assert.deepEqual(JSON.parse(await ask("/read?object=fallen")), { a: "1", b: "1", list: ["0"], strings: ["v0"] });
});

/** Ends workerd as a crash does. */
function kill() {
  let killed = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      if (name === "workerd" && Number(parent) === process.pid) killed += process.kill(Number(pid), "SIGKILL") ? 1 : 0;
    } catch {
      // It ended meanwhile.
    }
  }
  assert.ok(killed > 0, "there is no workerd to kill");
}

test(`workerd killed ${KILLS} times under load: what was acknowledged is there, transactions whole`, { skip: process.platform !== "linux" }, async () => {
  const acknowledged = new Set();
  let sent = 0;
  for (let round = 0; round < KILLS; round++) {
    let isOver = false;
    const writers = Array.from({ length: 4 }, async () => {
      while (!isOver) {
        const index = sent++;
        try {
          await ask(`/write/${index}?object=killed`);
          acknowledged.add(index);
        } catch (error) {
          if (!isOver) throw error;
        }
      }
    });
    await Promise.race([pause(300 + Math.random() * 500), ...writers]);
    isOver = true;
    kill();
    await Promise.all(writers);
    await restart();
    const { a, b, list, strings } = JSON.parse(await ask("/read?object=killed"));
    assert.deepEqual([Number(a), Number(b)], [list.length, list.length]);
    list.forEach((index, at) => assert.equal(strings[at], `v${index}`));
    const there = new Set(list.map(Number));
    for (const index of acknowledged) assert.ok(there.has(index), `${index} was acknowledged and is gone`);
    assert.ok(there.size <= sent);
  }
  assert.ok(acknowledged.size > 3 * KILLS, `only ${acknowledged.size} writes`);
  console.log(`workerd: ${KILLS} kills, ${acknowledged.size} acknowledged transactions, none lost`);
});

test("Workers KV: a snapshot that one isolate wrote is what the next one finds", async () => {
  assert.deepEqual(JSON.parse(await ask("/kv/save")), { visits: "1", found: false, log: "no" });
  await pause(200);
  await restart();
  assert.deepEqual(JSON.parse(await ask("/kv/read")), { visits: "1", found: true, log: "no" });
  assert.equal(JSON.parse(await ask("/kv/save")).visits, "2");
  await pause(200);
  await restart();
  assert.equal(JSON.parse(await ask("/kv/read")).visits, "2");
});
