// The two servers that are compared, each as a handful of connections that take requests and collect frames; null among
// the frames stands for the end of a connection.

import { FrameReader } from "./frames.mjs";
import { Connection } from "./player.mjs";

/** Our engine behind the very transport that a socket uses. */
export class Ours {
  #links = [];

  constructor(db) {
    this.db = db;
  }

  /** Closes what is open and opens `count` connections. */
  open(count) {
    for (const { session } of this.#links) session.close();
    this.#links = Array.from({ length: count }, () => {
      const [reader, frames] = [new FrameReader(), []];
      const write = (bytes) => {
        frames.push(...reader.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1")));
        return true;
      };
      return { frames, session: this.db.instance.connect({ write, close: () => frames.push(null) }) };
    });
  }

  send(index, text) {
    this.#links[index].session.receive(Buffer.from(text, "latin1"));
  }

  frames(index) {
    return this.#links[index].frames;
  }
}

/** A redis-server. */
export class Theirs {
  #links = [];
  #wake = () => {};

  constructor(port) {
    this.port = port;
  }

  /** Closes what is open and opens `count` connections. */
  async open(count) {
    this.close();
    this.#links = await Promise.all(Array.from({ length: count }, () => Connection.open(this.port)));
    for (const link of this.#links) link.onArrival = () => this.#wake();
  }

  send(index, text) {
    this.#links[index].send(text);
  }

  frames(index) {
    return this.#links[index].frames;
  }

  /** Waits until `done()`, for 3 s at most: what has not come by then is found missing. */
  async until(done) {
    if (done()) return;
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, 3000);
      this.#wake = () => {
        if (!done()) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = () => {};
  }

  /** The reply to a request that was sent aside; it is not among the frames. */
  async ask(index, text) {
    const frames = this.frames(index);
    const before = frames.length;
    this.send(index, text);
    await this.until(() => frames.length > before);
    return frames.splice(before)[0];
  }

  close() {
    for (const link of this.#links) void link.close();
  }
}
