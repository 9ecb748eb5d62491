// RESP over WebSocket against the real server process, in Node and in Deno: the handshake, framing cut every way, and
// what a peer may not do. The frames are made by hand here; Deno's own WebSocket client is the second opinion.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { startServer } from "./_server.mjs";
import { BINARY, CLOSE, frame, KEY, Peer, PING, PONG, TEXT } from "./_websocket.mjs";

const deno = process.env.CACHELET_DENO ?? "node_modules/.bin/deno";
describe("WebSocket in Node", () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(async () => assert.equal(await server.stop(), 0));
  const open = (options) => Peer.open(server.httpPort, options);

  test("the handshake", async () => {
    const peer = await open({ path: "/resp?x=1", headers: { "Sec-WebSocket-Protocol": "other, resp" } });
    assert.equal(peer.status, 101);
    const accept = createHash("sha1").update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    assert.match(peer.head, new RegExp(`^Sec-WebSocket-Accept: ${accept.replace(/[+/=]/g, "\\$&")}`, "im"));
    assert.match(peer.head, /^Sec-WebSocket-Protocol: resp/im);
    peer.socket.destroy();
  });

  test("handshakes that are refused", async () => {
    assert.equal((await open({ headers: { "Sec-WebSocket-Version": "8" } })).status, 426);
    assert.equal((await open({ headers: { "Sec-WebSocket-Key": "short" } })).status, 400);
    assert.equal((await open({ headers: { Upgrade: "h2c" } })).status, 400);
    assert.equal((await open({ headers: { Origin: "https://example.com" } })).status, 403);
    assert.equal((await open({ headers: { Origin: "null" } })).status, 403);
    assert.equal((await open({ headers: { Host: "rebound.example.com" } })).status, 403);
    assert.equal((await open({ headers: { Origin: `http://127.0.0.1:${server.httpPort}` } })).status, 101);
  });

  test("commands in binary and text frames, several in one and one in several", async () => {
    const peer = await open();
    peer.send(frame(BINARY, "SET a 1\r\nGET a\r\n"));
    assert.equal(await peer.text(12), "+OK\r\n$1\r\n1\r\n");
    peer.send(frame(TEXT, "SET a gr", { final: false }), frame(PING, "still there?"), frame(0, "üezi\r\nGE", { final: false }), frame(0, "T a\r\n"));
    const pong = await peer.read();
    assert.deepEqual([pong.opcode, pong.payload.toString()], [PONG, "still there?"]);
    assert.equal(await peer.text(5 + 13), "+OK\r\n$7\r\ngrüezi\r\n");
    peer.send(frame(BINARY, ""), frame(PONG, "unasked"), frame(BINARY, "PING\r\n"));
    assert.equal(await peer.text(7), "+PONG\r\n");
    peer.socket.destroy();
  });

  test("frames that arrive byte by byte, and a character of UTF-8 cut in two", async () => {
    const peer = await open();
    const euro = Buffer.from("€");
    const bytes = Buffer.concat([frame(TEXT, Buffer.concat([Buffer.from("SET e "), euro.subarray(0, 1)]), { final: false }), frame(0, Buffer.concat([euro.subarray(1), Buffer.from("\r\nGET e\r\n")]))]);
    for (const byte of bytes) {
      peer.socket.write(Buffer.of(byte));
      await new Promise((go) => setImmediate(go));
    }
    assert.equal(await peer.text(14), "+OK\r\n$3\r\n€\r\n");
    peer.socket.destroy();
  });

  test("long frames both ways, of all three lengths", async () => {
    const peer = await open();
    for (const size of [1, 125, 126, 127, 65_535, 65_536, 5_000_000]) {
      const value = "v".repeat(size);
      peer.send(frame(BINARY, `*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$${size}\r\n${value}\r\n*2\r\n$3\r\nGET\r\n$1\r\nl\r\n`));
      const expected = `+OK\r\n$${size}\r\n${value}\r\n`;
      assert.ok((await peer.text(expected.length)) === expected, `${size} bytes`);
    }
    peer.socket.destroy();
  });

  test("closing from either side", async () => {
    const leaving = await open();
    leaving.send(frame(CLOSE, Buffer.from([0x0f, 0xa0])));
    assert.equal(await leaving.closing(), 4000);
    const quitting = await open();
    quitting.send(frame(BINARY, "QUIT\r\n"));
    assert.equal(await quitting.text(5), "+OK\r\n");
    assert.equal(await quitting.closing(), 1000);
    const wrong = await open();
    wrong.send(frame(BINARY, "*1\r\n+oops\r\n"));
    assert.match((await wrong.read()).payload.toString(), /^-ERR Protocol error/);
    assert.equal(await wrong.closing(), 1000);
  });

  for (const [what, bytes, code] of [
    ["an unmasked frame", frame(BINARY, "PING\r\n", { masked: false }), 1002],
    ["reserved bits", frame(BINARY, "PING\r\n", { reserved: 4 }), 1002],
    ["an unknown opcode", frame(3, "x"), 1002],
    ["an unknown control opcode", frame(11, "x"), 1002],
    ["a continuation of nothing", frame(0, "x"), 1002],
    ["a message within a message", Buffer.concat([frame(BINARY, "x", { final: false }), frame(BINARY, "y")]), 1002],
    ["a control frame in parts", frame(PING, "x", { final: false }), 1002],
    ["a long control frame", frame(PING, "x".repeat(126)), 1002],
    ["a close frame of one byte", frame(CLOSE, "x"), 1002],
    ["text that is not UTF-8", frame(TEXT, Buffer.from([0xff, 0xfe])), 1007],
    ["text that ends within a character", frame(TEXT, Buffer.from("€").subarray(0, 2)), 1007],
    ["a frame of 2^63 bytes", Buffer.from([0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]), 1009],
  ]) {
    test(`${what} is refused with ${code}`, async () => {
      const peer = await open();
      peer.send(bytes);
      assert.equal(await peer.closing(), code);
    });
  }

  test("pushes arrive unasked", async () => {
    const [listener, speaker] = [await open(), await open()];
    listener.send(frame(BINARY, "SUBSCRIBE news\r\n"));
    await listener.text("*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n".length);
    speaker.send(frame(BINARY, "PUBLISH news hello\r\n"));
    assert.equal(await speaker.text(4), ":1\r\n");
    assert.match(await listener.text(10), /message/);
    listener.socket.destroy();
    speaker.socket.destroy();
  });

  test("a peer that never reads is held back, and pings of it pile up nothing", async () => {
    const deaf = await open();
    deaf.send(frame(BINARY, `*3\r\n$3\r\nSET\r\n$1\r\nl\r\n$1000000\r\n${"v".repeat(1_000_000)}\r\n`));
    await deaf.text(5);
    deaf.socket.pause();
    const before = server.memory();
    for (let i = 0; i < 200; i++) deaf.socket.write(Buffer.concat([frame(BINARY, "GET l\r\n"), frame(PING, "?".repeat(125))]));
    const peer = await open();
    peer.send(frame(BINARY, "PING\r\n"));
    assert.equal(await peer.text(7), "+PONG\r\n");
    assert.ok(server.memory() - before < 100e6);
    deaf.socket.destroy();
    peer.socket.destroy();
  });
});

