// The console page, driven in a real Chromium against the real server. CACHELET_SCREENSHOT=file keeps a picture.
// needs: chromium
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startServer } from "../clients/_server.mjs";
import { launch } from "./chromium.mjs";

let server;
let browser;
let page;
const faults = [];

before(async () => {
  server = await startServer();
  browser = await launch();
  page = await browser.newPage();
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
  await page.goto(`${server.url}/`, { waitUntil: "load" });
  await page.waitForSelector("#line:not([disabled])");
});

after(async () => {
  if (process.env.CACHELET_SCREENSHOT) await page.screenshot({ path: process.env.CACHELET_SCREENSHOT });
  await browser?.close();
  await server?.stop();
});

/** Types a line, presses Enter, and returns what was logged since. */
async function type(line) {
  const before = await page.locator("#log pre").count();
  await page.fill("#line", line);
  await page.press("#line", "Enter");
  const entries = await page.locator("#log pre").allTextContents();
  return entries.slice(before + 1).join("\n");
}

test("replies are printed as redis-cli prints them", async () => {
  assert.equal(await type('SET greeting "hello \\x01 world"'), "OK");
  assert.equal(await type("GET greeting"), '"hello \\x01 world"');
  assert.equal(await type("GET none"), "(nil)");
  assert.equal(await type("RPUSH list a b"), "(integer) 2");
  assert.equal(await type("LRANGE list 0 -1"), '1) "a"\n2) "b"');
  assert.match(await type("LPUSH greeting x"), /^\(error\) WRONGTYPE /);
  assert.equal(await type('GET "open'), "(error) the quotes do not balance");
});

test("RESP3's types stay apart", async () => {
  assert.match(await type("HELLO 3"), /1# "server" => "redis"/);
  await type("HSET h f v");
  assert.equal(await type("HGETALL h"), '1# "f" => "v"');
  await type("ZADD z 1.5 m");
  assert.equal(await type("ZSCORE z m"), "(double) 1.5");
  await type("SADD s m");
  assert.equal(await type("SMEMBERS s"), '1~ "m"');
  await type("HELLO 2");
});

test("the prompt tells of transactions and databases", async () => {
  await type("MULTI");
  assert.equal(await page.textContent("#mark"), "cachelet(TX)>");
  assert.equal(await type("INCR n"), "QUEUED");
  assert.equal(await type("EXEC"), "1) (integer) 1");
  await type("SELECT 3");
  assert.equal(await page.textContent("#mark"), "cachelet[3]>");
  await type("SELECT 0");
});

test("Tab completes, hints show what is to come, the arrows walk through the history", async () => {
  await page.fill("#line", "zrev");
  await page.press("#line", "Tab");
  assert.equal(await page.inputValue("#line"), "ZREVRANGE");
  await page.press("#line", "Tab");
  assert.equal(await page.inputValue("#line"), "ZREVRANGEBYLEX");
  await page.fill("#line", "SET a ");
  await page.dispatchEvent("#line", "input");
  assert.match(await page.textContent("#hint"), /^ {6}value \[NX \| XX/);
  assert.match(await page.textContent("#about"), /^SET: /);
  await page.fill("#line", "");
  await type("ECHO first");
  await type("ECHO second");
  await page.press("#line", "ArrowUp");
  await page.press("#line", "ArrowUp");
  assert.equal(await page.inputValue("#line"), "ECHO first");
  await page.press("#line", "ArrowDown");
  assert.equal(await page.inputValue("#line"), "ECHO second");
});

test("secrets stay out of what the browser keeps", async () => {
  await type("AUTH default hunter2");
  const kept = await page.evaluate(() => JSON.stringify(localStorage));
  assert.ok(!kept.includes("hunter2"));
});

test("the page raised no error", () => assert.deepEqual(faults, []));
