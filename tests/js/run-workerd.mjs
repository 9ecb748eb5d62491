// The suites in workerd, through miniflare: the installed package, bundled as Workers are.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

const folder = prepared("workerd");
const worker = join(folder, "worker.mjs");
writeFileSync(
  worker,
  `import { main } from "./entry.mjs";
import { EngineLostError, openSync } from "cachelet";
let db;

// A load beyond what an isolate's defaults hold: sizes change from round to round, so that memory comes to lie in pieces.
function churn(policy) {
  const db = openSync({ config: { "maxmemory-policy": policy } });
  const found = { maxmemory: db.call("CONFIG", "GET", "maxmemory").maxmemory, written: 0, refused: 0, other: [], most: 0 };
  const text = "v".repeat(100_000);
  const tell = (...args) => {
    try {
      db.call(...args);
      found.written++;
    } catch (error) {
      if (error instanceof EngineLostError) throw error;
      if (error.message.startsWith("OOM")) found.refused++;
      else found.other.push(error.message);
    }
    found.most = Math.max(found.most, db.instance.door.memory);
  };
  for (const size of [40, 4000, 150, 30_000, 1000, 90_000, 300]) {
    const count = Math.min(40_000, Math.ceil((64 << 20) / size));
    for (let i = 0; i < count; i++) {
      tell("SET", "k:" + ((i * 7919) % 60_000), text.slice(0, size + (i % 50)));
      if (i % 10 === 0) tell("RPUSH", "l:" + (i % 500), text.slice(0, size % 3000), i);
      if (i % 20 === 0) tell("ZADD", "z:" + (i % 50), i, "m:" + i);
    }
    // Nothing goes by itself without a policy.
    if (policy === "noeviction") for (let i = 0; i < 60_000; i += 2) tell("DEL", "k:" + i);
  }
  found.reads = db.call("DBSIZE") > 0;
  db.call("FLUSHALL");
  found.again = db.call("SET", "again", text);
  db.close();
  return found;
}
const answers = {
  "/suite": () => main("workerd"),
  "/wait": () => db.portable().blpop("q", 0),
  "/wait-briefly": () => db.portable().blpop("q", 0.1),
  "/push": () => db.rpush("q", "x"),
  "/listen": async () => (await db.subscribe("c").next()).value,
  "/publish": () => db.publish("c", "x"),
  "/churn": () => ["noeviction", "allkeys-lru"].map(churn),
  "/bounds": () =>
    [{}, { memoryLimit: 20 << 20 }, { config: { maxmemory: "10mb" } }, { memoryLimit: 0 }].map((options) => {
      const db = openSync(options);
      const told = db.call("INFO", "memory");
      db.close();
      return ["maxmemory", "total_system_memory"].map((name) => Math.round(Number(new RegExp("^" + name + ":([0-9]+)", "m").exec(told)[1]) / (1 << 20)));
    }),
};
export default {
  async fetch(request) {
    db ??= openSync();
    return Response.json(await answers[new URL(request.url).pathname]());
  },
};
`,
);
const bundled = await build({ entryPoints: [worker], bundle: true, write: false, format: "esm", target: "es2022", conditions: ["workerd"], external: ["*.wasm"], logLevel: "error" });
const wasm = readFileSync(join(dirname(folder), "node_modules/cachelet/dist/wasm/cachelet.wasm"));

const miniflare = new Miniflare({
  compatibilityDate: "2026-04-01",
  modules: [
    { type: "ESModule", path: "platform/worker.mjs", contents: bundled.outputFiles[0].text },
    { type: "CompiledWasm", path: "wasm/cachelet.wasm", contents: wasm },
  ],
  modulesRoot: "/",
});
try {
  const get = async (path) => {
    const response = await miniflare.dispatchFetch(`http://worker${path}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return JSON.parse(text);
  };
  const counts = await get("/suite");
  // One request waits for what another brings, which no suite can do from within one request.
  const across = async (wait, bring, wanted) => {
    try {
      const waiting = get(wait);
      waiting.catch(() => {});
      for (let tries = 0; bring && tries < 100; tries++) {
        await new Promise((wake) => setTimeout(wake, 50));
        if ((await get(bring)) === 1) break;
      }
      const got = JSON.stringify(await waiting);
      if (got !== JSON.stringify(wanted)) throw new Error(`got ${got}`);
      counts.passed++;
    } catch (error) {
      counts.failed++;
      counts.failures.push(`across requests: ${wait}: ${error.message}`);
    }
  };
  await across("/wait", "/push", ["q", "x"]);
  await across("/wait-briefly", undefined, null);
  await across("/listen", "/publish", { channel: "c", message: "x" });
  const check = (holds, what) => {
    counts[holds ? "passed" : "failed"]++;
    if (!holds) counts.failures.push(what);
  };
  const bounds = JSON.stringify(await get("/bounds"));
  check(bounds === "[[48,96],[10,20],[10,96],[0,4096]]", `what bounds memory by default, and where options say otherwise: ${bounds}`);
  for (const found of await get("/churn")) {
    const { maxmemory, written, refused, other, most, reads, again } = found;
    const holds = maxmemory === String(48 << 20) && written > 50_000 && other.length === 0 && reads && again === "OK";
    check(holds && most <= 96 << 20, `an isolate's defaults hold under churn: ${JSON.stringify(found)}`);
    console.log(`churn in an isolate: ${written} commands done, ${refused} refused, at most ${(most / (1 << 20)).toFixed(1)} MB of WebAssembly's memory`);
  }
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await miniflare.dispose();
}
