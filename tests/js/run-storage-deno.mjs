// Stores in Deno, on the installed package: memory, files and Deno KV, with leave to read the package, and to read and write
// the directory, and nothing else.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { root as project } from "../../js/scripts/shell.mjs";
import { run, summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

const deno = process.env.CACHELET_DENO ?? join(project, "node_modules/.bin/deno");
if (!existsSync(deno)) {
  console.log("there is no Deno: npm install brings it");
  process.exit(77);
}
const folder = prepared("storage-deno");
const root = mkdtempSync(join(folder, "data-"));
const leave = ["run", "--no-prompt", "--quiet", "--unstable-kv", "--node-modules-dir=manual", `--allow-read=${dirname(folder)}`, `--allow-write=${root}`];
writeFileSync(
  join(folder, "main.mjs"),
  `import { memory } from "cachelet/storage/memory";
import { run, summary } from "./js/harness.mjs";
import { conformance } from "./js/storage/suite.mjs";
import { database } from "./js/storage/database.mjs";
import { directories, placeIn } from "./js/storage/files.mjs";
import { databases, databasesIn } from "./js/storage/kv.mjs";
const root = ${JSON.stringify(root)};
const counts = await run({ memory: conformance({ fresh: () => memory() }), files: conformance(placeIn(root)), "files, their directory": directories(root), "Deno KV": conformance(databasesIn(root)), "files, a database in it": database(placeIn(root)), "Deno KV, a database in it": database(databasesIn(root)), "Deno KV, its own": databases(root) }, {}, "deno");
console.log(summary(counts));
if (counts.failed > 0) Deno.exit(1);
`,
);

try {
  const inside = spawnSync(deno, [...leave, join(folder, "main.mjs")], { stdio: "inherit", cwd: dirname(folder), env: { ...process.env, NO_COLOR: "1" } });
  // What Deno itself has fits what is asked for.
  writeFileSync(
    join(folder, "check.ts"),
    `import { denoKV } from "cachelet/storage/deno-kv";
import { files } from "cachelet/storage/files";
const kv = await Deno.openKv();
await denoKV(kv, { prefix: ["a"] }).open();
files(new URL("file:///data")).open().close();
// @ts-expect-error it is a storage
export const wrong: number = denoKV(kv);
`,
  );
  const types = spawnSync(deno, ["check", "--quiet", "--unstable-kv", "--node-modules-dir=manual", join(folder, "check.ts")], { encoding: "utf8", cwd: dirname(folder), env: { ...process.env, NO_COLOR: "1" } });
  const { killing, processes } = await import(pathToFileURL(join(folder, "js/storage/processes.mjs")));
  const command = [deno, ...leave];
  const kv = killing({
    folder,
    command,
    name: "writer-kv",
    source: 'import { denoKV } from "cachelet/storage/deno-kv";\nconst open = (path) => denoKV(path).open({ takeOver: true });',
    fresh: () => join(mkdtempSync(join(root, "killed-")), "kv.db"),
  });
  const counts = await run({ "files, whole programs": processes({ root, folder, command }), "Deno KV, whole programs": kv }, {}, "deno");
  if (types.status === 0) counts.passed++;
  else counts.failures.push(`types: ${types.stderr}`), counts.failed++;
  console.log(summary(counts));
  process.exitCode = inside.status !== 0 || counts.failed > 0 ? 1 : 0;
} finally {
  rmSync(root, { recursive: true, force: true });
}
