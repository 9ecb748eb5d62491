// RESP over TCP, in Node and in Deno. A socket's bytes go to the engine as they come; what a round of commands
// answers goes out in one write.
//
// Memory stays bounded whoever connects. The engine stops running a session's commands while about a megabyte of its
// output is not taken, and what such a client goes on sending is kept, because clients exist that send a whole
// pipeline before they read. All sockets together may have so much kept (see Budget); past that they are not read any
// further, and one that still takes nothing for a while is closed.
import type { Cachelet } from "../client.js";
import { isLoopback, isOpen, UnsafeAddressError } from "./guard.js";
import { listenOn } from "./tcp-node.js";

/** Where to listen. */
export interface ListenOptions {
  /** Address to bind; 127.0.0.1 by default. Others than loopback need a password: `requirepass`, or ACL SETUSER. */
  host?: string;
  /** Port; 6380 by default, 0 for any that is free. */
  port?: number;
  /** Told when the engine is lost: all sockets are closed then. By default the error is thrown, caught by nobody. */
  onLost?: (error: unknown) => void;
}

/** A socket that listens. */
export interface Listener {
  /** The address it got. */
  readonly host: string;
  readonly port: number;
  /** Stops listening and closes every connection. */
  close(): Promise<void>;
}

/** Listens for clients that speak RESP. Rejects when the address is taken, or reaches beyond this machine without a password. */
export async function listen(db: Cachelet, options: ListenOptions = {}): Promise<Listener> {
  const host = options.host ?? "127.0.0.1";
  if (!isLoopback(host) && isOpen(db)) {
    throw new UnsafeAddressError(`${host} can be reached from other machines: set requirepass, or give the default user a password, before listening there`);
  }
  // Deno has node:net too: measured against Deno.listen it costs the same for a request, and a third for a connection.
  return listenOn(db.instance, host, options.port ?? 6380, options.onLost ?? throwLater);
}

/** Makes an error one that nobody catches, instead of one that ends up in a socket's handler. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
