// js/generated/commands.ts is what js/generated/commands.json says. (That commands.json is what the engine declares,
// tests/catalog.rs holds.)
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { generate } from "../../js/scripts/generate.mjs";
import { root } from "../../js/scripts/shell.mjs";

const folder = join(root, "js/generated");
const wanted = generate(JSON.parse(readFileSync(join(folder, "commands.json"), "utf8")));
const isCurrent = wanted === readFileSync(join(folder, "commands.ts"), "utf8");
if (!isCurrent) console.log("FAIL js/generated/commands.ts is stale. Run:\n    node js/scripts/generate.mjs");
console.log(isCurrent ? "1 passed, 0 failed, 0 skipped" : "0 passed, 1 failed, 0 skipped");
process.exitCode = isCurrent ? 0 : 1;
