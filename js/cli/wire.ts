// A connection to a server that speaks RESP, replies with their types kept.
import { connect, type Socket } from "node:net";
import { encodeCommand } from "../resp.js";
import { type Node, NodeReader } from "./print.js";

/** Commands as RESP in one piece; texts in them are ASCII. Far quicker than each for itself, and than the system is with many pieces. */
function encodeAll(commands: readonly (string | Uint8Array)[][]): Buffer {
  // No header is longer than a mark, ten digits and two ends of lines.
  const header = 15;
  const bytes = Buffer.allocUnsafe(commands.reduce((sum, args) => args.reduce((part, { length }) => part + header + length, sum + header), 0));
  let at = 0;
  for (const args of commands) {
    at += bytes.write(`*${args.length}\r\n`, at, "latin1");
    for (const arg of args) {
      if (typeof arg === "string") at += bytes.write(`$${arg.length}\r\n${arg}\r\n`, at, "latin1");
      else {
        at += bytes.write(`$${arg.length}\r\n`, at, "latin1");
        bytes.set(arg, at);
        at += arg.length;
        at += bytes.write("\r\n", at, "latin1");
      }
    }
  }
  return bytes.subarray(0, at);
}

/** One connection. Commands are answered in turn; RESP3's pushes go to {@link Wire.onPush}. */
export class Wire {
  /** Told of pushes that answer no command. */
  onPush: (push: Node) => void = () => {};
  /** Told when the connection ends. */
  onEnd: () => void = () => {};
  #reader = new NodeReader();
  #waiting: { done: (reply: Node) => void; fail: (error: Error) => void }[] = [];
  #listener: ((reply: Node) => void) | undefined;
  #ended: Error | undefined;

  private constructor(readonly socket: Socket) {
    socket.on("data", (bytes) => this.#take(bytes));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(Object.assign(new Error("the server closed the connection"), { code: "ECONNRESET" })));
  }

  /** Connects; rejects when nobody listens. */
  static connect(host: string, port: number): Promise<Wire> {
    return new Promise((done, fail) => {
      const socket = connect({ host, port, noDelay: true });
      socket.once("error", fail);
      socket.once("connect", () => {
        socket.off("error", fail);
        done(new Wire(socket));
      });
    });
  }

  /** Whether the connection has ended. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends a command; its reply. */
  call(args: readonly (string | Uint8Array)[]): Promise<Node> {
    return new Promise((done, fail) => {
      if (this.#ended) return fail(this.#ended);
      this.#waiting.push({ done, fail });
      this.send(args);
    });
  }

  /** Sends commands together; their replies, each of which is told to `answered` when it comes. */
  callAll(commands: readonly (string | Uint8Array)[][], answered: (reply: Node, at: number) => void = () => {}): Promise<Node[]> {
    return new Promise((done, fail) => {
      if (this.#ended) return fail(this.#ended);
      const replies: Node[] = [];
      if (commands.length === 0) return done(replies);
      const take = (reply: Node) => {
        answered(reply, replies.length);
        if (replies.push(reply) === commands.length) done(replies);
      };
      for (let at = 0; at < commands.length; at++) this.#waiting.push({ done: take, fail });
      this.socket.write(encodeAll(commands));
    });
  }

  /** Sends a command whose replies go to {@link Wire.listen}. */
  send(args: readonly (string | Uint8Array)[]): void {
    this.socket.write(encodeCommand(args));
  }

  /** Sends bytes as they are; resolves when more are welcome. */
  async sendRaw(bytes: Uint8Array): Promise<void> {
    if (this.#ended) throw this.#ended;
    if (!this.socket.write(bytes)) {
      await new Promise<void>((go) => {
        const on = () => {
          this.socket.off("drain", on).off("close", on);
          go();
        };
        this.socket.on("drain", on).on("close", on);
      });
    }
  }

  /** Hands every reply and push from now on to `listener`; resolves when the connection ends. */
  listen(listener: (reply: Node) => void): Promise<void> {
    this.#listener = listener;
    return new Promise((done) => {
      const before = this.onEnd;
      this.onEnd = () => {
        before();
        done();
      };
      if (this.#ended) done();
    });
  }

  /** Ends the connection. */
  close(): void {
    this.socket.end();
    this.socket.destroySoon();
  }

  #take(bytes: Uint8Array): void {
    try {
      this.#reader.add(bytes);
      for (let reply = this.#reader.next(); reply; reply = this.#reader.next()) {
        if (this.#listener) this.#listener(reply);
        else if (reply.type === "push" || this.#waiting.length === 0) this.onPush(reply);
        else this.#waiting.shift()!.done(reply);
      }
    } catch (error) {
      this.socket.destroy(error as Error);
    }
  }

  #end(error: Error): void {
    if (this.#ended) return;
    this.#ended = error;
    for (const { fail } of this.#waiting.splice(0)) fail(error);
    this.onEnd();
  }
}
