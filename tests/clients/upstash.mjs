// @upstash/redis over HTTP: against the real server process, and against workerd, where the packed package serves from
// a Durable Object and from a Worker that opens its database at the first request.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { Redis } from "@upstash/redis";
import { Redis as CloudflareRedis } from "@upstash/redis/cloudflare";
import { installed } from "../js/package.mjs";
import { parts } from "../scenario/scenario.mjs";
import { freePort, startServer } from "./_server.mjs";
import { BINARY, CLOSE, frame, Peer, TEXT } from "./_websocket.mjs";

const TOKEN = "a-token-of-the-test";

/** The scenario's door over a client: what REST has, that is no sessions. */
function door(redis) {
  return {
    call: async (...argv) => redis.exec(argv),
    async multi(commands) {
      const multi = redis.multi();
      for (const [name, ...args] of commands) {
        if (name === "ZADD") multi.zadd(args[0], { score: Number(args[1]), member: args[2] });
        else multi[name.toLowerCase()](...args);
      }
      return multi.exec();
    },
    session: async () => undefined,
    async subscribe(channel, heard) {
      const subscriber = redis.subscribe([channel]);
      await new Promise((done) => {
        subscriber.on("subscribe", done);
        subscriber.on("message", ({ message }) => heard(message));
      });
      return () => subscriber.unsubscribe();
    },
    close: async () => {},
  };
}

function suite(where, start, { subscribes = true } = {}) {
  describe(where, () => {
    let place;
    let redis;
    before(async () => {
      place = await start();
      redis = new Redis({ url: place.url, token: TOKEN, enableTelemetry: false });
      // The first request finds everything cold, which no test is about.
      await redis.ping();
    });
    after(() => place.stop());

    for (const [part, run] of Object.entries(parts)) {
      if (part === "chat" && !subscribes) continue;
      test(`scenario: ${part}`, () => run(door(redis), (key) => `upstash:${key}`));
    }

    test("objects, numbers and text as their types", async () => {
      await redis.set("user", { name: "Ada", tags: ["a", "ü"] }, { ex: 100 });
      assert.deepEqual(await redis.get("user"), { name: "Ada", tags: ["a", "ü"] });
      assert.equal(await redis.incrby("n", 5), 5);
      assert.equal(await redis.get("n"), 5);
      await redis.hset("h", { a: 1, b: "two", c: { d: true } });
      assert.deepEqual(await redis.hgetall("h"), { a: 1, b: "two", c: { d: true } });
      assert.equal(await redis.hgetall("none"), null);
      await redis.zadd("z", { score: 1, member: "a" }, { score: 2.5, member: "b" });
      assert.deepEqual(await redis.zrange("z", 0, -1, { withScores: true, rev: true }), ["b", 2.5, "a", 1]);
      assert.deepEqual(await redis.mget("n", "none"), [5, null]);
      assert.equal(await redis.ping(), "PONG");
      assert.equal(await redis.type("h"), "hash");
    });

    test("pipelines and transactions, errors as errors", async () => {
      assert.deepEqual(await redis.pipeline().set("p", "1").incr("p").get("p").exec(), ["OK", 2, 2]);
      assert.deepEqual(await redis.multi().set("m", "x").get("m").exec(), ["OK", "x"]);
      await assert.rejects(redis.pipeline().set("s", "x").lpush("s", "y").exec(), /WRONGTYPE/);
      const kept = await redis.pipeline().lpush("s", "y").get("s").exec({ keepErrors: true });
      assert.match(kept[0].error, /^WRONGTYPE/);
      assert.equal(kept[1].result, "x");
      await assert.rejects(redis.incr("s"), /not an integer/);
      await assert.rejects(redis.exec(["BLPOP", "l", "0"]), /Command is not available/);
    });

    test("auto-pipelining", async () => {
      const auto = new Redis({ url: place.url, token: TOKEN, enableAutoPipelining: true, enableTelemetry: false });
      const replies = await Promise.all(Array.from({ length: 100 }, (_, i) => auto.set(`auto:${i}`, i)));
      assert.ok(replies.every((reply) => reply === "OK"));
      assert.equal(await redis.get("auto:99"), 99);
    });

    test("the client for Workers, without base64 and with it", async () => {
      for (const responseEncoding of [false, "base64"]) {
        const other = new CloudflareRedis({ url: place.url, token: TOKEN, responseEncoding, enableTelemetry: false });
        await other.set("text", "grüezi OK");
        assert.equal(await other.get("text"), "grüezi OK");
        assert.deepEqual(await other.hgetall("h"), { a: 1, b: "two", c: { d: true } });
      }
    });

    test("a wrong token", async () => {
      const stranger = new Redis({ url: place.url, token: "wrong", enableTelemetry: false, retry: false });
      await assert.rejects(stranger.get("a"), /WRONGPASS/);
    });

    test("scanning sees every key", async () => {
      await redis.mset(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`scan:${i}`, i])));
      const seen = new Set();
      let cursor = "0";
      do {
        const [next, keys] = await redis.scan(cursor, { match: "scan:*", count: 50 });
        cursor = next;
        for (const key of keys) seen.add(key);
      } while (cursor !== "0");
      assert.equal(seen.size, 300);
    });

    if (subscribes) {
      test("patterns", async () => {
        const subscriber = redis.psubscribe(["news:*"]);
        const heard = new Promise((done) => subscriber.on("pmessage", done));
        await new Promise((done) => subscriber.on("psubscribe", done));
        assert.equal(await redis.publish("news:art", { title: "x" }), 1);
        assert.deepEqual(await heard, { pattern: "news:*", channel: "news:art", message: { title: "x" } });
        await subscriber.unsubscribe();
      });
    }
  });
}

