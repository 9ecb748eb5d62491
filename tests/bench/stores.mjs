// Writes a second of every store where it lives: Node, Deno, workerd, Chromium; each written to by one caller who waits for
// every answer. Beside them what the disk does when a file is written and flushed bare, in the same round: that is what
// durable costs here, and on another machine it is another figure.
import { spawnSync } from "node:child_process";
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { rates } from "./_rate.mjs";
import { median, table } from "./measure.mjs";

const ROUNDS = 3;
const MS = 400;

const file = (path) => fileURLToPath(new URL(path, import.meta.url));
const dist = (name) => file(`../../dist/storage/${name}.js`);

/** A store as a module that a bundler can bundle: `open(where)`. */
const source = (names, body) => `${names.map(([name, module]) => `import { ${name} } from ${JSON.stringify(dist(module))};`).join("\n")}\nimport { rates } from ${JSON.stringify(file("_rate.mjs"))};\n${body}`;

async function bundle(folder, names, body, options) {
  const entry = join(folder, `entry-${names[0][1]}.mjs`);
  writeFileSync(entry, source(names, body));
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, write: false, format: "esm", target: "es2022", external: ["node:*", "cloudflare:*"], logLevel: "error", ...options });
  return outputFiles[0].text;
}

/** What one file does: written, and written and flushed. */
function disk(folder) {
  const bytes = { record: new Uint8Array(100), chunk: new Uint8Array(65_000) };
  const rate = (bytes, flushed) => {
    const fd = openSync(join(folder, "bare"), "w");
    let count = 0;
    const start = performance.now();
    do {
      writeSync(fd, bytes);
      if (flushed) fdatasyncSync(fd);
      count++;
    } while (performance.now() - start < MS);
    fdatasyncSync(fd);
    closeSync(fd);
    return (count * 1000) / (performance.now() - start);
  };
  return { record: rate(bytes.record, true), recordLater: rate(bytes.record, false), chunk: rate(bytes.chunk, true), chunkLater: rate(bytes.chunk, false) };
}

async function inNode(folder) {
  const [{ memory }, { files }] = await Promise.all([import(dist("memory")), import(dist("files"))]);
  const inMemory = await rates(memory().open(), MS);
  const store = files(join(folder, "node")).open();
  const inFiles = await rates(store, MS);
  store.close();
  rmSync(join(folder, "node"), { recursive: true });
  return { "memory, Node": inMemory, "files, Node": inFiles };
}

async function inDeno(folder) {
  const deno = process.env.CACHELET_DENO ?? file("../../node_modules/.bin/deno");
  const body = `const place = ${JSON.stringify(folder)};
const results = {};
for (const [name, storage] of [["files, Deno", files(place + "/deno")], ["Deno KV", denoKV(place + "/kv.db")]]) {
  const store = await storage.open();
  results[name] = await rates(store, ${MS});
  await store.close();
}
console.log(JSON.stringify(results));
Deno.exit(0);
`;
  const script = join(folder, "deno.mjs");
  writeFileSync(script, await bundle(folder, [["files", "files"], ["denoKV", "deno-kv"]], body));
  const done = spawnSync(deno, ["run", "--no-prompt", "--quiet", "--unstable-kv", `--allow-read=${folder}`, `--allow-write=${folder}`, script], { encoding: "utf8" });
  rmSync(join(folder, "deno"), { recursive: true, force: true });
  if (done.status !== 0) throw new Error(done.stderr);
  return JSON.parse(done.stdout);
}

