// `cachelet serve`: a database, its servers, and how they end.
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import type { Cachelet } from "../client.js";
import { type Server, serve, UnsafeAddressError } from "../server/index.js";
import { type HostSettings, readOptions, UsageError } from "./options.js";

/** Starts a server as its arguments say; resolves once it listens, or with an exit code when it cannot. */
export async function serveCommand(args: readonly string[], version: string): Promise<number | undefined> {
  let db: Cachelet | undefined;
  try {
    const platform = "Deno" in globalThis ? await import("../platform/deno.js") : await import("../platform/node.js");
    db = await platform.open();
    const settings = readOptions(args, db.instance.door);
    if (settings.dir) enter(settings.dir);
    return await run(db, settings, version);
  } catch (error) {
    db?.close();
    process.stderr.write(`cachelet: ${explain(error)}\n`);
    return 1;
  }
}

function enter(dir: string): void {
  try {
    process.chdir(dir);
  } catch (error) {
    throw new UsageError(`the folder of --dir cannot be entered: ${(error as Error).message}`);
  }
}

async function run(db: Cachelet, settings: HostSettings, version: string): Promise<undefined> {
  const say = (text: string) => {
    if (settings.logfile) appendFileSync(settings.logfile, `${text}\n`);
    else process.stdout.write(`${text}\n`);
  };
  let stopping = false;
  const stop = async (why: string, code: number) => {
    if (stopping) process.exit(code || 1); // Asked twice: at once.
    stopping = true;
    say(why);
    await server.close();
    db.close();
    if (settings.pidfile) rmSync(settings.pidfile, { force: true });
    process.exit(code);
  };
  const server: Server = await serve(db, {
    port: settings.port === 0 ? false : settings.port,
    httpPort: settings.httpPort === 0 ? false : settings.httpPort,
    bind: settings.bind,
    ...(settings.httpToken ? { httpToken: settings.httpToken } : {}),
    ...(settings.httpReadToken ? { httpReadOnlyToken: settings.httpReadToken } : {}),
    onLost: (error) => {
      process.stderr.write(`cachelet: ${explain(error)}\n`);
      void stop("everything is closed: the engine is gone", 1);
    },
  });
  db.instance.onShutdown = () => void stop("stopping: a client said SHUTDOWN", 0);
  process.on("SIGINT", () => void stop("stopping: interrupted", 0));
  process.on("SIGTERM", () => void stop("stopping: asked to end", 0));
  if (settings.pidfile) writeFileSync(settings.pidfile, `${process.pid}\n`);

  say(`cachelet ${version}, process ${process.pid}`);
  for (const { host, port } of server.resp) say(`  RESP  ${host}:${port}`);
  for (const { host, port } of server.http) say(`  HTTP  http://${host.includes(":") ? `[${host}]` : host}:${port}/  (REST, WebSocket, console)`);
  if (settings.ignored.length > 0) say(`  parameters that say nothing here: ${settings.ignored.join(", ")}`);
  return undefined;
}

function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof UnsafeAddressError) return error.message;
  const { code, message, address, port } = error as Error & { code?: string; address?: string; port?: number };
  if (code === "EADDRINUSE") return `${address}:${port} is taken by another program; choose another with --port or --http-port`;
  if (code === "EACCES") return `${address}:${port} may not be opened by this user; choose another with --port or --http-port`;
  if (code === "EADDRNOTAVAIL") return `${address} is not an address of this machine`;
  return message ?? String(error);
}
