// Plays the sending side of a transcript against a server and collects, step by step, every frame that came.
//
// A step is over when the server has nothing more to say about it. Instead of waiting "long enough", a control
// connection pings three times: a single-threaded server has then read what was sent before, run it, and written
// out what it caused on every connection. Only a server that pauses its clients needs the time limit.

import net from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { FrameReader } from "./frames.mjs";
import { bytesOf, encode } from "./transcript.mjs";

const BARRIER_LIMIT_MS = 60;

/** A socket that counts frames. `frames` holds what came since it was last taken; null stands for the end. */
export class Connection {
  frames = [];
  /** Called when frames have come, or the end. */
  onArrival = () => {};
  #reader = new FrameReader();
  #waiting = null;

  static async open(port, host = "127.0.0.1") {
    const connection = new Connection();
    connection.socket = net.connect({ port, host, noDelay: true });
    await once(connection.socket, "connect");
    connection.socket.on("data", (bytes) => connection.#arrived(...connection.#reader.read(bytes.toString("latin1"))));
    connection.socket.on("error", () => {});
    connection.socket.on("close", () => {
      connection.closed = true;
      connection.#arrived(null);
    });
    return connection;
  }

  #arrived(...frames) {
    this.frames.push(...frames);
    this.#waiting?.();
    this.onArrival();
  }

  send(bytes) {
    if (!this.closed) this.socket.write(Buffer.from(bytes, "latin1"));
  }

  take() {
    return this.frames.splice(0);
  }

  /** True when a frame is there within `ms`. */
  async arrival(ms) {
    if (this.frames.length > 0) return true;
    let timer;
    await new Promise((resolve) => {
      this.#waiting = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
    this.#waiting = null;
    return this.frames.length > 0;
  }

  async close() {
    if (this.closed) return;
    const closed = once(this.socket, "close");
    this.socket.destroy();
    await closed;
  }
}

/** Plays sections against one server. */
export class Player {
  #control = null;
  #owed = 0;

  constructor(port, host) {
    this.port = port;
    this.host = host;
  }

  async #ping(limit) {
    if (!this.#control || this.#control.closed) {
      this.#control = await Connection.open(this.port, this.host);
      this.#owed = 0;
    }
    const control = this.#control;
    control.send(encode(["PING"]));
    this.#owed++;
    const until = Date.now() + limit;
    while (this.#owed > 0) {
      const left = until - Date.now();
      if (left <= 0 || !(await control.arrival(left)) || control.closed) return;
      this.#owed -= control.take().length;
    }
  }

  async barrier(rounds = 3, limit = BARRIER_LIMIT_MS) {
    for (let i = 0; i < rounds; i++) await this.#ping(limit);
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** One request on the control connection; its reply. */
  async ask(...argv) {
    await this.barrier(1, 5000);
    this.#control.send(encode(argv));
    await this.#control.arrival(5000);
    return this.#control.take()[0];
  }

  /** Plays a section on an emptied server. `seen(step, Map of connection name to frames)` is called after each step. */
  async play(section, seen) {
    await this.ask("FLUSHALL");
    const connections = new Map();
    const saved = new Map();
    const connect = async (who) => {
      const connection = await Connection.open(this.port, this.host);
      connections.set(who, connection);
      if (section.resp === 3) {
        connection.send(encode(["HELLO", "3"]));
        await connection.arrival(5000);
        connection.take();
      }
      return connection;
    };
    for (const step of section.steps) {
      let sent = 0;
      if (step.kind === "clock") await sleep(step.ms);
      else if (step.kind === "open") await connect(step.who);
      else if (step.kind === "close") {
        await connections.get(step.who)?.close();
        connections.delete(step.who);
      } else {
        const connection = connections.get(step.who) ?? (await connect(step.who));
        const bytes = bytesOf(step, saved);
        sent = bytes.length;
        connection.send(bytes);
      }
      // A server reads 16 KB of a connection a turn.
      await this.barrier(3 + Math.ceil(sent / 16384));
      const frames = new Map();
      for (const [who, connection] of connections) {
        const came = connection.take();
        if (came.length > 0) frames.set(who, came);
      }
      for (const [who, came] of frames) {
        step.replies.filter((reply) => reply.who === who).forEach((reply, i) => {
          if (reply.rule === "save" && came[i]) saved.set(reply.want.trim(), came[i].body);
        });
      }
      seen(step, frames);
    }
    for (const connection of connections.values()) await connection.close();
    await this.barrier();
  }

  async close() {
    await this.#control?.close();
  }
}
