// Clients nobody wishes for. The server's memory stays bounded, everybody else is served, and it ends cleanly. No
// time is asserted.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { after, before, describe, test } from "node:test";
import { Raw, startServer } from "./_server.mjs";

const MB = 1 << 20;

const deno = process.env.CACHELET_DENO ?? "node_modules/.bin/deno";

for (const [where, runner] of [["Node", [process.execPath]], ["Deno", [deno, "run", "-A"]]]) describe(`hostile clients of a server in ${where}`, () => {
  let server;
  let good;
  /** Sessions while nobody but `good` is connected: its own, and the server's own client in the process. */
  let few;
  before(async () => {
    server = await startServer({ runner });
    good = await Raw.open(server.port);
    await good.call("SET", "a", "1");
    few = await sessions();
  });
  after(async () => {
    await good.close();
    assert.equal(await server.stop(), 0);
  });

  /** Everybody else is served: an old connection and a new one. */
  const isServed = async () => {
    assert.equal(await good.call("GET", "a"), "1");
    const fresh = await Raw.open(server.port);
    assert.equal(await fresh.call("PING"), "PONG");
    await fresh.close();
  };
  const sessions = async () => Number(/connected_clients:(\d+)/.exec(await good.call("INFO", "clients"))[1]);
  const until = async (what, holds) => {
    for (let tries = 0; tries < 500; tries++) {
      if (await holds()) return;
      await new Promise((go) => setTimeout(go, 20));
    }
    assert.fail(what);
  };

  test("ten thousand connections, opened and dropped", async () => {
    const before = server.memory();
    for (let batch = 0; batch < 40; batch++) {
      await Promise.all(
        Array.from({ length: 250 }, async (_, i) => {
          const socket = connect(server.port, "127.0.0.1");
          socket.on("error", () => {});
          await once(socket, "connect");
          // Some leave at once, some in the middle of a command, some in a transaction, some while they wait or listen.
          const words = ["", "*2\r\n$3\r\nGET\r\n$1", "MULTI\r\nGET a\r\n", "BLPOP nothing 0\r\n", "SUBSCRIBE x\r\n", "WATCH a\r\n"][i % 6];
          if (words) socket.write(words);
          if (i % 2) socket.destroy();
          else socket.resetAndDestroy();
          await once(socket, "close");
        }),
      );
    }
    // Some may still be on their way in when the first look finds nobody.
    await until("sessions are left", async () => (await sessions()) === few && (await good.call("PUBSUB", "NUMSUB", "x"))[1] === 0);
    await new Promise((go) => setTimeout(go, 200));
    assert.deepEqual([await sessions(), await good.call("PUBSUB", "NUMSUB", "x")], [few, ["x", 0]]);
    assert.match(await good.call("INFO", "clients"), /blocked_clients:0/);
    assert.ok(server.memory() - before < 150 * MB, `${server.memory() - before} bytes are left behind`);
    await isServed();
  });

  test("a value of 512 MB that is announced and never sent", async () => {
    const before = server.memory();
    const liars = await Promise.all(Array.from({ length: 50 }, () => Raw.open(server.port)));
    for (const liar of liars) liar.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\n" + "x".repeat(1000));
    await isServed();
    assert.ok(server.memory() - before < 50 * MB);
    await Promise.all(liars.map((liar) => liar.close()));
    const cheat = await Raw.open(server.port);
    cheat.send("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870913\r\n");
    assert.match((await cheat.read()).message, /^ERR Protocol error: invalid bulk length/);
    await cheat.closed;
  });

  test("a client that never reads", async () => {
    await good.call("SET", "large", "v".repeat(MB));
    const before = server.memory();
    const deaf = connect(server.port, "127.0.0.1");
    deaf.on("error", () => {});
    await once(deaf, "connect");
    deaf.pause();
    const request = "*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n".repeat(1000);
    for (let i = 0; i < 20 && deaf.write(request); i++);
    await isServed();
    await new Promise((go) => setTimeout(go, 300));
    assert.ok(server.memory() - before < 100 * MB, `${(server.memory() - before) / MB} MB are held`);
    await isServed();
    deaf.destroy();
    await until("its session is left", async () => (await sessions()) === few);
  });

  test("a client that never reads and never stops sending", async () => {
    const before = server.memory();
    const mad = connect(server.port, "127.0.0.1");
    mad.on("error", () => {});
    await once(mad, "connect");
    mad.pause();
    mad.write("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n".repeat(1000));
    const part = Buffer.from("*2\r\n$3\r\nGET\r\n$5\r\nlarge\r\n".repeat(50_000));
    let sent = 0;
    let held = false;
    while (!held && sent < 1000 * MB) {
      sent += part.length;
      if (mad.write(part)) continue;
      held = await Promise.race([once(mad, "drain").then(() => false), new Promise((go) => setTimeout(go, 2000, true))]);
    }
    assert.ok(held, "the server goes on taking");
    assert.ok(server.memory() - before < 1000 * MB, `${(server.memory() - before) / MB} MB are held`);
    await isServed();
    mad.destroy();
    await until("its session is left", async () => (await sessions()) === few);
    await isServed();
  });

  test("a subscriber that never reads is disconnected", async () => {
    const before = server.memory();
    const deaf = connect(server.port, "127.0.0.1");
    deaf.on("error", () => {});
    await once(deaf, "connect");
    deaf.pause();
    deaf.write("SUBSCRIBE news\r\n");
    await until("it listens", async () => (await good.call("PUBSUB", "NUMSUB", "news"))[1] === 1);
    const message = "m".repeat(100_000);
    let sent = 0;
    while ((await good.call("PUBLISH", "news", message)) === 1 && sent < 2000) sent++;
    assert.ok(sent < 2000, "the limit for subscribers holds");
    assert.ok(server.memory() - before < 200 * MB);
    deaf.destroy();
    await isServed();
  });

  test("a client that sends a whole pipeline before it reads", async () => {
    await good.call("SET", "medium", "v".repeat(10_000));
    const slow = connect(server.port, "127.0.0.1");
    await once(slow, "connect");
    slow.pause();
    // 50 MB of replies, far beyond all buffers in between: what is not run yet waits, and nothing is lost.
    slow.write("*2\r\n$3\r\nGET\r\n$6\r\nmedium\r\n".repeat(5000));
    await isServed();
    let length = 0;
    slow.on("data", (bytes) => (length += bytes.length)).resume();
    await until("all replies arrive", () => length === 5000 * (10_000 + "$10000\r\n\r\n".length));
    slow.destroy();
  });

  test("random bytes", async () => {
    let seed = 42;
    const random = () => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0) / 2 ** 32;
    for (let round = 0; round < 300; round++) {
      const mad = connect(server.port, "127.0.0.1");
      mad.on("error", () => {});
      await once(mad, "connect");
      const bytes = Buffer.from(Array.from({ length: 1 + Math.floor(random() * 3000) }, () => Math.floor(random() * 256)));
      if (round % 3 === 0) bytes.write("*3\r\n$");
      if (round % 3 === 1) bytes.write("*-1\r\n*2\r\n$1\r\n");
      mad.end(bytes);
      mad.resume();
      await once(mad, "close");
    }
    await isServed();
  });

  test("one byte at a time", async () => {
    const slow = await Raw.open(server.port);
    const command = "*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$5\r\nloris\r\n";
    for (const byte of command) {
      slow.send(byte);
      await new Promise((go) => setImmediate(go));
    }
    assert.equal(await slow.read(), "OK");
    assert.equal(await good.call("GET", "slow"), "loris");
    await slow.close();
  });

  test("an endless inline command, and one over the web's protocol", async () => {
    const endless = await Raw.open(server.port);
    endless.send("x".repeat(70_000));
    assert.match((await endless.read()).message, /too big inline request/);
    await endless.closed;
    const web = await Raw.open(server.port);
    web.send("POST / HTTP/1.1\r\nHost: localhost\r\n\r\nSET hacked 1\r\n");
    await web.closed;
    assert.equal(await good.call("GET", "hacked"), null);
  });

  test("half of a WebSocket and half of a request", async () => {
    const halves = [];
    for (let i = 0; i < 200; i++) {
      const half = connect(server.httpPort, "127.0.0.1");
      half.on("error", () => {});
      await once(half, "connect");
      half.write(i % 2 ? "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n[" : "GET / HTTP/1.1\r\nHost: localh");
      halves.push(half);
    }
    await isServed();
    for (const half of halves) half.destroy();
    await isServed();
  });

  test("a body that is longer than allowed", async () => {
    const answer = await fetch(server.url, { method: "POST", body: "x".repeat(11 * MB) }).catch((error) => error);
    // The server answers and closes without reading it all: which of both a client sees first is up to it.
    if (answer instanceof Response) assert.match((await answer.json()).error, /max request size exceeded/);
    await isServed();
  });
});