async function inWorkerd(folder) {
  const body = `import { DurableObject } from "cloudflare:workers";
export class Cache extends DurableObject {
  async fetch(request) {
    this.store ??= durableObject(this.ctx.storage).open();
    if (new URL(request.url).pathname === "/rates") return Response.json(await rates(this.store, ${MS}));
    this.store.write([{ kind: "append", name: "acknowledged", bytes: new Uint8Array(100) }], true);
    return new Response();
  }
}
export default {
  async fetch(request, env) {
    const object = env.CACHE.get(env.CACHE.idFromName("bench"));
    const path = new URL(request.url).pathname;
    if (path === "/object") return object.fetch("http://object/rates");
    if (path === "/kv") return Response.json(await rates(await workersKV(env.KV).open(), ${MS}));
    // A reply leaves the object when what it wrote is durable.
    let count = 0;
    const start = performance.now();
    do {
      await object.fetch("http://object/write");
      count++;
    } while (performance.now() - start < ${MS});
    return Response.json((count * 1000) / (performance.now() - start));
  },
};
`;
  const contents = await bundle(folder, [["durableObject", "durable-object"], ["workersKV", "workers-kv"]], body);
  const miniflare = new Miniflare({
    compatibilityDate: "2026-04-01",
    modules: [{ type: "ESModule", path: "worker.mjs", contents }],
    modulesRoot: "/",
    durableObjects: { CACHE: { className: "Cache", useSQLite: true } },
    durableObjectsPersist: join(folder, "objects"),
    kvNamespaces: ["KV"],
    kvPersist: join(folder, "kv"),
  });
  try {
    const get = async (path) => (await miniflare.dispatchFetch(`http://worker${path}`)).json();
    // Within an object nothing waits: what is durable is so when the reply has left.
    const object = { ...(await get("/object")), record: await get("/acknowledged"), chunk: NaN };
    return { "Durable Object": object, "Workers KV": await get("/kv") };
  } finally {
    await miniflare.dispose();
    for (const name of ["objects", "kv"]) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

async function inChromium(folder) {
  const { launchIn } = await import("../js/chromium.mjs");
  const page = `window.run = async () => {
  const results = {};
  for (const durability of ["strict", "relaxed"]) {
    const store = await indexedDB(durability, { durability }).open();
    results["IndexedDB, " + durability] = await rates(store, ${MS});
    await store.close();
  }
  const worker = new Worker("/worker.js", { type: "module" });
  results.OPFS = await new Promise((done, fail) => {
    worker.onmessage = ({ data }) => done(data);
    worker.onerror = ({ message }) => fail(new Error(message));
  });
  return results;
};`;
  const scripts = { "/page.js": await bundle(folder, [["indexedDB", "indexeddb"]], page), "/worker.js": await bundle(folder, [["opfs", "opfs"]], `self.postMessage(await rates(await opfs("bench").open(), ${MS}));`) };
  const server = createServer((request, response) => {
    const script = scripts[request.url];
    response.setHeader("content-type", script ? "text/javascript" : "text/html");
    response.end(script ?? '<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>stores</title><script type="module" src="/page.js"></script>');
  });
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const context = await launchIn(join(folder, "profile"));
  try {
    const tab = await context.newPage();
    await tab.goto(`http://127.0.0.1:${server.address().port}/`);
    return await tab.evaluate(() => window.run());
  } finally {
    await context.close();
    server.close();
    rmSync(join(folder, "profile"), { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function run() {
  // Beside the sources: what the system keeps in memory would flush nothing.
  const folder = mkdtempSync(file("../../target/stores-"));
  const figures = {};
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const results = { "a bare file": disk(folder), ...(await inNode(folder)), ...(await inDeno(folder)), ...(await inWorkerd(folder)), ...(await inChromium(folder)) };
      for (const [name, result] of Object.entries(results)) {
        for (const [what, figure] of Object.entries(result)) ((figures[name] ??= {})[what] ??= []).push(figure);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const results = Object.fromEntries(Object.entries(figures).map(([name, result]) => [name, Object.fromEntries(Object.entries(result).map(([what, all]) => [what, median(all)]))]));
  const bare = results["a bare file"];
  const cell = (figure, peer) => (Number.isFinite(figure) ? `${figure.toFixed(0)} (${(figure / peer).toFixed(figure < peer / 10 ? 3 : 2)})` : "");
  table([
    ["writes a second (to a bare file's)", "100 B durable", "100 B not", "65 KB durable", "65 KB not"],
    ...Object.entries(results).map(([name, result]) => [name, ...["record", "recordLater", "chunk", "chunkLater"].map((what) => cell(result[what], bare[what]))]),
  ]);
  return results;
}
