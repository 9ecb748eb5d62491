// `cachelet serve`: a database, its servers, and how they end.
import { appendFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Cachelet } from "../client.js";
import { StorageError } from "../errors.js";
import { Instance } from "../instance.js";
import { openStore } from "../persistence.js";
import { type Server, serve, UnsafeAddressError } from "../server/index.js";
import { files } from "../storage/files.js";
import { type HostSettings, readOptions, UsageError } from "./options.js";

/** Starts a server as its arguments say; resolves once it listens, or with an exit code when it cannot. */
export async function serveCommand(args: readonly string[], version: string): Promise<number | undefined> {
  let db: Cachelet | undefined;
  try {
    const platform = "Deno" in globalThis ? await import("../platform/deno.js") : await import("../platform/node.js");
    const instance = new Instance(await platform.engineModule());
    // Made before its storage is read back: the options may say where that is.
    db = new Cachelet(instance);
    const settings = readOptions(args, instance.door);
    if (settings.dir) enter(settings.dir);
    if (settings.storage) await openStore(instance, files(resolve(settings.storage)), { recover: settings.recover, config: settings.given });
    return await run(db, settings, version);
  } catch (error) {
    await db?.close().catch(() => {});
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
    const { instance } = db;
    if (!instance.closed) {
      try {
        // First while clients are served: what cannot be written ends no server, as in Redis.
        await instance.persistence?.settle();
      } catch (error) {
        say(`not all is durable: ${explain(error)}`);
        if (!instance.closed && instance.door.rarely((engine) => engine.refuse_shutdown())) {
          instance.drain();
          say("so the server goes on; SHUTDOWN NOSAVE without a log, or FORCE, ends it all the same");
          stopping = false;
          return;
        }
      }
    }
    await server.close();
    await db.close().catch((error: unknown) => {
      say(`not all is durable: ${explain(error)}`);
      code ||= 1;
    });
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
  // Said again and again until it is done or called off.
  db.instance.onShutdown = () => {
    if (!stopping) void stop("stopping: a client said SHUTDOWN", 0);
  };
  process.on("SIGINT", () => void stop("stopping: interrupted", 0));
  process.on("SIGTERM", () => void stop("stopping: asked to end", 0));
  if (settings.pidfile) writeFileSync(settings.pidfile, `${process.pid}\n`);

  say(`cachelet ${version}, process ${process.pid}`);
  for (const line of kept(db, settings)) say(`  ${line}`);
  for (const { host, port } of server.resp) say(`  RESP  ${host}:${port}`);
  for (const { host, port } of server.http) say(`  HTTP  http://${host.includes(":") ? `[${host}]` : host}:${port}/  (REST, WebSocket, console)`);
  if (settings.ignored.length > 0) say(`  parameters that say nothing here: ${settings.ignored.join(", ")}`);
  return undefined;
}

/** Where the database is kept, and what was found there. */
function kept(db: Cachelet, settings: HostSettings): string[] {
  const { recovered } = db;
  if (!recovered) return ["kept in memory alone; --storage FOLDER or --appendonly yes keeps it on the disk"];
  const get = (name: string) => (db.call("CONFIG", "GET", name) as Record<string, string>)[name]!;
  const log = get("appendonly") === "yes" ? `append log, appendfsync ${get("appendfsync")}` : "no append log";
  const lines = [`kept in ${resolve(settings.storage)}: ${log}; ${get("save") ? `snapshots, save ${get("save")}` : "no save points"}`];
  const { found, keys, snapshotAt, effects, bytes, ms, cut, lost } = recovered;
  if (found) {
    const snapshot = snapshotAt > 0 ? `${keys} keys in the snapshot of ${new Date(snapshotAt).toISOString()}` : "no snapshot";
    lines.push(`found ${snapshot}, ${effects} changes in the log: ${db.instance.figures().keys} keys of ${bytes} bytes, in ${Math.round(ms)} ms`);
  }
  if (cut) lines.push(`cut off: the torn end of ${cut.object}, ${cut.bytes} bytes from byte ${cut.offset} on, as a crash leaves it`);
  for (const what of lost) lines.push(`lost: ${what}`);
  return lines;
}

function explain(error: unknown): string {
  if (error instanceof UsageError || error instanceof UnsafeAddressError) return error.message;
  const { code, message, address, port } = error as Error & { code?: string; address?: string; port?: number };
  if (error instanceof StorageError) return message.replace('Opened with recover "salvage"', "Started with --recover salvage");
  if (code === "EADDRINUSE") return `${address}:${port} is taken by another program; choose another with --port or --http-port`;
  if (code === "EACCES") return `${address}:${port} may not be opened by this user; choose another with --port or --http-port`;
  if (code === "EADDRNOTAVAIL") return `${address} is not an address of this machine`;
  return message ?? String(error);
}
