// What the facade weighs in a program: bundled and minified for each platform, without the engine.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { installed } from "../js/package.mjs";

/** Most bytes, gzipped: 16 KB for the clients, and what reads a database back and keeps it. */
const BUDGET = 20 << 10;

const folder = installed();
const entry = join(folder, "weigh.mjs");
writeFileSync(entry, 'import { open } from "cachelet";\nconst db = await open();\nconsole.log(db.ping(), await db.portable().ping());\n');
let failed = 0;
const conditions = ["workerd", "deno", "browser", "node"];
for (const condition of conditions) {
  const { outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, write: false, format: "esm", target: "es2022", platform: condition === "node" ? "node" : "neutral", conditions: [condition], external: ["*.wasm", "node:*"], logLevel: "error" });
  const gzip = gzipSync(outputFiles[0].contents, { level: 9 }).length;
  const fits = gzip <= BUDGET;
  if (!fits) failed++;
  console.log(`${fits ? "ok  " : "FAIL"} ${condition.padEnd(8)} ${(outputFiles[0].contents.length / 1024).toFixed(1)} KB minified, ${(gzip / 1024).toFixed(1)} KB gzip of ${BUDGET / 1024}`);
}
console.log(`${conditions.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
