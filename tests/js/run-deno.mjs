// The suites in Deno, on the installed package, with leave to read files and nothing else.
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../../js/scripts/shell.mjs";
import { prepared } from "./package.mjs";

const deno = process.env.CACHELET_DENO ?? join(root, "node_modules/.bin/deno");
if (!existsSync(deno)) {
  console.log("there is no Deno: npm install brings it");
  process.exit(77);
}
const folder = prepared("deno");
writeFileSync(
  join(folder, "main.mjs"),
  'import { main } from "./entry.mjs";\nimport { summary } from "./js/harness.mjs";\nconst counts = await main("deno");\nconsole.log(summary(counts));\nif (counts.failed > 0) Deno.exit(1);\n',
);
const done = spawnSync(deno, ["run", "--no-prompt", "--quiet", "--node-modules-dir=manual", `--allow-read=${dirname(folder)}`, join(folder, "main.mjs")], { stdio: "inherit", cwd: dirname(folder), env: { ...process.env, NO_COLOR: "1" } });
process.exitCode = done.status ?? 1;
