// The two servers that are compared, each as a handful of connections that take requests and collect replies.

import net from "node:net";
import { once } from "node:events";
import { frameAt } from "./frames.mjs";

/** A request on the wire. */
export function encode(argv) {
  let out = `*${argv.length}\r\n`;
  for (const arg of argv) out += `$${arg.length}\r\n${arg}\r\n`;
  return out;
}

class Frames {
  list = [];
  #rest = "";

  take(text) {
    this.#rest = this.#rest === "" ? text : this.#rest + text;
    let at = 0;
    for (let frame; (frame = frameAt(this.#rest, at)); at = frame.end) this.list.push(frame.text);
    this.#rest = this.#rest.slice(at);
  }
}

/** Our engine behind the very transport that a socket uses. */
export class Ours {
  constructor(db) {
    this.db = db;
    this.links = [];
  }

  open(count) {
    for (const link of this.links) link.session.close();
    this.links = Array.from({ length: count }, () => {
      const frames = new Frames();
      const link = { frames, session: null };
      link.session = this.db.instance.connect({
        write: (bytes) => {
          frames.take(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1"));
          return true;
        },
        close: () => frames.list.push(null),
      });
      return link;
    });
  }

  send(index, text) {
    this.links[index].session.receive(Buffer.from(text, "latin1"));
  }

  frames(index) {
    return this.links[index].frames.list;
  }
}

/** A redis-server. */
export class Theirs {
  constructor(port) {
    this.port = port;
    this.links = [];
    this.wake = null;
  }

  async open(count) {
    for (const link of this.links) link.socket.destroy();
    this.links = await Promise.all(Array.from({ length: count }, async () => {
      const frames = new Frames();
      const socket = net.connect({ port: this.port, host: "127.0.0.1", noDelay: true });
      await once(socket, "connect");
      socket.on("data", (bytes) => {
        frames.take(bytes.toString("latin1"));
        this.wake?.();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        frames.list.push(null);
        this.wake?.();
      });
      return { socket, frames };
    }));
  }

  send(index, text) {
    this.links[index].socket.write(Buffer.from(text, "latin1"));
  }

  frames(index) {
    return this.links[index].frames.list;
  }

  /** Waits until `done()` or for `limit` ms; whether it is done. */
  async until(done, limit = 3000) {
    if (done()) return true;
    return await new Promise((resolve) => {
      const timer = setTimeout(() => finish(false), limit);
      const finish = (value) => {
        clearTimeout(timer);
        this.wake = null;
        resolve(value);
      };
      this.wake = () => done() && finish(true);
    });
  }

  close() {
    for (const link of this.links) link.socket.destroy();
  }
}
