// Cachelet's server as a process, and RESP spoken to it byte by byte.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { Decoder, encodeCommand } from "../../dist/resp.js";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const cli = `${root}dist/cli.js`;

/** A port that nobody listens on. */
export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts `cachelet serve`; resolves when it has printed its addresses. `before` stands before all options. `runner` is what runs the program: Node by default. */
export async function startServer({ args = [], before = [], runner = [process.execPath], env = {} } = {}) {
  const [port, httpPort] = [await freePort(), await freePort()];
  const [command, ...options] = runner;
  const child = spawn(command, [...options, cli, "serve", ...before, "--port", String(port), "--http-port", String(httpPort), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...env },
  });
  let output = "";
  const collect = (text) => (output += text);
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  const ended = once(child, "exit");
  while (!/^ {2}HTTP /m.test(output)) {
    const over = await Promise.race([ended.then(() => true), new Promise((go) => setTimeout(go, 20))]);
    if (over) throw new Error(`the server ended before it listened:\n${output}`);
  }
  return {
    port,
    httpPort,
    url: `http://127.0.0.1:${httpPort}`,
    pid: child.pid,
    child,
    output: () => output,
    /** Resident memory in bytes. */
    memory: () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]) * 1024,
    /** Open files, sockets included. */
    files: () => Number(/^FDSize:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))[1]),
    /** Ends it; resolves with its exit code. */
    stop: async (signal = "SIGTERM") => {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
}

/** A connection that speaks RESP: `send` bytes, `call` commands, `read` what comes. */
export class Raw {
  #bytes = Buffer.alloc(0);
  #decoder = new Decoder();
  #waiting = [];
  ended = false;

  static async open(port, host = "127.0.0.1") {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, "connect");
    return new Raw(socket);
  }

  constructor(socket) {
    this.socket = socket;
    this.closed = new Promise((done) => socket.on("close", done));
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      this.#serve();
    });
    socket.on("close", () => {
      this.ended = true;
      for (const { fail } of this.#waiting.splice(0)) fail(new Error("the connection was closed"));
    });
  }

  #serve() {
    while (this.#waiting.length > 0) {
      this.#decoder.reset(this.#bytes);
      const reply = this.#decoder.next();
      if (reply === undefined) return;
      this.#bytes = this.#bytes.subarray(this.#decoder.at);
      this.#waiting.shift().done(reply);
    }
  }

  /** The next reply or push. */
  read() {
    return new Promise((done, fail) => {
      if (this.ended) return fail(new Error("the connection was closed"));
      this.#waiting.push({ done, fail });
      this.#serve();
    });
  }

  send(bytes) {
    return this.socket.write(bytes);
  }

  call(...args) {
    this.send(encodeCommand(args));
    return this.read();
  }

  close() {
    this.socket.destroy();
    return this.closed;
  }
}
