// One database as the program holds it: the engine behind its door, the sessions on it, and the time it needs.
// Clients and servers are built on this; nothing here knows a platform.
import { Door, type Short, type EngineOptions, type Figures } from "./door.js";
import type { Copy, Reader } from "./copies.js";
import { ClosedError, EngineLostError } from "./errors.js";
import type { Persistence } from "./persistence.js";
import type { Arg, Reply } from "./resp.js";

/** Where a session's bytes go. */
export interface Transport {
  /** Takes bytes; false when it wants no more until {@link Connection.drained} is called. */
  write(bytes: Uint8Array): boolean;
  /** The engine ended the session: close once what was written is out. */
  close(): void;
}

/** A session whose client speaks RESP. */
export interface Connection {
  /** Hands in what the client sent. */
  receive(bytes: Uint8Array): void;
  /** The transport takes bytes again. */
  drained(): void;
  /** The session's number at the door, where that is in this program. */
  readonly id?: number;
  /** The client is gone. */
  close(): void;
}

/** How to reach a connection's client, for CLIENT LIST. */
export interface Peer {
  /** The client's address, `ip:port`. */
  address?: string;
  /** The address it connected to. */
  local?: string;
  /** A client in this program, which need not authenticate. */
  internal?: boolean;
  /** Its transport has found out by itself who it is: it may do everything, within the limits of a connection. */
  trusted?: boolean;
}

/** Most bytes written to a transport at once. */
const BLOCK = 256 << 10;

/** Between two rounds of housekeeping while commands run, in milliseconds. */
const ROUND = 100;

/** One engine with its sessions. */
export class Instance {
  readonly door: Door;
  /** Keeps it somewhere, where it was opened with storage. */
  persistence: Persistence | undefined;
  private connections = new Map<number, Session>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  private lastTick = 0;
  #draining = false;
  #closed = false;
  /** Arranges for a tick at a moment (ms since 1970) where the platform's timers are not what does that. */
  onSchedule: ((at: number) => void) | undefined;
  /** What SHUTDOWN does; the host of a server replaces it. */
  onShutdown: () => void = () => this.close();

