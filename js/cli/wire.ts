// A connection to a server that speaks RESP, replies with their types kept.
import { connect, type Socket } from "node:net";
import { encodeCommand } from "../resp.js";
import { type Node, NodeReader } from "./print.js";

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
    socket.on("close", () => this.#end(new Error("the server closed the connection")));
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
