// Every store can be imported alone: it brings the contract, the errors and what is its own, and a module of the platform only
// where it says so.
import { join } from "node:path";
import { readdirSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { installed } from "../js/package.mjs";

/** What an adapter brings beside itself. */
const SHARED = ["errors", "storage/contract"];
const OWN = { files: ["storage/lock"] };
/** Which modules of a platform one imports. */
const PLATFORM = { files: ["node:fs", "node:os", "node:path", "node:process", "node:timers", "node:url"] };
/** No adapters. */
const PARTS = ["adapter", "contract", "lock"];

const folder = installed();
const inside = join(folder, "node_modules/cachelet/dist/");
const names = readdirSync(join(inside, "storage")).flatMap((file) => (file.endsWith(".js") ? [file.slice(0, -3)] : [])).filter((name) => !PARTS.includes(name));
let failed = 0;
for (const name of names) {
  const entry = join(folder, `store-${name}.mjs`);
  writeFileSync(entry, `export * from "cachelet/storage/${name}";\n`);
  const { metafile, outputFiles } = await build({ entryPoints: [entry], bundle: true, minify: true, write: false, metafile: true, absWorkingDir: inside, format: "esm", target: "es2022", external: ["node:*"], logLevel: "error" });
  const inputs = Object.keys(metafile.inputs).filter((path) => path.endsWith(".js")).map((path) => path.slice(0, -3)).sort();
  const platform = Object.values(metafile.outputs)[0].imports.map(({ path }) => path).sort();
  const wanted = [`storage/${name}`, ...SHARED, ...(OWN[name] ?? [])].sort();
  const fits = String(inputs) === String(wanted) && String([...new Set(platform)]) === String(PLATFORM[name] ?? []);
  if (!fits) failed++;
  console.log(`${fits ? "ok  " : "FAIL"} ${name.padEnd(14)} ${(gzipSync(outputFiles[0].contents, { level: 9 }).length / 1024).toFixed(1)} KB gzip${fits ? "" : `: ${inputs} ${platform}`}`);
}
console.log(`${names.length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 || names.length < 7 ? 1 : 0;
