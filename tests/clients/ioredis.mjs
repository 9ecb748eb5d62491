// ioredis 5 and 6 against the real server process: the scenario, and what only this client does.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Redis as Redis5 } from "ioredis";
import { Redis as Redis6 } from "ioredis6";
import { parts } from "../scenario/scenario.mjs";
import { startServer } from "./_server.mjs";

/** The scenario's door over an ioredis client. */
function door(Redis, options) {
  const client = new Redis(options);
  return {
    client,
    call: (...argv) => client.call(...argv),
    async multi(commands) {
      const results = await client.multi(commands.map(([name, ...args]) => ["call", name, ...args])).exec();
      return results && results.map(([error, reply]) => {
        if (error) throw error;
        return reply;
      });
    },
    session: async () => door(Redis, options),
    async subscribe(channel, heard) {
      const listener = new Redis(options);
      listener.on("message", (_, message) => heard(message));
      await listener.subscribe(channel);
      return () => listener.quit();
    },
    close: () => client.quit(),
  };
}

const deno = process.env.CACHELET_DENO ?? "node_modules/.bin/deno";

for (const [name, Redis, runner] of [["ioredis 5", Redis5], ["ioredis 6", Redis6], ["ioredis 6 and a server in Deno", Redis6, [deno, "run", "-A"]]]) {
  describe(name, () => {
    let server;
    let through;
    before(async () => {
      server = await startServer({ args: ["--requirepass", "secret"], ...(runner ? { runner } : {}) });
      through = door(Redis, { port: server.port, password: "secret", lazyConnect: false });
    });
    after(async () => {
      await through.close();
      assert.equal(await server.stop(), 0);
    });

    for (const [part, run] of Object.entries(parts)) test(`scenario: ${part}`, () => run(through, (key) => `${name}:${key}`));

    test("a pipeline of ten thousand commands", async () => {
      const pipeline = through.client.pipeline();
      for (let i = 0; i < 10_000; i++) pipeline.set(`pipe:${i}`, i).get(`pipe:${i}`);
      const results = await pipeline.exec();
      assert.equal(results.length, 20_000);
      results.forEach(([error, reply], i) => assert.deepEqual([error, reply], [null, i % 2 ? String(i >> 1) : "OK"]));
    });

    test("binary values, large ones, and errors as errors", async () => {
      const value = Buffer.alloc(3_000_000, Buffer.from([0, 255, 13, 10]));
      await through.client.set("binary", value);
      assert.ok((await through.client.getBuffer("binary")).equals(value));
      await assert.rejects(through.client.lpush("binary", "x"), { message: /^WRONGTYPE / });
    });

    test("a wrong password is told, and the connection goes on", async () => {
      const client = new Redis({ port: server.port, password: "wrong", retryStrategy: null, lazyConnect: true });
      client.on("error", () => {});
      await assert.rejects(client.connect().then(() => client.get("a")));
      client.disconnect();
    });

    test("scan streams see every key", async () => {
      for (let i = 0; i < 300; i++) await through.client.sadd("members", `m${i}`);
      const seen = new Set();
      for await (const page of through.client.sscanStream("members", { count: 20 })) for (const member of page) seen.add(member);
      assert.equal(seen.size, 300);
    });

    test("auto-pipelining, key prefixes, and readiness by INFO", async () => {
      const client = new Redis({ port: server.port, password: "secret", enableAutoPipelining: true, keyPrefix: "p:" });
      await Promise.all(Array.from({ length: 500 }, (_, i) => client.set(String(i), i)));
      assert.equal(await through.client.get("p:499"), "499");
      await client.quit();
    });
  });
}
