// RESP over WebSocket where the platform has server WebSockets: Workers and Deno. Frames carry RESP as it comes, text
// or binary, cut anywhere; what is sent is binary. Node's own, which it lacks, is in websocket-node.ts.
import type { Cachelet } from "../client.js";
import type { Connection, Transport } from "../instance.js";
import { isForeign, isSecret } from "./guard.js";

/** Who may open a WebSocket. */
export interface UpgradeOptions {
  /**
   * The token that the request must carry (`Authorization: Bearer …`, or `_token` in the query), for databases without
   * `requirepass`. With a password every client authenticates by AUTH or HELLO, as over TCP.
   */
  token?: string;
  /** Takes browsers' connections from pages of any origin. By default only pages of the same host may connect. */
  anyOrigin?: boolean;
}

/** The subprotocol that is agreed to when a client asks for it. */
export const SUBPROTOCOL = "resp";

/** Why an upgrade is refused, as a status; 0 when it is not. */
export function refusedUpgrade(header: (name: string) => string | null, url: URL, options: UpgradeOptions): number {
  if (!options.anyOrigin && isForeign(header, url.host)) return 403;
  if (options.token !== undefined) {
    const presented = url.searchParams.get("_token") || (header("authorization")?.replace(/^bearer\s+/i, "").trim() ?? "");
    if (!isSecret(presented, options.token)) return 401;
  }
  return 0;
}

/** A server's end of a WebSocket, as far as Workers and Deno agree. */
interface ServerSocket {
  binaryType?: string;
  readonly bufferedAmount?: number;
  accept?(): void;
  send(bytes: Uint8Array): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: string, listener: (event: { data?: unknown }) => void): void;
}

declare const WebSocketPair: undefined | (new () => { 0: WebSocket; 1: ServerSocket });
interface DenoUpgrade {
  upgradeWebSocket?(request: Request, options: { protocol?: string }): { socket: ServerSocket; response: Response };
}

/** Answers a WebSocket upgrade and connects the client to `db`. For Workers (best in a Durable Object) and Deno. */
export function upgradeWebSocket(request: Request, db: Cachelet, options: UpgradeOptions = {}): Response {
  return upgradeTracked(request, db, options, new Set());
}

/** The same; what closes the socket stands in `open` for as long as it is open. */
export function upgradeTracked(request: Request, db: Cachelet, options: UpgradeOptions, open: Set<() => void>): Response {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return new Response("a WebSocket upgrade is expected here", { status: 426, headers: { upgrade: "websocket" } });
  }
  const status = refusedUpgrade((name) => request.headers.get(name), new URL(request.url), options);
  if (status !== 0) return new Response(null, { status });
  const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
  const protocol = offered.includes(SUBPROTOCOL) ? SUBPROTOCOL : undefined;

  // Asked now: an upgraded request tells nothing more.
  const local = request.headers.get("host") ?? "";
  const { upgradeWebSocket } = (globalThis as { Deno?: DenoUpgrade }).Deno ?? {};
  if (upgradeWebSocket) {
    const { socket, response } = upgradeWebSocket(request, protocol ? { protocol } : {});
    bridge(socket, db, local, open);
    return response;
  }
  if (typeof WebSocketPair === "undefined") throw new TypeError("this platform has no server WebSockets: use serve() of cachelet/server");
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept?.();
  bridge(server, db, local, open);
  const headers = protocol ? { "sec-websocket-protocol": protocol } : {};
  return new Response(null, { status: 101, webSocket: client, headers } as ResponseInit);
}

/** Bytes a socket may hold before the engine keeps the rest. */
const HIGH_WATER = 1 << 20;

/** Between two looks at a socket that holds too much, in milliseconds: there is no event that says it sent some. */
const LOOK = 20;

const encoder = new TextEncoder();

function bridge(socket: ServerSocket, db: Cachelet, local: string, open: Set<() => void>): void {
  let connection: Connection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    if ((socket.bufferedAmount ?? 0) > HIGH_WATER) timer = setTimeout(look, LOOK);
    else connection?.drained();
  };
  const transport: Transport = {
    write(bytes) {
      socket.send(bytes);
      if ((socket.bufferedAmount ?? 0) <= HIGH_WATER) return true;
      clearTimeout(timer);
      timer = setTimeout(look, LOOK);
      return false;
    },
    close() {
      connection = undefined;
      clearTimeout(timer);
      open.delete(leave);
      socket.close(1000);
    },
  };
  const leave = () => {
    end();
    socket.close(1001, "the server stops");
  };
  const start = () => {
    open.add(leave);
    connection ??= db.instance.connect(transport, { address: "", local });
  };
  const end = () => {
    clearTimeout(timer);
    open.delete(leave);
    connection?.close();
    connection = undefined;
  };
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", start);
  socket.addEventListener("message", ({ data }) => {
    try {
      connection?.receive(typeof data === "string" ? encoder.encode(data) : new Uint8Array(data as ArrayBuffer));
    } catch (error) {
      socket.close(1011, "the engine stopped");
      throw error;
    }
  });
  socket.addEventListener("close", end);
  socket.addEventListener("error", end);
  // A Worker's socket is open once accepted and says so to nobody.
  if (socket.accept) start();
}
