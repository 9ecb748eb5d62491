// Stores in Chromium, on the installed package, bundled as pages are: memory and IndexedDB in a page, OPFS in a worker. The profile is a folder, as
// a user's is: a browser without one keeps everything in memory. Then the whole browser is killed while a page writes.
// needs: chromium
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { launchIn, startIn } from "./chromium.mjs";
import { run, summary } from "./harness.mjs";
import { prepared } from "./package.mjs";
import { browsers, wholeBrowsers } from "./storage/browsers.mjs";

const folder = prepared("storage-browser");
const root = mkdtempSync(join(folder, "data-"));
writeFileSync(
  join(folder, "worker.mjs"),
  `import { opfs } from "cachelet/storage/opfs";
import { run } from "./js/harness.mjs";
import { originFiles } from "./js/storage/opfs.mjs";
import { database } from "./js/storage/database.mjs";
import { conformance } from "./js/storage/suite.mjs";

let count = 0;
let store;
const fresh = () => opfs(\`suite/\${count++}\`);
const suites = { OPFS: conformance({ fresh, many: 300 }), "OPFS, its own": originFiles };
const calls = {
  suites: async () => {
    const module = await WebAssembly.compileStreaming(fetch("/cachelet.wasm"));
    return run({ ...suites, "OPFS, a database in it": database({ fresh }, { module }) }, {}, "chromium");
  },
  open: async (name, options) => {
    store = await opfs(name).open(options);
  },
  busy: (ms) => {
    for (const until = performance.now() + ms; performance.now() < until; );
  },
};
self.onmessage = async ({ data: [id, method, args] }) => {
  try {
    self.postMessage([id, await (calls[method] ? calls[method](...args) : store[method](...args))]);
  } catch (error) {
    self.postMessage([id, undefined, [error.name, error.message]]);
  }
};
`,
);
writeFileSync(join(folder, "shared.mjs"), 'import { opfs } from "cachelet/storage/opfs";\nself.onconnect = ({ ports: [port] }) => opfs("shared").open().then(() => port.postMessage("opened"), (error) => port.postMessage(error.name + ": " + error.message));\n');
writeFileSync(
  join(folder, "page.mjs"),
  `import { indexedDB } from "cachelet/storage/indexeddb";
import { memory } from "cachelet/storage/memory";
import { opfs } from "cachelet/storage/opfs";
import { run } from "./js/harness.mjs";
import { check, work } from "./js/storage/records.mjs";
import { database } from "./js/storage/database.mjs";
import { bytesOf, conformance } from "./js/storage/suite.mjs";

let count = 0;
const indexed = (durability) => conformance({ fresh: () => indexedDB(\`\${durability} \${count++}\`, { durability }), many: 300 });
const suites = { memory: conformance({ fresh: () => memory() }), "IndexedDB, strict": indexed("strict"), "IndexedDB, relaxed": indexed("relaxed") };

// A store in a worker, called from the page.
let worker;
const waiting = new Map();
function call(method, ...args) {
  if (!worker) {
    worker = new Worker("/worker.js");
    worker.onmessage = ({ data: [id, value, error] }) => {
      const [resolve, reject] = waiting.get(id);
      if (error) reject(Object.assign(new Error(error[1]), { name: error[0] }));
      else resolve(value);
    };
  }
  return new Promise((resolve, reject) => worker.postMessage([waiting.set(++count, [resolve, reject]) && count, method, args]));
}
const remote = Object.fromEntries(["get", "list", "write", "sync", "close"].map((method) => [method, (...args) => call(method, ...args)]));

// What is asked for from outside: one store of a page, in OPFS where its name says so.
window.suites = async () => {
  const module = await WebAssembly.compileStreaming(fetch("/cachelet.wasm"));
  const kept = (durability) => database({ fresh: () => indexedDB(\`\${durability} \${count++}\`, { durability }) }, { module });
  const databases = { "IndexedDB, strict, a database in it": kept("strict"), "IndexedDB, relaxed, a database in it": kept("relaxed") };
  return [await run({ ...suites, ...databases }, {}, "chromium"), await call("suites")];
};
window.open_ = async (name, options) => {
  if (name.startsWith("opfs")) await call("open", name, options), (window.store = { ...remote, appends: true });
  else window.store = await indexedDB(name).open(options);
};
window.openHere = (name) => opfs(name).open();
window.openShared = () => new Promise((done) => (new SharedWorker("/shared.js").port.onmessage = ({ data }) => done(data)));
window.busy = (ms) => call("busy", ms);
window.endWorker = () => (worker.terminate(), (worker = undefined));
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
const scripts = { "/page.js": await bundle("page.mjs"), "/worker.js": await bundle("worker.mjs"), "/shared.js": await bundle("shared.mjs") };
const wasm = readFileSync(join(dirname(folder), "node_modules/cachelet/dist/wasm/cachelet.wasm"));
const server = createServer((request, response) => {
  if (request.url === "/cachelet.wasm") return response.setHeader("content-type", "application/wasm").end(wasm);
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
  const [counts, ...others] = await page.evaluate(() => window.suites());
  const add = (more) => {
    for (const key of ["passed", "failed", "skipped"]) counts[key] += more[key];
    counts.failures.push(...more.failures);
  };
  others.forEach(add);
  const whole = wholeBrowsers({ root, url, launchIn, startIn, kinds: ["indexeddb", "opfs"] });
  add(await run({ "among tabs": browsers({ context, url }), "whole browsers": whole }, {}, "chromium"));
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await context.close();
  server.close();
  rmSync(root, { recursive: true, force: true, maxRetries: 5 });
}
