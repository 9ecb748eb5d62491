// A redis-server of our own for the time of a run: private port, empty directory, nothing saved.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import net from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "./player.mjs";

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts redis-server and waits until it answers; { port, version, stop() }. */
export async function startRedis(program = "redis-server", ...options) {
  const directory = await mkdtemp(join(tmpdir(), "oracle-"));
  const port = await freePort();
  const child = spawn(program, ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no",
    "--enable-debug-command", "yes", "--dir", directory, "--loglevel", "warning", ...options].map(String),
  { stdio: ["ignore", "ignore", "inherit"] });
  const gone = once(child, "exit");
  const stop = async () => {
    child.kill("SIGTERM");
    await gone;
    await rm(directory, { recursive: true, force: true });
  };
  let lost = false;
  gone.then(() => (lost = true));
  for (let tries = 0; tries < 100 && !lost; tries++) {
    try {
      const connection = await Connection.open(port);
      connection.send("INFO server\r\n");
      await connection.arrival(5000);
      const version = /redis_version:(\S+)/.exec(connection.take()[0].text)?.[1];
      await connection.close();
      return { port, version, stop };
    } catch {
      await sleep(20);
    }
  }
  await stop();
  throw new Error(`${program} does not answer`);
}
