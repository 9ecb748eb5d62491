// The reference page: what it says is what the engine answers today, and what redis-server answers where it knows the
// command; then the page itself in a real Chromium. CACHELET_SCREENSHOT=file keeps a picture.
// needs: chromium, redis-server
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { examples, render, run } from "../../js/scripts/reference.mjs";
import { startRedis } from "./oracle/server.mjs";
import { Wire } from "../../dist/cli/wire.js";
import { print } from "../../dist/cli/print.js";
import { splitLine } from "../../dist/cli/split.js";

const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

test("the page is what the declarations and the engine say now", async () => {
  assert.equal(readFileSync(file("www/reference.html"), "utf8"), await render(), "run: node js/scripts/reference.mjs");
});

test("what is not here yet is what Redis has beyond ours", { skip: !existsSync(file("../shared/facts/commands.json")) && "the facts are not here" }, () => {
  const facts = JSON.parse(readFileSync(file("../shared/facts/commands.json"), "utf8"));
  const ours = new Set(JSON.parse(readFileSync(file("js/generated/commands.json"), "utf8")).map(({ name }) => name));
  const beyond = facts.flatMap((command) => [command, ...(command.subcommands ?? [])].filter(({ name }) => !ours.has(name)).map(({ name, since }) => [name, since, command.group]));
  assert.deepEqual(JSON.parse(readFileSync(file("js/reference/not-yet.json"), "utf8")), beyond);
});

test("the examples' replies are redis-server's where it knows the command", async () => {
  const redis = await startRedis(process.env.CACHELET_REDIS_SERVER);
  // What tells of the server itself, of time or chance, or of a version: transcripts and the oracle look at those.
  const own = /^(acl|client|command|config|debug|info|hello|latency|lolwut|memory|object|role|slowlog|time|shutdown|monitor|quit|reset|dump|waitaof|xinfo|pfdebug|wait)(\||$)|help$|idletime|^(hgetall|hkeys|hvals|smembers|sinter|sunion|sdiff|keys|scan|hscan|sscan)$/;
  let compared = 0;
  try {
    for (const [name, lines] of examples()) {
      if (own.test(name)) continue;
      const wire = await Wire.connect("127.0.0.1", redis.port);
      await wire.call(["FLUSHALL"]);
      let reply = "";
      for (const line of lines) reply = print(await wire.call(splitLine(line)));
      wire.socket.destroy();
      // Commands and options that came after the server's version.
      if (/unknown command|syntax error|wrong number of arguments|DUMP payload/.test(reply)) continue;
      assert.equal(reply.trimEnd(), await run(lines), `${name}: ${lines.join(" ; ")}`);
      compared++;
    }
  } finally {
    await redis.stop();
  }
  assert.ok(compared > 150, `${compared} compared`);
});

test("in a browser: find, open, try in the console", async () => {
  const port = await new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
  const server = spawn(process.execPath, [file("dist/cli.js"), "serve", "--port", "0", "--http-port", String(port)], { stdio: ["ignore", "pipe", "inherit"] });
  let browser;
  try {
    await new Promise((resolve) => server.stdout.once("data", resolve));
    browser = await chromium.launch({
      executablePath: process.env.CACHELET_CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(`http://127.0.0.1:${port}/console/reference.html`, { waitUntil: "load" });
    await page.fill("#find", "zrange by score");
    await page.fill("#find", "zrangebyscore");
    assert.equal(await page.locator("details.command:visible").count(), 1);
    await page.click("#zrangebyscore summary");
    if (process.env.CACHELET_SCREENSHOT) await page.screenshot({ path: process.env.CACHELET_SCREENSHOT });
    const shown = await page.locator("#zrangebyscore pre").textContent();
    await page.click("#zrangebyscore .try");
    await page.waitForSelector("#line:not([disabled])");
    // Nothing ran yet: the first line stands at the prompt.
    assert.equal(await page.inputValue("#line"), "ZADD z 1 a 2 b 3 c");
    await page.press("#line", "Enter");
    await page.waitForFunction(() => document.getElementById("line").value.startsWith("ZRANGEBYSCORE"));
    await page.press("#line", "Enter");
    await page.waitForFunction(() => document.querySelectorAll("#log pre").length >= 4);
    const reply = (await page.locator("#log pre").allTextContents()).at(-1);
    assert.ok(shown.endsWith(reply.trim()), `${reply} is not on the page: ${shown}`);
    assert.deepEqual(faults, []);
  } finally {
    await browser?.close();
    server.kill();
  }
});
