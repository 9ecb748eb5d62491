// RESP over TCP in Node, and in what has its node:net.
import { createServer, type Server, type Socket } from "node:net";
import type { Connection, Instance, Transport } from "../instance.js";
import { Budget, FAREWELL, PATIENCE } from "./budget.js";
import type { Listener } from "./tcp.js";

/** After so long without traffic the system asks a peer whether it is still there, in milliseconds; Redis' default. */
const KEEP_ALIVE = 300_000;

/** Listens in Node. */
export async function listenOn(instance: Instance, host: string, port: number, lost: (error: unknown) => void): Promise<Listener> {
  const hub = new Hub(instance, lost);
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE }, (socket) => hub.attach(new SocketTransport(hub, socket)));
  const address = await bind(server, host, port);
  return {
    ...address,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        hub.destroy();
      }),
  };
}

/** Makes a server listen; resolves with the address it got. */
export async function bind(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen({ host, port, backlog: 511 }, () => {
      server.off("error", fail);
      done();
    });
  });
  const { address, port: got } = server.address() as { address: string; port: number };
  return { host: address, port: got };
}

/** The sockets of one listener. */
export class Hub {
  readonly open = new Set<SocketTransport>();
  readonly budget = new Budget();

  constructor(readonly instance: Instance, readonly lost: (error: unknown) => void) {}

  /** Connects a socket to the engine. */
  attach(transport: SocketTransport): void {
    try {
      transport.start();
    } catch (error) {
      transport.destroy();
      this.lost(error);
    }
  }

  /** Closes all sockets at once. */
  destroy(): void {
    for (const transport of this.open) transport.destroy();
  }
}

/** One socket: RESP both ways. Other protocols that carry RESP override how bytes are taken in, sent and ended. */
export class SocketTransport implements Transport {
  protected connection: Connection | undefined;
  #blocked = false;
  #held = 0;
  #farewell: ReturnType<typeof setTimeout> | undefined;

  constructor(protected readonly hub: Hub, protected readonly socket: Socket) {}

  /** Opens a session for the socket. */
  start(): void {
    const { socket } = this;
    this.connection = this.hub.instance.connect(this, {
      address: `${socket.remoteAddress}:${socket.remotePort}`,
      local: `${socket.localAddress}:${socket.localPort}`,
    });
    this.hub.open.add(this);
    socket.on("data", (bytes: Buffer) => this.#receive(bytes));
    socket.on("drain", () => this.#drained());
    // Sockets of an HTTP server stay half open otherwise.
    socket.on("end", () => socket.end());
    // Why a connection ended matters to nobody: "close" follows.
    socket.on("error", () => {});
    socket.on("timeout", () => socket.destroy());
    socket.on("close", () => this.#gone());
  }

  write(bytes: Uint8Array): boolean {
    if (this.socket.destroyed) return true;
    this.#blocked = !this.send(bytes);
    return !this.#blocked;
  }

  close(): void {
    this.connection = undefined;
    this.end();
  }

  /** Closes at once; what is not sent yet is dropped. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Whether the peer takes what is sent. */
  protected get isBlocked(): boolean {
    return this.#blocked;
  }

  /** Passes on what the socket brought. */
  protected take(bytes: Buffer): void {
    this.connection?.receive(bytes);
  }

  /** Sends the engine's bytes; false when the socket wants no more for now. */
  protected send(bytes: Uint8Array): boolean {
    return this.socket.write(bytes);
  }

  /**
   * Ends the socket once what was written is out. What still comes in is read and dropped: closing with unread bytes
   * resets the connection, and the peer would lose the last reply.
   */
  protected end(last?: Uint8Array): void {
    this.#farewell ??= setTimeout(() => this.socket.destroy(), FAREWELL);
    if (last) this.socket.end(last);
    else this.socket.end();
  }

  #receive(bytes: Buffer): void {
    try {
      this.take(bytes);
    } catch (error) {
      this.hub.lost(error);
      return;
    }
    if (!this.#blocked) return;
    const { budget } = this.hub;
    this.#held += bytes.length;
    budget.held += bytes.length;
    if (budget.isSpent) {
      this.socket.pause();
      this.socket.setTimeout(PATIENCE);
    }
  }

  #drained(): void {
    this.#blocked = false;
    this.#release();
    try {
      this.connection?.drained();
    } catch (error) {
      this.hub.lost(error);
    }
  }

  #release(): void {
    if (this.#held === 0) return;
    this.hub.budget.held -= this.#held;
    this.#held = 0;
    if (this.socket.destroyed) return;
    this.socket.setTimeout(0);
    this.socket.resume();
  }

  #gone(): void {
    clearTimeout(this.#farewell);
    this.hub.open.delete(this);
    this.#release();
    const { connection } = this;
    this.connection = undefined;
    try {
      connection?.close();
    } catch (error) {
      this.hub.lost(error);
    }
  }
}
