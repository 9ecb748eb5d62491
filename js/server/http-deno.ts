// One HTTP port in Deno: the REST protocol, WebSocket upgrades, and the console page.
import type { Cachelet } from "../client.js";
import type { HttpSite } from "./index.js";
import { type Answer, bodyOf } from "./rest.js";
import { pageAt } from "./pages.js";
import type { Listener } from "./tcp.js";
import { upgradeTracked } from "./websocket.js";

/** The parts of Deno that are used here. */
declare const Deno: {
  serve(options: object, handler: (request: Request) => Promise<Response> | Response): { addr: { hostname: string; port: number }; shutdown(): Promise<void>; finished: Promise<void> };
  open(path: URL): Promise<{ stat(): Promise<{ isFile: boolean; size: number }>; readable: ReadableStream<Uint8Array<ArrayBuffer>>; close(): void }>;
};

/** Serves `site` in Deno. */
export async function serveHttp(db: Cachelet, site: HttpSite, host: string, port: number): Promise<Listener> {
  const stop = new AbortController();
  const sockets = new Set<() => void>();
  const server = Deno.serve({ hostname: host, port, signal: stop.signal, onListen: () => {} }, async (request) => {
    const url = new URL(request.url);
    if (!site.isAllowedHost(url.host)) return new Response("this server answers to names of this machine only\n", { status: 403 });
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") return upgradeTracked(request, db, site.upgrade(), sockets);
    const target = url.pathname + url.search;
    const page = site.pages ? pageAt(site.pages, request.method, target, request.headers.get("accept") ?? "") : undefined;
    if (page?.redirect) return new Response(null, { status: 302, headers: { location: page.redirect } });
    if (page?.file) return fileResponse(page.file, page.headers);
    const answer = await site.rest.answer({
      method: request.method,
      target,
      host: url.host,
      header: (name) => request.headers.get(name),
      body: (most) => bodyOf(request, most),
    });
    return responseOf(answer);
  });
  return {
    host: server.addr.hostname,
    port: server.addr.port,
    close: async () => {
      for (const leave of sockets) leave();
      stop.abort();
      await server.finished;
    },
  };
}

async function fileResponse(file: URL, headers: Record<string, string>): Promise<Response> {
  try {
    const opened = await Deno.open(file);
    const { isFile, size } = await opened.stat();
    if (isFile) return new Response(opened.readable, { headers: { ...headers, "content-length": String(size) } });
    opened.close();
  } catch {
    // As when it is not there.
  }
  return new Response("not found\n", { status: 404 });
}

function responseOf({ status, headers, body }: Answer): Response {
  return new Response(body, { status, headers });
}
