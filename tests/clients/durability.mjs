// The server killed with SIGKILL at random moments, under load by real clients over several connections: each write that
// was acknowledged is there after the next start, whatever was being written: the log, a snapshot, a rewrite. Then how long
// a start takes. CACHELET_KILLS says how often each server is killed; CACHELET_MANY=1 starts on 1,000,000 keys as well.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { cli, freePort, Raw, startServer } from "./_server.mjs";

const KILLS = Number(process.env.CACHELET_KILLS ?? 4);
const deno = process.env.CACHELET_DENO ?? "node_modules/.bin/deno";
const root = mkdtempSync(join(tmpdir(), "cachelet-durability-"));
after(() => rmSync(root, { recursive: true, force: true }));

const dist = new URL("../../dist/", import.meta.url).href;

const valueOf = (index) => `${index}:${"v".repeat((index * 37) % 400)}`;

/** What clients were told of one database, over all its kills. */
class Account {
  /** When each string's SET was acknowledged, in the order of the writes of its connection: [connection][index]. */
  strings = [[], []];
  /** Counters: INCRs sent and acknowledged. */
  counters = [0, 1].map(() => ({ sent: 0, acknowledged: 0 }));
  /** Elements pushed. */
  list = { sent: 0, acknowledged: 0 };
  /** Transactions of two INCRs and an RPUSH. */
  transactions = { sent: 0, acknowledged: 0 };
  saves = 0;

