// node-redis against the real server process, in both protocols: the scenario, and what only this client does.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createClient } from "redis";
import { parts } from "../scenario/scenario.mjs";
import { startServer } from "./_server.mjs";

/** The scenario's door over a node-redis client. */
async function door(options) {
  const client = createClient(options);
  client.on("error", () => {});
  await client.connect();
  return {
    client,
    call: (...argv) => client.sendCommand(argv.map(String)),
    async multi(commands) {
      const multi = client.multi();
      for (const command of commands) multi.addCommand(command.map(String));
      try {
        return await multi.exec();
      } catch (error) {
        if (error.name === "WatchError" || error.constructor.name === "WatchError") return null;
        throw error;
      }
    },
    session: () => door(options),
    async subscribe(channel, heard) {
      const listener = createClient(options);
      await listener.connect();
      await listener.subscribe(channel, heard);
      return () => listener.close();
    },
    close: () => client.close(),
  };
}

for (const RESP of [2, 3]) {
  describe(`node-redis, RESP${RESP}`, () => {
    let server;
    let through;
    before(async () => {
      server = await startServer();
      through = await door({ url: `redis://127.0.0.1:${server.port}`, RESP });
    });
    after(async () => {
      await through.close();
      assert.equal(await server.stop(), 0);
    });

    for (const [part, run] of Object.entries(parts)) test(`scenario: ${part}`, () => run(through, (key) => `resp${RESP}:${key}`));

    test("typed replies", async () => {
      const { client } = through;
      await client.hSet("h", { a: "1", b: "2" });
      assert.deepEqual({ ...(await client.hGetAll("h")) }, { a: "1", b: "2" });
      await client.zAdd("z", [{ score: 1.5, value: "a" }, { score: 2, value: "b" }]);
      assert.deepEqual(await client.zRangeWithScores("z", 0, -1), [{ value: "a", score: 1.5 }, { value: "b", score: 2 }]);
      assert.equal(await client.zScore("z", "a"), 1.5);
      assert.deepEqual((await client.configGet("port")).port, String(server.port));
    });

    test("scan iterators see every key", async () => {
      const { client } = through;
      await client.mSet(Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`it:${i}`, String(i)])));
      const seen = new Set();
      for await (const keys of client.scanIterator({ MATCH: "it:*", COUNT: 50 })) for (const key of [keys].flat()) seen.add(key);
      assert.equal(seen.size, 500);
    });

    test("a reconnecting client goes on after CLIENT KILL", async () => {
      const client = createClient({ url: `redis://127.0.0.1:${server.port}`, RESP });
      client.on("error", () => {});
      await client.connect();
      const id = await client.clientId();
      await through.call("CLIENT", "KILL", "ID", String(id));
      for (;;) {
        try {
          if ((await client.clientId()) !== id) break;
        } catch {
          // In between.
        }
        await new Promise((go) => setTimeout(go, 20));
      }
      await client.close();
    });
  });
}
