// redis-cli against the real server process, in both protocols: the scenario through its standard input, and its modes.
// needs: redis-cli
import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { parts } from "../scenario/scenario.mjs";
import { startServer } from "./_server.mjs";

const redisCli = process.env.CACHELET_REDIS_CLI ?? "redis-cli";

const quoted = (arg) => `"${String(arg).replace(/[\\"]/g, "\\$&").replace(/\n/g, "\\n")}"`;

/** The scenario's door: one redis-cli that reads commands and prints JSON. */
function door(port, protocol) {
  const child = spawn(redisCli, ["-p", String(port), protocol, "--json"], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  const call = async (...argv) => {
    const line = await new Promise((done) => {
      waiting.push(done);
      child.stdin.write(`${argv.map(quoted).join(" ")}\n`);
    });
    if (line.startsWith("error:")) throw new Error(JSON.parse(line.slice("error:".length)));
    return JSON.parse(line);
  };
  return {
    call,
    async multi(commands) {
      await call("MULTI");
      for (const command of commands) await call(...command);
      return call("EXEC");
    },
    session: async () => door(port, protocol),
    async subscribe(channel, heard) {
      const listener = spawn(redisCli, ["-p", String(port), protocol, "--json", "subscribe", channel], { stdio: ["ignore", "pipe", "inherit"] });
      createInterface({ input: listener.stdout }).on("line", (line) => {
        const [kind, , message] = line.startsWith("[") ? JSON.parse(line) : [];
        if (kind === "message") heard(message);
      });
      return async () => {
        listener.kill();
        await once(listener, "exit");
      };
    },
    async close() {
      child.stdin.end();
      await once(child, "exit");
    },
  };
}

describe("redis-cli", () => {
  let server;
  before(async () => {
    server = await startServer();
  });
  after(() => server.stop());

  const run = (args, input) => execFileSync(redisCli, ["-p", String(server.port), ...args], { encoding: "utf8", input, maxBuffer: 1 << 28 });

  for (const [name, protocol] of [["RESP2", "-2"], ["RESP3", "-3"]]) {
    for (const [part, play] of Object.entries(parts)) {
      test(`scenario over ${name}: ${part}`, async () => {
        const through = door(server.port, protocol);
        await play(through, (key) => `${name}:${key}`);
        await through.close();
      });
    }
  }

  test("replies as people see them", () => {
    run(["del", "l"]);
    assert.equal(run(["rpush", "l", "a", "b"]), "2\n");
    assert.equal(run(["--no-raw", "lrange", "l", "0", "-1"]), '1) "a"\n2) "b"\n');
    assert.equal(run(["--no-raw", "get", "none"]), "(nil)\n");
    assert.match(run(["--no-raw", "incr", "l"]), /^\(error\) WRONGTYPE /);
  });

  test("mass insertion with --pipe", () => {
    let input = "";
    for (let i = 0; i < 50_000; i++) input += `*3\r\n$3\r\nSET\r\n$${`mass:${i}`.length}\r\nmass:${i}\r\n$1\r\n${i % 10}\r\n`;
    assert.match(run(["--pipe"], input), /errors: 0, replies: 50000/);
    assert.equal(run(["get", "mass:49999"]), "9\n");
  });

  test("--scan, --bigkeys and --stat's INFO", () => {
    const found = run(["--scan", "--pattern", "mass:1*"]).trim().split("\n");
    assert.equal(new Set(found).size, 11_111);
    assert.match(run(["--bigkeys"]), /Sampled \d+ keys/);
    assert.match(run(["info", "clients"]), /connected_clients:\d+/);
  });

  test("large values there and back", () => {
    const value = "v".repeat(20_000_000);
    assert.equal(run(["-x", "set", "large"], value), "OK\n");
    assert.equal(run(["get", "large"]).trimEnd(), value);
  });

  test("inline commands, as from telnet", () => {
    const { stdout } = spawnSync("sh", ["-c", `printf 'SET t "a b"\\r\\nGET t\\r\\nQUIT\\r\\n' | node -e '
      const s = require("net").connect(${server.port}, "127.0.0.1"); process.stdin.pipe(s); s.pipe(process.stdout);'`], { encoding: "utf8" });
    assert.equal(stdout, "+OK\r\n$3\r\na b\r\n+OK\r\n");
  });

  test("SHUTDOWN ends the process", async () => {
    const other = await startServer();
    spawnSync(redisCli, ["-p", String(other.port), "shutdown", "nosave"]);
    const [code] = await once(other.child, "exit");
    assert.equal(code, 0);
  });
});