  constructor(module: WebAssembly.Module, options: EngineOptions = {}) {
    this.door = new Door(module, options);
    this.door.onLost = () => this.#abandon();
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** Runs one command for an internal session; `undefined` when it waits. Errors are returned. */
  call(session: number, args: readonly Arg[], binary = false): Reply | undefined {
    const reply = this.door.call(session, args, binary);
    return this.finish(session, reply, binary, this.door.now());
  }

  /** {@link call} by {@link Door.find}'s index, with the first `count` of these arguments. */
  run(session: number, index: number, binary: boolean, count: number, a: Short, b: Short, c: Short): Reply | undefined {
    const { door } = this;
    const now = door.now();
    const code = door.run(session, index, now, count, a, b, c);
    return this.finish(session, door.reply(code, binary), binary, now);
  }

  /** {@link run} with all arguments of `wire`, which begins with the name. */
  runAll(session: number, index: number, binary: boolean, wire: readonly Arg[]): Reply | undefined {
    const { door } = this;
    const now = door.now();
    const code = door.runAll(session, index, now, wire);
    return this.finish(session, door.reply(code, binary), binary, now);
  }

  /** A GET of text, whose index is given; answered from `copy`, which is what there is of the key, where that is good. */
  read(reader: Reader, session: number, index: number, key: string, copied: Copy | undefined): Reply | undefined {
    const { door } = this;
    const { copies } = door;
    const now = door.now();
    const copy = copies.find(reader, copied);
    if (copy !== undefined) {
      this.after(now);
      return copy;
    }
    if (!copies.wants(copied)) return this.run(session, index, false, 1, key, 0, 0);
    return this.finish(session, door.read(session, index, now, key, reader), false, now);
  }

  /** What follows a command of an internal session that answered `reply`: the reply as it is in the end. */
  private finish(session: number, reply: Reply | undefined, binary: boolean, now: number): Reply | undefined {
    if (this.persistence !== undefined && this.door.wants !== 0) {
      this.persistence.after();
      // A store that answers at once ends waits for it at once.
      if (reply === undefined && this.persistence.store.synchronous) reply = this.door.late(session, binary);
    }
    // It waits, or asked for the end.
    if (reply === undefined) this.#schedule(this.door.nextTick());
    this.after(now);
    return reply;
  }

  /** Opens a session whose bytes go to `transport`. */
  connect(transport: Transport, peer: Peer = {}): Connection {
    if (this.#closed) throw new ClosedError();
    const id = this.door.open(peer.internal ?? false);
    if (peer.trusted) this.door.trust(id);
    if (peer.address !== undefined) this.door.setAddress(id, peer.address, peer.local ?? "");
    const session = new Session(this, id, transport);
    this.connections.set(id, session);
    this.drain();
    return session;
  }

  /** Hands out what the engine has for its sessions' transports. */
  drain(): void {
    if (this.#draining || this.#closed || this.persistence?.holds) return;
    this.#draining = true;
    try {
      for (let id = this.door.next(); id >= 0; id = this.door.next()) this.connections.get(id)?.flush();
    } catch (error) {
      if (error instanceof EngineLostError) this.#abandon();
      throw error;
    } finally {
      this.#draining = false;
    }
  }

  /** Runs work that may leave output and new deadlines behind. */
  work(run: () => void): void {
    if (this.#closed) return;
    try {
      run();
      this.persistence?.after(true);
      this.drain();
      this.#schedule(this.door.nextTick());
    } catch (error) {
      if (error instanceof EngineLostError) this.#abandon();
      throw error;
    }
  }

  /** Forgets a session. */
  forget(id: number): void {
    if (this.connections.delete(id)) this.door.end(id);
  }

  /** Figures of the engine. */
  figures(): Figures {
    return this.door.figures();
  }

  /** Ends every session and frees the engine. */
  close(): void {
    if (!this.#closed) this.#abandon();
    this.door.close();
  }

  /** Closes all transports: the engine is gone. */
  #abandon(): void {
    this.#closed = true;
    this.persistence?.abandon();
    clearTimeout(this.#timer);
    const connections = [...this.connections.values()];
    this.connections.clear();
    for (const session of connections) session.transport.close();
  }

  /** Housekeeping that rides on commands: platforms without timers need no other. */
  private after(now: number): void {
    if (this.connections.size > 0 || now - this.lastTick >= ROUND) this.#settle(now);
  }

  #settle(now: number): void {
    if (this.connections.size > 0) this.drain();
    if (now - this.lastTick >= ROUND) {
      const isFirst = this.lastTick === 0 && !this.persistence;
      this.lastTick = now;
      // There is nothing to keep house of yet; only when there will be.
      if (isFirst) this.#schedule(this.door.nextTick());
      else this.tick();
    }
  }

  /** Does what time asks for now. */
  tick(): void {
    let next = this.door.tick();
    if (this.persistence) {
      this.persistence.after();
      next = this.door.nextTick();
    }
    this.drain();
    this.#schedule(next);
  }

  /** Ends it all when the stack is unwound, unless SHUTDOWN was taken back by then. */
  #shutDown(): void {
    queueMicrotask(() => {
      if (!this.#closed && this.door.nextTick() < -1) this.onShutdown();
    });
  }

  /** Closes the sessions that the engine gave up while their replies were held back. */
  reap(): void {
    for (const [id, session] of [...this.connections]) if (this.door.isToClose(id)) session.flush();
  }

  /** Arranges for the tick that the engine wants next. */
  arrange(): void {
    if (!this.#closed) this.#schedule(this.door.nextTick());
  }

  /** Arranges for a tick at `at` (ms since 1970; -1 for none). */
  #schedule(at: number): void {
    if (at < -1) this.#shutDown();
    if (at < 0 || this.#closed) return;
    if (this.onSchedule) {
      this.onSchedule(at);
      return;
    }
    if (at >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = at;
    const wake = () => {
      this.#timerAt = Infinity;
      if (!this.#closed) this.tick();
    };
    try {
      this.#timer = setTimeout(wake, Math.min(Math.max(at - this.door.now(), 1), 0x7fffffff));
      // Housekeeping alone must not keep a program alive.
      (this.#timer as { unref?: () => void }).unref?.();
    } catch {
      // Workers have no timers outside a request: commands bring the time along.
      this.#timerAt = Infinity;
    }
  }
}

/** One session with its transport. */
class Session implements Connection {
  #full = false;
  /** The engine's session is gone. Its id may be another's by now, so nothing is done with it any more. */
  #ended = false;

  constructor(readonly instance: Instance, readonly id: number, readonly transport: Transport) {}

  receive(bytes: Uint8Array): void {
    if (!this.#ended) this.instance.work(() => this.instance.door.receive(this.id, bytes));
  }

  drained(): void {
    this.#full = false;
    if (!this.#ended) this.instance.work(() => this.flush());
  }

  close(): void {
    if (this.#ended || this.instance.closed) return;
    this.#ended = true;
    this.instance.work(() => this.instance.forget(this.id));
  }

  /** Writes what the transport takes; ends the session when the engine says so. */
  flush(): void {
    const door = this.instance.door;
    while (!this.#full) {
      const bytes = door.output(this.id, BLOCK);
      if (bytes.length === 0) break;
      door.sent(this.id, bytes.length);
      this.#full = !this.transport.write(bytes);
    }
    if (door.isToClose(this.id)) {
      this.#ended = true;
      this.instance.forget(this.id);
      this.transport.close();
    }
  }
}
