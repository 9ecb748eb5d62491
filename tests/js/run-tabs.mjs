// Tabs that share a keyspace, in Chromium: several pages of one context that open the same name. Leaders are closed, frozen, held
// up and crashed while all of them write. Prints how long takeovers take, and what a command costs beside the leader's.
// needs: chromium
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "esbuild";
import { launchIn, pipedIn } from "./chromium.mjs";
import { run, summary } from "./harness.mjs";
import { prepared } from "./package.mjs";
import { frozen } from "./tabs/frozen.mjs";
import { tabs } from "./tabs/suite.mjs";

const folder = prepared("tabs", ["none"]);
const root = mkdtempSync(join(folder, "data-"));
writeFileSync(join(folder, "page.mjs"), readFileSync(new URL("tabs/page.mjs", import.meta.url)));
writeFileSync(join(folder, "worker.mjs"), readFileSync(new URL("tabs/worker.mjs", import.meta.url)));
const bundle = async (entry) => (await build({ entryPoints: [join(folder, entry)], bundle: true, write: false, format: "iife", target: "es2022", conditions: ["browser"], logLevel: "error" })).outputFiles[0].contents;
const wasm = readFileSync(join(folder, "../node_modules/cachelet/dist/wasm/cachelet.wasm"));
const files = {
  "/page.js": ["text/javascript", await bundle("page.mjs")],
  "/worker.js": ["text/javascript", await bundle("worker.mjs")],
  "/cachelet.wasm": ["application/wasm", wasm],
};
const server = createServer((request, response) => {
  const [type, content] = files[request.url] ?? ["text/html", '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>tabs</title><script src="/page.js"></script>'];
  response.setHeader("content-type", type);
  response.end(content);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const context = await launchIn(join(root, "profile"));
const browser = await pipedIn(join(root, "another profile"));
try {
  const only = process.argv.slice(2);
  const url = `http://127.0.0.1:${server.address().port}/`;
  const counts = await run({ tabs: tabs({ context, url, only }), "frozen tabs": frozen({ browser, url, only }) }, {}, "chromium");
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await context.close();
  await browser.kill();
  server.close();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
