// tests/js/types.ts and object-types.ts against the types of the installed package, as its users' compilers find them: through the exports
// map with Node's rules, and with a bundler's under each platform's condition; objects beside Cloudflare's own types.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../js/scripts/shell.mjs";
import { installed } from "../js/package.mjs";

const folder = join(installed(), "types");
mkdirSync(folder, { recursive: true });
for (const file of ["types.ts", "object-types.ts"]) copyFileSync(join(root, "tests/js", file), join(folder, file));
const strict = { noEmit: true, strict: true, target: "ES2022", lib: ["ES2022", "ESNext.Disposable", "DOM", "DOM.Iterable", "DOM.AsyncIterable"], types: [], exactOptionalPropertyTypes: false, skipLibCheck: false };
const ways = {
  "node's rules": { module: "NodeNext", moduleResolution: "NodeNext" },
  ...Object.fromEntries(["workerd", "deno", "browser"].map((name) => [`a bundler for ${name}`, { module: "ESNext", moduleResolution: "Bundler", customConditions: [name] }])),
  "Cloudflare's types": { module: "ESNext", moduleResolution: "Bundler", customConditions: ["workerd"], types: ["@cloudflare/workers-types"], lib: ["ES2022", "ESNext.Disposable"] },
};
let failed = 0;
for (const [name, options] of Object.entries(ways)) {
  const file = options.types ? "object-types.ts" : "types.ts";
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...strict, ...options }, files: [file] }));
  const done = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--project", folder], { encoding: "utf8" });
  if (done.status !== 0) {
    failed++;
    console.log(`FAIL with ${name}:\n${done.stdout}`);
  }
}
console.log(`${Object.keys(ways).length - failed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
