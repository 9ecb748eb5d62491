// Node's server end of WebSockets, which it lacks: RFC 6455's handshake and framing, without extensions.
//
//   FIN RSV1-3 opcode(4) | MASK length(7) | [length 16 or 64] | masking key(32) | payload
//
// RESP is a stream of bytes, so what a frame carries is passed on as it arrives, whatever message it is part of:
// neither long frames nor long messages are ever held in memory.
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Socket } from "node:net";
import { type Hub, SocketTransport } from "./tcp-node.js";
import { refusedUpgrade, SUBPROTOCOL, type UpgradeOptions } from "./websocket.js";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const CONTINUATION = 0;
const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const PONG = 10;

/** Answers an upgrade request of an HTTP server and connects the client. */
export function acceptWebSocket(hub: Hub, request: IncomingMessage, stream: Duplex, head: Buffer, options: UpgradeOptions): void {
  const socket = stream as Socket;
  const header = (name: string) => {
    const value = request.headers[name];
    return value === undefined ? null : String(value);
  };
  const key = header("sec-websocket-key") ?? "";
  const refuse = (status: string, extra = "") => {
    socket.on("error", () => {});
    socket.end(`HTTP/1.1 ${status}\r\n${extra}Connection: close\r\nContent-Length: 0\r\n\r\n`);
  };
  if (request.method !== "GET" || header("upgrade")?.toLowerCase() !== "websocket" || !/^[A-Za-z0-9+/]{22}==$/.test(key)) return refuse("400 Bad Request");
  if (header("sec-websocket-version") !== "13") return refuse("426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n");
  let url: URL;
  try {
    url = new URL(request.url ?? "/", `http://${header("host") ?? "localhost"}`);
  } catch {
    return refuse("400 Bad Request");
  }
  const status = refusedUpgrade(header, url, options);
  if (status !== 0) return refuse(status === 401 ? "401 Unauthorized" : "403 Forbidden");

  const offered = (header("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  const accept = createHash("sha1").update(key + GUID).digest("base64");
  const protocol = offered.includes(SUBPROTOCOL) ? `Sec-WebSocket-Protocol: ${SUBPROTOCOL}\r\n` : "";
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`);
  // The HTTP server's own limit of idle time ends with its protocol.
  socket.setTimeout(0);
  socket.setNoDelay(true);
  const transport = new WebSocketTransport(hub, socket);
  hub.attach(transport);
  if (head.length > 0) socket.unshift(head);
}

/** A socket whose bytes are frames. */
class WebSocketTransport extends SocketTransport {
  // The frame that is being read: its header as far as it came, then what is left of its payload.
  #header = Buffer.alloc(14);
  #headerLength = 0;
  #left = 0;
  #inPayload = false;
  #opcode = 0;
  #mask = 0;
  #masked = 0;
  // The message that is being read; CONTINUATION when there is none.
  #message = CONTINUATION;
  #final = true;
  #text: TextDecoder | undefined;
  /** Payload of the control frame that is being read. */
  #control: number[] = [];
  #ended = false;

  protected override take(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#ended) {
      if (!this.#inPayload) {
        this.#header[this.#headerLength++] = bytes[at++]!;
        this.#readHeader();
        continue;
      }
      const part = bytes.subarray(at, at + Math.min(this.#left, bytes.length - at));
      at += part.length;
      this.#left -= part.length;
      this.#unmask(part);
      this.#pass(part);
      if (this.#left === 0) this.#endFrame();
    }
  }

  /** Reads the header when all of it is there. */
  #readHeader(): void {
    const header = this.#header;
    const length = this.#headerLength;
    if (length < 2) return;
    const first = header[0]!;
    const short = header[1]! & 0x7f;
    const opcode = first & 0x0f;
    const final = (first & 0x80) !== 0;
    if (length === 2) {
      if ((first & 0x70) !== 0) return this.#fail(1002, "reserved bits are set");
      if ((header[1]! & 0x80) === 0) return this.#fail(1002, "frames of a client must be masked");
      if (opcode >= CLOSE) {
        if (opcode > PONG) return this.#fail(1002, "unknown opcode");
        if (!final || short > 125) return this.#fail(1002, "control frames are short and whole");
      } else if (opcode > BINARY) {
        return this.#fail(1002, "unknown opcode");
      } else if ((opcode === CONTINUATION) === (this.#message === CONTINUATION)) {
        return this.#fail(1002, "a message begins within another, or goes on without one");
      }
    }
    const extended = short === 127 ? 8 : short === 126 ? 2 : 0;
    if (length < 2 + extended + 4) return;
    this.#left = extended === 0 ? short : extended === 2 ? header.readUInt16BE(2) : Number(header.readBigUInt64BE(2));
    if (this.#left > Number.MAX_SAFE_INTEGER) return this.#fail(1009, "frame too long");
    this.#mask = header.readUInt32LE(2 + extended);
    this.#masked = 0;
    this.#opcode = opcode;
    this.#headerLength = 0;
    this.#inPayload = true;
    if (opcode < CLOSE) {
      this.#final = final;
      if (opcode !== CONTINUATION) {
        this.#message = opcode;
        this.#text = opcode === TEXT ? new TextDecoder("utf-8", { fatal: true }) : undefined;
      }
    } else {
      this.#control = [];
    }
    if (this.#left === 0) this.#endFrame();
  }

  #unmask(part: Buffer): void {
    const mask = this.#mask;
    let turn = this.#masked;
    for (let i = 0; i < part.length; i++) {
      part[i]! ^= (mask >>> ((turn & 3) << 3)) & 0xff;
      turn++;
    }
    this.#masked = turn & 3;
  }

  #pass(part: Buffer): void {
    if (this.#opcode >= CLOSE) {
      this.#control.push(...part);
      return;
    }
    try {
      this.#text?.decode(part, { stream: true });
    } catch {
      return this.#fail(1007, "text must be UTF-8");
    }
    this.connection?.receive(part);
  }

  #endFrame(): void {
    this.#inPayload = false;
    if (this.#ended) return;
    if (this.#opcode < CLOSE) {
      if (!this.#final) return;
      this.#message = CONTINUATION;
      try {
        this.#text?.decode();
      } catch {
        this.#fail(1007, "text must be UTF-8");
      }
      return;
    }
    const payload = Buffer.from(this.#control);
    if (this.#opcode === PING) {
      // Who does not read gets no pongs piled up.
      if (!this.isBlocked) this.socket.write(frame(PONG, payload));
    } else if (this.#opcode === CLOSE) {
      this.#end(payload.length === 1 ? closing(1002, "") : payload);
    }
  }

  #fail(code: number, reason: string): void {
    this.#end(closing(code, reason));
  }

  /** Closes from within: with the peer's own close frame, or with what it did wrong. */
  #end(payload: Buffer): void {
    if (this.#ended) return;
    this.#ended = true;
    const { connection } = this;
    this.connection = undefined;
    connection?.close();
    this.end(frame(CLOSE, payload));
  }

  protected override send(bytes: Uint8Array): boolean {
    return this.#ended || this.socket.write(frame(BINARY, bytes));
  }

  /** Closes at once, saying so as far as the peer takes it. */
  override destroy(): void {
    if (!this.#ended) this.socket.write(frame(CLOSE, closing(1001, "the server stops")));
    super.destroy();
  }

  override close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.connection = undefined;
    this.end(frame(CLOSE, closing(1000, "")));
  }
}

function closing(code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return payload;
}

/** A whole frame of a server, which masks nothing. */
function frame(opcode: number, payload: Uint8Array): Buffer {
  const { length } = payload;
  const start = length < 126 ? 2 : length < 65536 ? 4 : 10;
  const bytes = Buffer.allocUnsafe(start + length);
  bytes[0] = 0x80 | opcode;
  if (length < 126) {
    bytes[1] = length;
  } else if (length < 65536) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeBigUInt64BE(BigInt(length), 2);
  }
  bytes.set(payload, start);
  return bytes;
}
