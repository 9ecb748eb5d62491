// The reference page: what it says is what the engine answers today, and what redis-server answers where it knows the
// command; then the page itself in a real Chromium. CACHELET_SCREENSHOT=file keeps a picture.
// needs: chromium, redis-server
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { examples, render, run } from "../../js/scripts/reference.mjs";
import { startServer } from "../clients/_server.mjs";
import { launch } from "./chromium.mjs";
import { startRedis } from "./oracle/server.mjs";
import { Wire } from "../../dist/cli/wire.js";
import { print } from "../../dist/cli/print.js";
import { splitLine } from "../../dist/cli/split.js";

const file = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const facts = file("../shared/facts/commands.json");

/** Commands and subcommands. */
const named = (commands) => commands.flatMap((command) => [command, ...(command.subcommands ?? []).map((one) => ({ ...one, group: command.group }))]);

test("the page is what the declarations and the engine say now", async () => {
  assert.equal(readFileSync(file("www/reference.html"), "utf8"), await render(), "run: node js/scripts/reference.mjs");
});

test("every command that Redis has stands in the table of all", { skip: !existsSync(facts) && "the facts are not here" }, () => {
  const page = readFileSync(file("www/reference.html"), "utf8");
  const table = page.slice(page.indexOf('<section id="all">'));
  const shown = new Set([...table.matchAll(/<tr><td>(?:<a[^>]*>)?([^<]*)/g)].map((found) => found[1]));
  const lacking = named(JSON.parse(readFileSync(facts, "utf8"))).filter(({ name }) => !shown.has(name.replace("|", " ").toUpperCase()));
  assert.deepEqual(lacking, []);
});

test("what is not here yet is what Redis has beyond ours", { skip: !existsSync(facts) && "the facts are not here" }, () => {
  const ours = new Set(JSON.parse(readFileSync(file("js/generated/commands.json"), "utf8")).map(({ name }) => name));
  const beyond = named(JSON.parse(readFileSync(facts, "utf8"))).flatMap(({ name, since, group }) => (ours.has(name) ? [] : [[name, since, group]]));
  assert.deepEqual(JSON.parse(readFileSync(file("js/reference/not-yet.json"), "utf8")), beyond);
});

test("the examples' replies are redis-server's where it knows the command", async () => {
  const redis = await startRedis(process.env.CACHELET_REDIS_SERVER);
  // What tells of the server itself, of time or chance, or of a version: transcripts and the oracle look at those.
  const own = /^(acl|bgrewriteaof|bgsave|lastsave|client|command|config|debug|info|hello|latency|lolwut|memory|object|role|slowlog|time|shutdown|monitor|quit|reset|dump|waitaof|xinfo|pfdebug|wait)(\||$)|help$|idletime|^(hgetall|hkeys|hvals|smembers|sinter|sunion|sdiff|keys|scan|hscan|sscan)$/;
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
  const server = await startServer();
  let browser;
  try {
    browser = await launch();
    const page = await browser.newPage({ viewport: { width: 900, height: 700 } });
    const faults = [];
    page.on("pageerror", (error) => faults.push(error.message));
    await page.goto(`${server.url}/console/reference.html`, { waitUntil: "load" });
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
    await server.stop();
  }
});
