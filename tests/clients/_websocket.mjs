// A WebSocket client whose frames are made by hand.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";

/** The key of every handshake. */
export const KEY = randomBytes(16).toString("base64");

/** A frame of a client. */
export function frame(opcode, payload, { final = true, masked = true, reserved = 0 } = {}) {
  const body = Buffer.from(payload);
  const { length } = body;
  const short = length < 126 ? length : length < 65536 ? 126 : 127;
  const head = Buffer.alloc(2 + (short === 126 ? 2 : short === 127 ? 8 : 0));
  head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | short;
  if (short === 126) head.writeUInt16BE(length, 2);
  if (short === 127) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  const mask = randomBytes(4);
  for (let i = 0; i < length; i++) body[i] ^= mask[i & 3];
  return Buffer.concat([head, mask, body]);
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** A client that can do wrong. */
export class Peer {
  #bytes = Buffer.alloc(0);
  #wake = () => {};

  /** Sends a handshake; `status` is what came back. */
  static async open(port, { headers = {}, path = "/", method = "GET" } = {}) {
    const peer = new Peer();
    peer.socket = connect(port, "127.0.0.1");
    peer.closed = once(peer.socket, "close");
    peer.socket.on("error", () => {}).on("data", (bytes) => {
      peer.#bytes = Buffer.concat([peer.#bytes, bytes]);
      peer.#wake();
    });
    peer.socket.on("close", () => peer.#wake());
    await once(peer.socket, "connect");
    const all = { Host: `127.0.0.1:${port}`, Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Key": KEY, "Sec-WebSocket-Version": "13", ...headers };
    const lines = Object.entries(all).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${value}\r\n`);
    peer.socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`);
    const end = await peer.#until(() => peer.#bytes.indexOf("\r\n\r\n"), (at) => at >= 0);
    peer.head = peer.#bytes.toString("latin1", 0, end);
    peer.status = Number(peer.head.split(" ")[1]);
    peer.#bytes = peer.#bytes.subarray(end + 4);
    return peer;
  }

  async #until(look, holds) {
    for (;;) {
      const found = look();
      if (holds(found)) return found;
      if (this.socket.closed) throw new Error("the connection was closed");
      await new Promise((go) => (this.#wake = go));
    }
  }

  send(...frames) {
    this.socket.write(Buffer.concat(frames));
  }

  /** The next frame. */
  async read() {
    const need = async (length) => {
      await this.#until(() => this.#bytes.length, (have) => have >= length);
    };
    await need(2);
    assert.equal(this.#bytes[1] & 0x80, 0, "a server masks nothing");
    assert.equal(this.#bytes[0] & 0xf0, 0x80, "a server's frames are whole");
    let length = this.#bytes[1] & 0x7f;
    let start = 2;
    if (length === 126) {
      await need((start = 4));
      length = this.#bytes.readUInt16BE(2);
    } else if (length === 127) {
      await need((start = 10));
      length = Number(this.#bytes.readBigUInt64BE(2));
    }
    await need(start + length);
    const found = { opcode: this.#bytes[0] & 0x0f, payload: this.#bytes.subarray(start, start + length) };
    this.#bytes = this.#bytes.subarray(start + length);
    return found;
  }

  /** Payloads joined until they have `length` bytes. */
  async bytes(length) {
    let all = Buffer.alloc(0);
    while (all.length < length) {
      const { opcode, payload } = await this.read();
      assert.equal(opcode, BINARY);
      all = Buffer.concat([all, payload]);
    }
    return all;
  }

  async text(length) {
    return (await this.bytes(length)).toString();
  }

  async closing() {
    const { opcode, payload } = await this.read();
    assert.equal(opcode, CLOSE);
    await this.closed;
    return payload.length >= 2 ? payload.readUInt16BE(0) : undefined;
  }
}