  get acknowledged() {
    const counted = [...this.counters, this.list, this.transactions].reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    return counted + this.strings.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Writes until the connection breaks; `isOver` tells a kill from a failure. */
async function load(port, account, isOver, saving) {
  const clients = [];
  const io = () => {
    const client = new Redis({ port, retryStrategy: null, enableOfflineQueue: true, maxRetriesPerRequest: 0 });
    client.on("error", () => {});
    clients.push(() => client.disconnect());
    return client;
  };
  const node = async () => {
    const client = createClient({ socket: { port, reconnectStrategy: false } });
    client.on("error", () => {});
    clients.push(() => client.destroy());
    await client.connect();
    return client;
  };
  const until = async (work) => {
    try {
      for (;;) await work();
    } catch (error) {
      if (!isOver()) throw error;
    }
  };
  const incremented = async (counter, send) => {
    counter.sent++;
    const value = await send();
    counter.acknowledged++;
    assert.ok(value >= counter.acknowledged && value <= counter.sent, `answered ${value} to INCR ${counter.acknowledged} of ${counter.sent}`);
  };
  const ahead = (count, send) => Promise.all(Array.from({ length: count }, send));
  const parts = account.strings.map(async (acknowledged, connection) => {
    const client = io();
    await until(async () => {
      const first = acknowledged.length;
      // Each by itself: of a pipeline that breaks off, the beginning may be acknowledged.
      await ahead(25, (_, at) => client.set(`s:${connection}:${first + at}`, valueOf(first + at)).then(() => (acknowledged[first + at] = performance.now())));
    });
  });
  const first = io();
  parts.push(until(() => ahead(10, () => incremented(account.counters[0], () => first.incr("counter:0")))));
  parts.push(
    (async () => {
      const client = await node();
      await until(() => ahead(10, () => incremented(account.counters[1], () => client.incr("counter:1"))));
    })(),
  );
  parts.push(
    (async () => {
      const client = await node();
      await until(() =>
        ahead(5, async () => {
          await client.rPush("list", String(account.list.sent++));
          account.list.acknowledged++;
        }),
      );
    })(),
  );
  parts.push(
    (async () => {
      const client = await node();
      await until(async () => {
        const number = account.transactions.sent++;
        await client.multi().incr("transaction:a").rPush("transaction:l", String(number)).incr("transaction:b").exec();
        account.transactions.acknowledged++;
      });
    })(),
  );
  if (saving) {
    const client = io();
    parts.push(
      until(async () => {
        await client.call(account.saves++ % 2 ? "BGSAVE" : "BGREWRITEAOF").catch((error) => assert.ok(isOver() || /in progress|active/.test(error.message), error.message));
        await new Promise((wake) => setTimeout(wake, 15));
        if (isOver()) throw new Error("over");
      }),
    );
  }
  return { broken: Promise.all(parts), close: () => clients.forEach((close) => close()) };
}

/** Holds what is there against what was acknowledged, and goes on from it. `since`: writes acknowledged before must be there; how many after are not. */
async function check(port, account, since = Infinity) {
  const client = new Redis({ port });
  let lost = 0;
  try {
    for (const [connection, acknowledged] of account.strings.entries()) {
      for (let at = 0; at < acknowledged.length; at += 1000) {
        const some = Math.min(1000, acknowledged.length - at);
        const values = await client.mget(Array.from({ length: some }, (_, index) => `s:${connection}:${at + index}`));
        for (const [index, value] of values.entries()) {
          // Within a pipeline that broke off some have no reply: what is there must be whole all the same.
          if (value === null && acknowledged[at + index] !== undefined) {
            assert.ok(acknowledged[at + index] >= since, `s:${connection}:${at + index} was acknowledged and is gone`);
            // Told once.
            acknowledged[at + index] = undefined;
            lost++;
          } else if (value !== null) assert.equal(value, valueOf(at + index));
        }
      }
    }
    const within = (what, value, told) => {
      if (since === Infinity) assert.ok(value >= told.acknowledged, `${what}: ${value}, where ${told.acknowledged} were acknowledged`);
      else lost += Math.max(0, told.acknowledged - value);
      assert.ok(value <= told.sent, `${what}: ${value}, where ${told.sent} were sent`);
      told.sent = told.acknowledged = value;
    };
    for (const [index, counter] of account.counters.entries()) within(`counter ${index}`, Number(await client.get(`counter:${index}`)), counter);
    const list = await client.lrange("list", 0, -1);
    list.forEach((element, index) => assert.equal(element, String(index)));
    within("list", list.length, account.list);
    const [a, b, l] = await Promise.all([client.get("transaction:a"), client.get("transaction:b"), client.lrange("transaction:l", 0, -1)]);
    assert.deepEqual([Number(a), Number(b)], [l.length, l.length], "a transaction is whole");
    l.forEach((element, index) => assert.equal(element, String(index)));
    within("transactions", l.length, account.transactions);
  } finally {
    client.disconnect();
  }
  return lost;
}

for (const [name, runner, policy] of [
  ["Node", undefined, "always"],
  ["Deno", [deno, "run", "-A"], "always"],
  ["Node", undefined, "everysec"],
]) {
  describe(`a server in ${name}, appendfsync ${policy}`, () => {
    test(`killed ${KILLS} times under load`, async () => {
      const storage = mkdtempSync(join(root, "db-"));
      const account = new Account();
      const start = () => startServer({ args: ["--storage", storage, "--appendonly", "yes", "--appendfsync", policy, "--save", "1 1"], ...(runner ? { runner } : {}) });
      let server = await start();
      let lost = 0;
      for (let kill = 0; kill < KILLS; kill++) {
        let isOver = false;
        const { broken, close } = await load(server.port, account, () => isOver, kill % 2 === 1);
        const kept = setTimeout(() => {}, 60_000);
        await Promise.race([new Promise((wake) => setTimeout(wake, 100 + Math.random() * 600)), broken]);
        isOver = true;
        const at = performance.now();
        server.child.kill("SIGKILL");
        await once(server.child, "exit");
        await broken;
        clearTimeout(kept);
        close();
        server = await start();
        lost += await check(server.port, account, policy === "always" ? Infinity : at - 1000);
      }
      assert.ok(account.acknowledged > 100 * KILLS, `only ${account.acknowledged} writes`);
      assert.equal(await server.stop(), 0);
      server = await start();
      await check(server.port, account, policy === "always" ? Infinity : performance.now() - 1e9);
      assert.equal(await server.stop(), 0);
      console.log(`${name}, appendfsync ${policy}: ${KILLS} kills, ${account.acknowledged} acknowledged writes, ${account.saves} snapshots and rewrites asked for, ${lost} lost`);
    });
  });
}

describe("a program that ends without closing its database", () => {
  for (const [name, platform, command] of [["Node", "node", [process.execPath]], ["Deno", "deno", [deno, "run", "-A"]]]) {
    for (const [how, end] of [["at its end", ""], ["by exit", 'process.exit(0);'], ["by an error", 'throw new Error("on purpose");']]) {
      test(`${name}, ${how}: all is in the store`, () => {
        const storage = mkdtempSync(join(root, "exit-"));
        const program = (text) => {
          const path = join(root, `${platform}.mjs`);
          writeFileSync(
            path,
            `import process from "node:process";
import { open } from ${JSON.stringify(`${dist}platform/${platform}.js`)};
import { files } from ${JSON.stringify(`${dist}storage/files.js`)};
const listeners = process.listenerCount("exit");
const db = await open({ storage: files(${JSON.stringify(storage)}), config: { appendonly: "no" } });
${text}`,
          );
          return spawnSync(command[0], [...command.slice(1), path], { encoding: "utf8", timeout: 20_000 });
        };
        // One that was closed is not written again.
        const first = program(`const other = await open({ storage: files(${JSON.stringify(`${storage}/other`)}) });\nother.set("b", 1);\nawait other.close();\ndb.set("a", "kept");\n${end}`);
        if (how === "by an error") assert.match(first.stderr, /on purpose/);
        else assert.deepEqual([first.status, first.stderr], [0, ""]);
        assert.deepEqual(program("console.log(db.get('a'), process.listenerCount('exit') - listeners);").stdout, `kept ${platform === "node" ? 1 : 0}\n`);
      });
    }
  }
});

describe("a start", () => {
  /** Milliseconds from the start of the process to the first reply, and the keys it has. */
  const started = async (storage) => {
    const port = await freePort();
    const begun = performance.now();
    const child = spawn(process.execPath, [cli, "serve", "--port", String(port), "--http-port", "0", "--storage", storage], { stdio: ["ignore", "ignore", "inherit"] });
    const ended = once(child, "exit");
    let raw;
    while (!raw) raw = await Raw.open(port).catch(() => new Promise((wake) => setTimeout(wake, 2)));
    const keys = await raw.call("DBSIZE");
    const ms = performance.now() - begun;
    await raw.close();
    child.kill();
    await ended;
    return { ms, keys };
  };
  for (const count of [10_000, ...(process.env.CACHELET_MANY ? [1_000_000] : [])]) {
    test(`on ${count} keys`, async () => {
      const told = [`empty ${Math.round((await started(mkdtempSync(join(root, "empty-")))).ms)} ms`];
      for (const [kind, args] of [["log", ["--save", ""]], ["snapshot", ["--appendonly", "no", "--save", "3600 1"]]]) {
        const storage = mkdtempSync(join(root, "start-"));
        const server = await startServer({ args: ["--storage", storage, ...args] });
        const client = new Redis({ port: server.port });
        for (let at = 0; at < count; at += 10_000) {
          const pipeline = client.pipeline();
          for (let key = at; key < at + 10_000; key++) pipeline.set(`key:${key}`, `value:${key}`);
          await pipeline.exec();
        }
        client.disconnect();
        assert.equal(await server.stop(), 0);
        const { ms, keys } = await started(storage);
        assert.equal(keys, count);
        told.push(`${kind} ${Math.round(ms)} ms`);
        rmSync(storage, { recursive: true });
      }
      console.log(`from the start of the process to the first reply, ${count} keys: ${told.join(", ")}`);
    });
  }
});
