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
import { openSync } from "cachelet";
let db;
const answers = {
  "/suite": () => main("workerd"),
  "/wait": () => db.portable().blpop("q", 0),
  "/wait-briefly": () => db.portable().blpop("q", 0.1),
  "/push": () => db.rpush("q", "x"),
  "/listen": async () => (await db.subscribe("c").next()).value,
  "/publish": () => db.publish("c", "x"),
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
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await miniflare.dispose();
}
