// One HTTP port in Node: the REST protocol, WebSocket upgrades, and the console page.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeStream } from "node:stream/web";
import type { Instance } from "../instance.js";
import type { HttpSite } from "./index.js";
import { type Answer, tooLong } from "./rest.js";
import { pageAt } from "./pages.js";
import type { Listener } from "./tcp.js";
import { bind, Hub } from "./tcp-node.js";
import { acceptWebSocket } from "./websocket-node.js";

/** Serves `site` in Node. */
export async function serveHttp(instance: Instance, site: HttpSite, host: string, port: number, lost: (error: unknown) => void): Promise<Listener> {
  const hub = new Hub(instance, lost);
  const server = createServer({ noDelay: true }, (request, response) => {
    respond(site, request, response).catch((error: unknown) => {
      response.destroy();
      // A client that left in the middle is no failure.
      if ((error as { code?: string }).code !== "ERR_STREAM_PREMATURE_CLOSE" && !request.destroyed) lost(error);
    });
  });
  server.on("upgrade", (request, socket, head) => {
    if (site.isAllowedHost(request.headers.host ?? "")) acceptWebSocket(hub, request, socket, head, site.upgrade());
    else socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  const address = await bind(server, host, port);
  return {
    ...address,
    close: () =>
      new Promise<void>((done) => {
        server.close(() => done());
        server.closeAllConnections();
        hub.destroy();
      }),
  };
}

async function respond(site: HttpSite, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const target = request.url ?? "/";
  const host = request.headers.host ?? "";
  const header = (name: string) => {
    const value = request.headers[name];
    return value === undefined ? null : Array.isArray(value) ? value.join(", ") : value;
  };
  if (!site.isAllowedHost(host)) return send(response, { status: 403, headers: {}, body: "this server answers to names of this machine only\n" });
  const page = site.pages ? pageAt(site.pages, request.method ?? "GET", target, header("accept") ?? "") : undefined;
  if (page?.redirect) return send(response, { status: 302, headers: { location: page.redirect }, body: null });
  if (page?.file) {
    const found = await stat(page.file).catch(() => undefined);
    if (!found?.isFile()) return send(response, { status: 404, headers: { "content-type": "text/plain" }, body: "not found\n" });
    response.writeHead(200, { ...page.headers, "content-length": found.size });
    if (request.method === "HEAD") response.end();
    else await pipeline(createReadStream(page.file), response);
    return;
  }
  const answer = await site.rest.answer({ method: request.method ?? "GET", target, host, header, body: (most) => bodyOf(request, most) });
  if (!request.complete) response.setHeader("connection", "close");
  if (request.method === "HEAD") answer.body = null;
  await send(response, answer);
}

async function send(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  if (body instanceof ReadableStream) {
    response.writeHead(status, headers);
    response.flushHeaders();
    await pipeline(Readable.fromWeb(body as NodeStream), response);
    return;
  }
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  response.writeHead(status, { ...headers, "content-length": bytes?.length ?? 0 });
  response.end(bytes ?? undefined);
}

/** The whole body. One that is too long is not read to its end, and its connection serves nothing more. */
function bodyOf(request: IncomingMessage, most: number): Promise<Uint8Array> {
  return new Promise((done, fail) => {
    const parts: Buffer[] = [];
    let length = 0;
    const check = (bytes: number) => {
      if (bytes <= most) return true;
      request.pause();
      fail(tooLong(most, bytes));
      return false;
    };
    if (!check(Number(request.headers["content-length"] ?? 0))) return;
    request.on("data", (part: Buffer) => {
      length += part.length;
      if (check(length)) parts.push(part);
    });
    request.on("end", () => done(parts.length === 1 ? parts[0]! : Buffer.concat(parts)));
    request.on("error", fail);
    request.on("close", () => fail(new Error("the client left")));
  });
}