suite("@upstash/redis and cachelet serve", async () => {
  const server = await startServer({ args: ["--http-token", TOKEN] });
  return { url: server.url, stop: async () => assert.equal(await server.stop(), 0) };
});

/** A Worker that uses the installed package, in workerd. */
async function startWorker(source, options) {
  const folder = installed();
  const file = join(folder, "worker.mjs");
  writeFileSync(file, source);
  const bundled = await build({ entryPoints: [file], bundle: true, write: false, format: "esm", target: "es2022", conditions: ["workerd"], external: ["*.wasm"], logLevel: "error" });
  const miniflare = new Miniflare({
    port: await freePort(),
    compatibilityDate: "2026-04-01",
    bindings: { TOKEN },
    modules: [
      { type: "ESModule", path: "platform/worker.mjs", contents: bundled.outputFiles[0].text },
      { type: "CompiledWasm", path: "wasm/cachelet.wasm", contents: readFileSync(join(folder, "node_modules/cachelet/dist/wasm/cachelet.wasm")) },
    ],
    modulesRoot: "/",
    ...options,
  });
  const url = String(await miniflare.ready).replace(/\/$/, "");
  return { url, stop: () => miniflare.dispose() };
}

const inObject = () =>
  startWorker(
    `import { open } from "cachelet";
     import { restHandler, upgradeWebSocket } from "cachelet/http";
     export class Cache {
       constructor(state, env) {
         this.db = open();
         this.rest = restHandler(() => this.db, { token: env.TOKEN });
         this.token = env.TOKEN;
       }
       async fetch(request) {
         if (request.headers.get("upgrade")) return upgradeWebSocket(request, await this.db, { token: this.token });
         return this.rest(request);
       }
     }
     export default { fetch: (request, env) => env.CACHE.get(env.CACHE.idFromName("one")).fetch(request) };`,
    { durableObjects: { CACHE: "Cache" } },
  );

suite("@upstash/redis and a Durable Object in workerd", inObject);

suite(
  "@upstash/redis and a Worker in workerd",
  () =>
    startWorker(
      `import { open } from "cachelet";
       import { restHandler } from "cachelet/http";
       let token;
       const rest = restHandler(() => open(), { token: () => token });
       export default { fetch: (request, env) => ((token = env.TOKEN), rest(request)) };`,
    ),
  // What one request of a Worker waits for cannot come from another: subscriptions take a Durable Object.
  { subscribes: false },
);

describe("WebSocket to a Durable Object in workerd", () => {
  test("RESP both ways, and the end of it", async () => {
    const place = await inObject();
    const { port } = new URL(place.url);
    assert.equal((await Peer.open(port)).status, 401);
    const peer = await Peer.open(port, { path: `/?_token=${TOKEN}`, headers: { "Sec-WebSocket-Protocol": "resp" } });
    assert.equal(peer.status, 101);
    assert.match(peer.head, /^Sec-WebSocket-Protocol: resp/im);
    peer.send(frame(TEXT, "SET a grü"), frame(BINARY, "ezi\r\nGET a\r\n"));
    assert.equal(await peer.text(18), "+OK\r\n$7\r\ngrüezi\r\n");
    peer.send(frame(BINARY, "SUBSCRIBE room\r\n"));
    await peer.text("*3\r\n$9\r\nsubscribe\r\n$4\r\nroom\r\n:1\r\n".length);
    const redis = new Redis({ url: place.url, token: TOKEN, enableTelemetry: false });
    assert.equal(await redis.publish("room", "hello"), 1);
    const message = "*3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$5\r\nhello\r\n";
    assert.equal(await peer.text(message.length), message);
    peer.send(frame(BINARY, "QUIT\r\n"));
    assert.equal(await peer.text(5), "+OK\r\n");
    const { opcode, payload } = await peer.read();
    assert.deepEqual([opcode, payload.readUInt16BE(0)], [CLOSE, 1000]);
    peer.send(frame(CLOSE, payload));
    peer.socket.destroy();
    await place.stop();
  });
});
