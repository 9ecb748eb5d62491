// Stores in Chromium, on the installed package, bundled as pages are: memory and IndexedDB in a page. The profile is a folder, as
// a user's is: a browser without one keeps everything in memory. Then the whole browser is killed while a page writes.
// needs: chromium
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { build } from "esbuild";
import { launchIn, startIn } from "./chromium.mjs";
import { run, summary } from "./harness.mjs";
import { prepared } from "./package.mjs";
import { browsers, wholeBrowsers } from "./storage/browsers.mjs";

const folder = prepared("storage-browser");
const root = mkdtempSync(join(folder, "data-"));
writeFileSync(
  join(folder, "page.mjs"),
  `import { indexedDB } from "cachelet/storage/indexeddb";
import { memory } from "cachelet/storage/memory";
import { run } from "./js/harness.mjs";
import { check, work } from "./js/storage/records.mjs";
import { bytesOf, conformance } from "./js/storage/suite.mjs";

let count = 0;
const indexed = (durability) => conformance({ fresh: () => indexedDB(\`\${durability} \${count++}\`, { durability }) });
const suites = { memory: conformance({ fresh: () => memory() }), "IndexedDB, strict": indexed("strict"), "IndexedDB, relaxed": indexed("relaxed") };
window.suites = () => run(suites, {}, "chromium");
// What is asked for from outside: one store of a page.
window.open_ = (name, options) => indexedDB(name).open(options).then((store) => void (window.store = store));
window.attempt = (work) => work().then(() => "done", (error) => error.name + ": " + error.message);
window.put = (name, length, durable = true) => window.attempt(() => window.store.write([{ kind: "put", name, bytes: bytesOf(length) }], durable));
window.write = async (name, acknowledged) => {
  await window.open_(name);
  const first = await check(window.store, acknowledged);
  await window.acknowledge("open");
  // Told once it is durable; what is told arrives before the next is written.
  await work(window.store, first, (index) => window.acknowledge(index));
};
window.checkRecords = async (name, acknowledged) => {
  await window.open_(name);
  return check(window.store, acknowledged);
};
`,
);
const bundle = async (entry) => (await build({ entryPoints: [join(folder, entry)], bundle: true, write: false, format: "iife", target: "es2022", conditions: ["browser"], logLevel: "error" })).outputFiles[0].contents;
const scripts = { "/page.js": await bundle("page.mjs") };
const server = createServer((request, response) => {
  const script = scripts[request.url];
  response.setHeader("content-type", script ? "text/javascript" : "text/html");
  response.end(script ?? '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>stores</title><script src="/page.js"></script>');
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
const url = `http://127.0.0.1:${server.address().port}/`;

const context = await launchIn(join(root, "profile"));
try {
  const page = await context.newPage();
  page.on("pageerror", (error) => console.log(`page: ${error.stack ?? error}`));
  await page.goto(url);
  const counts = await page.evaluate(() => window.suites());
  const add = (more) => {
    for (const key of ["passed", "failed", "skipped"]) counts[key] += more[key];
    counts.failures.push(...more.failures);
  };
  const whole = wholeBrowsers({ root, url, launchIn, startIn, kinds: ["indexeddb"] });
  add(await run({ "IndexedDB among tabs": browsers({ context, url }), "whole browsers": whole }, {}, "chromium"));
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await context.close();
  server.close();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
