// Stores in workerd, through miniflare, on the installed package: memory, a Durable Object's storage and Workers KV. Storage is
// kept in a folder; then workerd is ended in the middle of writing and started again.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

/** Times that workerd is killed. */
const KILLS = Number(process.env.CACHELET_KILLS ?? 2);

const folder = prepared("storage-workerd");
const root = mkdtempSync(join(folder, "data-"));
writeFileSync(
  join(folder, "worker.mjs"),
  `import { DurableObject } from "cloudflare:workers";
import { durableObject } from "cachelet/storage/durable-object";
import { memory } from "cachelet/storage/memory";
import { workersKV } from "cachelet/storage/workers-kv";
import { run } from "./js/harness.mjs";
import { check, work } from "./js/storage/records.mjs";
import { database } from "./js/storage/database.mjs";
import { conformance } from "./js/storage/suite.mjs";
import { objects, namespaces } from "./js/storage/workers.mjs";

export class Cache extends DurableObject {
  #store;
  async alarm() {}
  async fetch(request) {
    const url = new URL(request.url);
    const { storage } = this.ctx;
    if (url.pathname === "/suite") {
      return Response.json(await run({ "Durable Object": conformance({ fresh: () => durableObject(freshStorage(this.ctx)) }), "Durable Object, its own": objects(this.ctx, durableObject), "Durable Object, a database in it": database({ fresh: () => durableObject(freshStorage(this.ctx)) }) }, {}, "workerd"));
    }
    this.#store ??= durableObject(storage).open();
    if (url.pathname === "/check") return Response.json(await check(this.#store, Number(url.searchParams.get("acknowledged"))));
    // One record, acknowledged by the reply, which the output gate holds.
    await work(this.#store, Number(url.searchParams.get("index")), () => {}, 1);
    return new Response("done");
  }
}

/** A part of an object's storage that looks like one: tables of its own. */
let storages = 0;
function freshStorage(ctx) {
  const table = \`cachelet\${storages++}\`;
  return {
    sql: { exec: (query, ...bindings) => ctx.storage.sql.exec(query.replaceAll("cachelet", table), ...bindings) },
    transactionSync: (work) => ctx.storage.transactionSync(work),
  };
}

let places = 0;
export default {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/kv") {
      return Response.json(await run({ memory: conformance({ fresh: () => memory() }), "Workers KV": conformance({ fresh: () => workersKV(env.KV, { prefix: \`p\${places++}/\` }), exclusive: false, many: 150 }), "Workers KV, its own": namespaces(env.KV, workersKV), "Workers KV, a database in it": database({ fresh: () => workersKV(env.KV, { prefix: \`p\${places++}/\` }), logs: false }) }, {}, "workerd"));
    }
    if (url.pathname === "/kv-write") {
      const store = await workersKV(env.KV, { prefix: "kept/" }).open();
      await work(store, Number(url.searchParams.get("index")), () => {}, 1);
      return new Response("done");
    }
    if (url.pathname === "/kv-check") return Response.json(await check(await workersKV(env.KV, { prefix: "kept/" }).open(), Number(url.searchParams.get("acknowledged"))));
    return env.CACHE.get(env.CACHE.idFromName(url.searchParams.get("object") ?? "suite")).fetch(request);
  },
};
`,
);
const bundled = await build({ entryPoints: [join(folder, "worker.mjs")], bundle: true, write: false, format: "esm", target: "es2022", conditions: ["workerd"], external: ["*.wasm", "cloudflare:*"], logLevel: "error" });
const wasm = readFileSync(join(dirname(folder), "node_modules/cachelet/dist/wasm/cachelet.wasm"));
const start = () =>
  new Miniflare({
    compatibilityDate: "2026-04-01",
    modules: [
      { type: "ESModule", path: "platform/worker.mjs", contents: bundled.outputFiles[0].text },
      { type: "CompiledWasm", path: "wasm/cachelet.wasm", contents: wasm },
    ],
    modulesRoot: "/",
    durableObjects: { CACHE: { className: "Cache", useSQLite: true } },
    durableObjectsPersist: join(root, "objects"),
    kvNamespaces: ["KV"],
    kvPersist: join(root, "kv"),
  });

let miniflare = start();

/** Ends workerd as a crash does. */
function kill() {
  let killed = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
      if (name === "workerd" && Number(parent) === process.pid) killed += process.kill(Number(pid), "SIGKILL") ? 1 : 0;
    } catch {
      // It ended meanwhile.
    }
  }
  if (killed === 0) throw new Error("there is no workerd to kill");
}

const get = async (path) => {
  const response = await miniflare.dispatchFetch(`http://worker${path}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return text;
};
/** Writers that are killed with workerd, several times; what each acknowledged is there after the next start. */
async function killed(...places) {
  const acknowledged = places.map(() => -1);
  try {
    for (let kills = 0; kills <= KILLS; kills++) {
      await miniflare.dispose();
      miniflare = start();
      const first = [];
      for (const [place, [, check]] of places.entries()) first.push(Number(await get(`${check}acknowledged=${acknowledged[place]}`)));
      if (kills === KILLS) break;
      let isKilled = false;
      const writing = places.map(async ([write], place) => {
        for (let index = first[place]; !isKilled; index++) {
          try {
            await get(`${write}index=${index}`);
            acknowledged[place] = index;
          } catch (error) {
            if (!isKilled) throw error;
          }
        }
      });
      await Promise.race([new Promise((wake) => setTimeout(wake, 200 + Math.random() * 300)), ...writing]);
      isKilled = true;
      kill();
      await Promise.all(writing);
    }
    if (acknowledged.some((count) => count < 3 * KILLS)) throw new Error(`only ${acknowledged} records`);
    return { passed: 1, failed: 0, skipped: 0, failures: [] };
  } catch (error) {
    return { passed: 0, failed: 1, skipped: 0, failures: [`killed ${KILLS} times while it writes: ${error.stack}`] };
  }
}

try {
  const counts = JSON.parse(await get("/suite"));
  const add = (more) => {
    for (const key of ["passed", "failed", "skipped"]) counts[key] += more[key];
    counts.failures.push(...more.failures);
  };
  add(JSON.parse(await get("/kv")));
  if (existsSync("/proc/self/stat")) add(await killed(["/?object=killed&", "/check?object=killed&"], ["/kv-write?", "/kv-check?"]));
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await miniflare.dispose();
  rmSync(root, { recursive: true, force: true });
}
