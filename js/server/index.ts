// A database as a server: RESP over TCP on one port; REST, WebSockets and the console page on another. For Node and
// Deno; Workers take what they need from cachelet/http.
import type { Cachelet } from "../client.js";
import { isLoopback, isOpen, UnsafeAddressError } from "./guard.js";
import { Rest } from "./rest.js";
import { type Listener, listen, throwLater } from "./tcp.js";
import type { UpgradeOptions } from "./websocket.js";

export { UnsafeAddressError } from "./guard.js";
export { type RestOptions, restHandler, type Source } from "./rest.js";
export { type Listener, listen, type ListenOptions } from "./tcp.js";
export { upgradeWebSocket, type UpgradeOptions } from "./websocket.js";

/** What is served where. */
export interface ServeOptions {
  /** Port for RESP; 6380 by default, 0 for any that is free, false for none. */
  port?: number | false;
  /** Port for HTTP; 8787 by default, 0 for any that is free, false for none. */
  httpPort?: number | false;
  /** Addresses to bind; 127.0.0.1 by default. One with `-` before it may be missing; `*` is every address. */
  bind?: string | readonly string[];
  /** Sets the database's password, which clients over TCP and WebSocket need. */
  requirepass?: string;
  /**
   * The token that REST requests need; it may do everything. Without one a request presents the default user's password as
   * its token, where that user has one, and may do what that user may.
   */
  httpToken?: string;
  /** A token for REST requests that may only read. */
  httpReadOnlyToken?: string;
  /** Serves the console page; true by default. */
  console?: boolean;
  /** Told when the engine is lost: everything is closed then. By default the error is thrown, caught by nobody. */
  onLost?: (error: unknown) => void;
}

/** A running server. */
export interface Server {
  /** Where RESP is spoken. */
  readonly resp: readonly Listener[];
  /** Where HTTP is. */
  readonly http: readonly Listener[];
  /** Stops listening and closes every connection. The database stays open. */
  close(): Promise<void>;
}

/** What the platforms' HTTP servers serve. */
export interface HttpSite {
  rest: Rest;
  /** The package's folder, when its pages are served. */
  pages: URL | undefined;
  /** Who may open a WebSocket now. */
  upgrade(): UpgradeOptions;
  /** Whether requests that name this host are answered. */
  isAllowedHost(host: string): boolean;
}

/** Serves `db`. Rejects, with nothing left open, when an address cannot be had or reaches beyond this machine unprotected. */
export async function serve(db: Cachelet, options: ServeOptions = {}): Promise<Server> {
  if (options.requirepass) {
    const reply = db.call("CONFIG", "SET", "requirepass", options.requirepass);
    if (reply !== "OK") throw new Error(String(reply));
  }
  const hosts = addresses(options.bind ?? "127.0.0.1");
  const lost = options.onLost ?? throwLater;
  const isGuarded = () => Boolean(options.httpToken) || !isOpen(db);
  const port = options.port ?? 6380;
  const httpPort = options.httpPort ?? 8787;
  const far = hosts.find(({ host }) => !isLoopback(host))?.host;
  if (far !== undefined) {
    // Both are asked for by name: who opens a port to the world should know by what it is kept.
    const missing = [];
    if (isOpen(db)) missing.push("a password (requirepass, or one for the default user)");
    if (httpPort !== false && !options.httpToken) missing.push("a token for HTTP (http-token; or no HTTP, by http-port 0)");
    if (missing.length > 0) throw new UnsafeAddressError(`${far} can be reached from other machines: that takes ${missing.join(" and ")}`);
  }

  const resp: Listener[] = [];
  const http: Listener[] = [];
  const close = async () => {
    await Promise.all([...resp, ...http].map((listener) => listener.close()));
  };
  const site: HttpSite = {
    rest: new Rest(db, { token: options.httpToken || null, asDefaultUser: !options.httpToken, ...(options.httpReadOnlyToken ? { readOnlyToken: options.httpReadOnlyToken } : {}) }),
    pages: options.console === false ? undefined : new URL("../../", import.meta.url),
    upgrade: () => {
      // What a password or token protects, pages from elsewhere may reach: they do not have it.
      return { anyOrigin: isGuarded(), ...(options.httpToken && isOpen(db) ? { token: options.httpToken } : {}) };
    },
    // Without a token a page could give its own name this machine's address, and so pass for one of ours.
    isAllowedHost: (host) => isGuarded() || isLoopback(host.replace(/:\d*$/, "")),
  };
  try {
    for (const { host, optional } of hosts) {
      try {
        if (port !== false) resp.push(await listen(db, { host, port, onLost: lost }));
        if (httpPort !== false) http.push(await listenHttp(db, site, host, httpPort, lost));
      } catch (error) {
        if (!optional || !isMissingAddress(error)) throw error;
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { resp, http, close };
}

async function listenHttp(db: Cachelet, site: HttpSite, host: string, port: number, lost: (error: unknown) => void): Promise<Listener> {
  if ("Deno" in globalThis) return (await import("./http-deno.js")).serveHttp(db, site, host, port);
  return (await import("./http-node.js")).serveHttp(db.instance, site, host, port, lost);
}

function addresses(bind: string | readonly string[]): { host: string; optional: boolean }[] {
  const names = (typeof bind === "string" ? bind.split(/\s+/) : bind).filter((name) => name !== "");
  return names.flatMap((name) => {
    const optional = name.startsWith("-");
    const host = optional ? name.slice(1) : name;
    return host === "*" ? [{ host: "0.0.0.0", optional }, { host: "::", optional: true }] : [{ host, optional }];
  });
}

function isMissingAddress(error: unknown): boolean {
  const { code, name } = error as { code?: string; name?: string };
  return code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT" || code === "EADDRINUSE" || name === "AddrNotAvailable";
}
