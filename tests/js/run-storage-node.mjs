// Stores in Node, on the installed package: memory and files, a full disk, and programs that are killed while they write.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { run, summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

const folder = prepared("storage-node");
const root = mkdtempSync(join(folder, "data-"));
const load = (path) => import(pathToFileURL(join(folder, path)));
const { conformance } = await load("js/storage/suite.mjs");
const { database } = await load("js/storage/database.mjs");
const { failures } = await load("js/storage/failing.mjs");
const { directories, placeIn } = await load("js/storage/files.mjs");
const { conforming, faults } = await load("js/storage/faulty-suite.mjs");
const { processes } = await load("js/storage/processes.mjs");
writeFileSync(join(folder, "memory.mjs"), 'export * from "cachelet/storage/memory";\n');
const { memory } = await load("memory.mjs");

const withModel = { name: "model of node:fs", setup: ({ onResolve }) => onResolve({ filter: /^node:fs$/ }, () => ({ path: join(folder, "js/storage/fs-model.mjs") })) };
await build({ entryPoints: [join(folder, "js/storage/models.mjs")], bundle: true, outfile: join(folder, "models-bundled.mjs"), format: "esm", target: "es2022", platform: "node", conditions: ["node"], external: ["node:os", "node:path", "node:process", "node:timers", "node:url"], plugins: [withModel], logLevel: "error" });
const models = await load("models-bundled.mjs");

try {
  const counts = await run(
    {
      memory: conformance({ fresh: () => memory() }),
      files: conformance(placeIn(root)),
      "memory, a database in it": database({ fresh: () => memory() }),
      "files, a database in it": database(placeIn(root)),
      "files, their directory": directories(root),
      ...conforming,
      "faulty disk": faults,
      "a database whose store fails": failures,
      ...models.suites,
      "files, whole programs": processes({ root, folder, command: [process.execPath] }),
    },
    {},
    "node",
  );
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  rmSync(root, { recursive: true, force: true });
}
