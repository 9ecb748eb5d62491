// RESP over TCP in Deno.
import type { Connection, Instance, Transport } from "../instance.js";
import { Budget, FAREWELL, PATIENCE } from "./budget.js";
import type { Listener } from "./tcp.js";

/** The parts of Deno that are used here. */
interface DenoConn {
  readonly remoteAddr: { hostname: string; port: number };
  readonly localAddr: { hostname: string; port: number };
  read(buffer: Uint8Array): Promise<number | null>;
  write(bytes: Uint8Array): Promise<number>;
  setNoDelay(on?: boolean): void;
  close(): void;
}
interface DenoListener {
  readonly addr: { hostname: string; port: number };
  accept(): Promise<DenoConn>;
  close(): void;
}
declare const Deno: { listen(options: { hostname: string; port: number }): DenoListener };

/** Listens in Deno. */
export async function listenOn(instance: Instance, host: string, port: number, lost: (error: unknown) => void): Promise<Listener> {
  const listener = Deno.listen({ hostname: host, port });
  const open = new Set<DenoTransport>();
  const budget = new Budget();
  let closing = false;
  const accepting = (async () => {
    while (!closing) {
      let conn: DenoConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (closing) return;
        // Out of file descriptors, or a client that left while it was accepted: the next one may do better.
        await new Promise((wake) => setTimeout(wake, 10));
        continue;
      }
      try {
        const transport = new DenoTransport(instance, conn, budget, lost);
        open.add(transport);
        void transport.run().finally(() => open.delete(transport));
      } catch (error) {
        conn.close();
        lost(error);
      }
    }
  })();
  return {
    host: listener.addr.hostname,
    port: listener.addr.port,
    close: async () => {
      closing = true;
      listener.close();
      for (const transport of open) transport.destroy();
      await accepting;
    },
  };
}

/** Bytes that wait to be written to one Deno socket before the engine is asked to hold the rest. */
const HIGH_WATER = 64 << 10;

/** One Deno socket: a loop that reads, and one that writes while there is something to write. */
class DenoTransport implements Transport {
  readonly #connection: Connection;
  #ended = false;
  #closed = false;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #writing = false;
  #blocked = false;
  #held = 0;
  #go: (() => void) | undefined;
  #farewell: ReturnType<typeof setTimeout> | undefined;

  constructor(instance: Instance, readonly conn: DenoConn, readonly budget: Budget, readonly lost: (error: unknown) => void) {
    conn.setNoDelay(true);
    const { remoteAddr: remote, localAddr: local } = conn;
    this.#connection = instance.connect(this, {
      address: `${remote.hostname}:${remote.port}`,
      local: `${local.hostname}:${local.port}`,
    });
  }

  /** Reads until either side closes. */
  async run(): Promise<void> {
    const buffer = new Uint8Array(64 << 10);
    try {
      while (!this.#ended) {
        const count = await this.conn.read(buffer);
        if (count === null || this.#ended) break;
        this.#attempt(() => this.#connection.receive(buffer.subarray(0, count)));
        if (this.#blocked) {
          this.#held += count;
          this.budget.held += count;
          if (this.budget.isSpent) await this.#pause();
        }
      }
    } catch {
      // The peer is gone.
    }
    if (!this.#ended) {
      this.#ended = true;
      this.#attempt(() => this.#connection.close());
      if (!this.#writing) this.destroy();
    }
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed) return true;
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    if (!this.#writing) void this.#send();
    this.#blocked = this.#queued > HIGH_WATER;
    return !this.#blocked;
  }

  async #send(): Promise<void> {
    this.#writing = true;
    try {
      for (let bytes = this.#queue.shift(); bytes; bytes = this.#queue.shift()) {
        for (let at = 0; at < bytes.length; ) at += await this.conn.write(at === 0 ? bytes : bytes.subarray(at));
        this.#queued -= bytes.length;
        if (this.#queue.length === 0 && this.#blocked) {
          this.#blocked = false;
          this.#release();
          if (!this.#ended) this.#attempt(() => this.#connection.drained());
        }
      }
      this.#writing = false;
      if (this.#ended) this.destroy();
    } catch {
      this.#writing = false;
      this.destroy();
    }
  }

  close(): void {
    this.#ended = true;
    if (this.#writing) this.#farewell = setTimeout(() => this.destroy(), FAREWELL);
    else this.destroy();
  }

  /** Closes at once; what is not sent yet is dropped. */
  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#farewell);
    this.#queue = [];
    this.#release();
    try {
      this.conn.close();
    } catch {
      // It closed itself.
    }
  }

  /** Waits until the socket takes bytes again; closes it when it does not in time. */
  async #pause(): Promise<void> {
    const timer = setTimeout(() => this.destroy(), PATIENCE);
    await new Promise<void>((go) => (this.#go = go));
    clearTimeout(timer);
  }

  #release(): void {
    this.budget.held -= this.#held;
    this.#held = 0;
    this.#go?.();
    this.#go = undefined;
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.lost(error);
    }
  }
}