describe("who may open a WebSocket", () => {
  test("with a password: anybody, and AUTH as over TCP", async () => {
    const server = await startServer({ args: ["--requirepass", "secret"] });
    const peer = await Peer.open(server.httpPort, { headers: { Origin: "https://example.com" } });
    peer.send(frame(BINARY, "PING\r\n"));
    assert.match((await peer.read()).payload.toString(), /^-NOAUTH/);
    peer.send(frame(BINARY, "AUTH secret\r\nPING\r\n"));
    assert.equal(await peer.text(12), "+OK\r\n+PONG\r\n");
    peer.socket.destroy();
    await server.stop();
  });

  test("with a token and no password: who has the token", async () => {
    const server = await startServer({ args: ["--http-token", "word"] });
    assert.equal((await Peer.open(server.httpPort)).status, 401);
    assert.equal((await Peer.open(server.httpPort, { path: "/?_token=wrong" })).status, 401);
    assert.equal((await Peer.open(server.httpPort, { path: "/?_token=word" })).status, 101);
    assert.equal((await Peer.open(server.httpPort, { headers: { Authorization: "Bearer word" } })).status, 101);
    await server.stop();
  });
});

/** Runs in Deno: commands through its WebSocket client against the server at a URL. */
const program = `
const socket = new WebSocket(Deno.args[0], ["resp"]);
socket.binaryType = "arraybuffer";
let text = "";
socket.onopen = () => {
  socket.send("*3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\nd\\r\\n$100000\\r\\n" + "x".repeat(100000) + "\\r\\n");
  socket.send(new TextEncoder().encode("STRLEN d\\r\\nQUIT\\r\\n"));
};
socket.onmessage = ({ data }) => (text += new TextDecoder().decode(data));
socket.onclose = ({ code }) => {
  console.log(JSON.stringify([code, socket.protocol, text]));
  Deno.exit(0);
};`;

describe("WebSocket seen from Deno", () => {
  for (const [where, runner] of [["Node", [process.execPath]], ["Deno", [deno, "run", "-A"]]]) {
    test(`its client, and a server in ${where}`, async () => {
      const server = await startServer({ runner });
      const output = execFileSync(deno, ["run", "-A", "-", `ws://127.0.0.1:${server.httpPort}/`], { input: program, encoding: "utf8" });
      const [code, protocol, text] = JSON.parse(output);
      assert.deepEqual([code, protocol, text], [1000, "resp", "+OK\r\n:100000\r\n+OK\r\n"]);
      await server.stop();
    });
  }
});
