// The suites in workerd, through miniflare: the installed package, bundled as Workers are.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

const folder = prepared("workerd");
const worker = join(folder, "worker.mjs");
writeFileSync(worker, 'import { main } from "./entry.mjs";\nexport default { fetch: async () => Response.json(await main("workerd")) };\n');
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
  const response = await miniflare.dispatchFetch("http://suite/");
  if (!response.ok) throw new Error(`the worker failed: ${response.status} ${await response.text()}`);
  const counts = await response.json();
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await miniflare.dispose();
}
