// The real redis-server and its benchmark tool, and Cachelet's own server as a process.
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const redisServer = process.env.CACHELET_REDIS_SERVER ?? "redis-server";
const redisBenchmark = process.env.CACHELET_REDIS_BENCHMARK ?? "redis-benchmark";
const root = fileURLToPath(new URL("../..", import.meta.url));

/** Whether redis-server can be run here. */
export function haveRedis() {
  try {
    execFileSync(redisServer, ["--version"]);
    return true;
  } catch {
    return false;
  }
}

/** A port nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function whenListening(port, child) {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error("the server ended before it listened");
    const up = await new Promise((resolve) => {
      const socket = createConnection(port, "127.0.0.1");
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    if (up) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("the server does not listen");
}

async function start(command, args, port) {
  const child = spawn(command, args, { stdio: "ignore", cwd: mkdtempSync(join(tmpdir(), "cachelet-bench-")) });
  await whenListening(port, child);
  return { port, stop: () => child.kill(), processorTime: () => processorTimeOf(child.pid) };
}

/** Milliseconds for which a process was computing, in steps of 10; undefined where the system does not tell. */
function processorTimeOf(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
    return (Number(fields[11]) + Number(fields[12])) * 10;
  } catch {
    return undefined;
  }
}

/** redis-server without persistence on a free port. */
export async function startRedis() {
  const port = await freePort();
  return start(redisServer, ["--port", String(port), "--save", "", "--appendonly", "no"], port);
}

/** `cachelet serve` on a free port. */
export async function startCachelet() {
  const port = await freePort();
  return start(process.execPath, [join(root, "dist/cli.js"), "serve", "--port", String(port), "--http-port", String(await freePort())], port);
}

/** Requests a second that redis-benchmark gets with one command, given as words, in which `__rand_int__` stands for a number below `keys`. */
export function redisBenchmarkCommand(port, { command, pipeline, requests, keys, clients = 50 }) {
  const args = ["-p", port, "-P", pipeline, "-n", requests, "-c", clients, "-r", keys, "--csv", ...command];
  const text = execFileSync(redisBenchmark, args.map(String), { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  const figure = /^"[^"]*","([\d.]+)"/m.exec(text.replace(/^"test".*$/m, ""));
  if (!figure) throw new Error(`redis-benchmark printed no figures:\n${text}`);
  return Number(figure[1]);
}

/** Requests a second that redis-benchmark gets: `{ SET, GET }`. */
export function redisBenchmarkRun(port, { pipeline, requests, keys = 10_000, size = 18, clients = 50 }) {
  const text = execFileSync(
    redisBenchmark,
    ["-p", port, "-P", pipeline, "-n", requests, "-c", clients, "-r", keys, "-d", size, "-t", "set,get", "--csv"].map(String),
    { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] },
  );
  const rows = [...text.matchAll(/^"(SET|GET)","([\d.]+)"/gm)];
  if (rows.length !== 2) throw new Error(`redis-benchmark printed no figures:\n${text}`);
  return Object.fromEntries(rows.map(([, name, figure]) => [name, Number(figure)]));
}
