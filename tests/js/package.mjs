// The package as its users get it: packed, installed into a folder of its own, and the suites beside it.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow, fingerprint, root } from "../../js/scripts/shell.mjs";

const cache = join(root, "node_modules/.cache/cachelet-packed");

/** A folder in which `import "cachelet"` finds the packed package. Made once for each content. */
export function installed() {
  if (!existsSync(join(root, "dist/wasm/cachelet.wasm"))) throw new Error("there is no build: run npm run build first");
  const parts = filesBelow(join(root, "dist"), (file) => !file.startsWith(".stamps")).map((file) => `dist/${file}`);
  const key = fingerprint([], ["package.json", ...parts]).slice(0, 16);
  const folder = join(cache, key);
  if (existsSync(folder)) {
    utimesSync(folder, new Date(), new Date());
    return realpathSync(folder);
  }
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "new-"));
  const npm = (args, cwd) => {
    const done = spawnSync("npm", args, { cwd, encoding: "utf8", shell: process.platform === "win32" });
    if (done.status !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${done.stdout}${done.stderr}`);
    return done.stdout;
  };
  npm(["pack", "--ignore-scripts", "--pack-destination", work], root);
  const tarball = readdirSync(work).find((file) => file.endsWith(".tgz"));
  writeFileSync(join(work, "package.json"), JSON.stringify({ name: "stranger", private: true, type: "module" }));
  npm(["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts", `./${tarball}`], work);
  try {
    renameSync(work, folder);
  } catch (error) {
    // Another runner was first.
    rmSync(work, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  // The last few stay, for whoever goes back and forth between branches.
  const byAge = readdirSync(cache).map((name) => ({ name, at: statSync(join(cache, name)).mtimeMs })).sort((a, b) => b.at - a.at);
  for (const { name, at } of byAge.slice(8)) if (Date.now() - at > 600_000) rmSync(join(cache, name), { recursive: true, force: true });
  return realpathSync(folder);
}

/**
 * A folder beside the package with a copy of what of tests/ runs everywhere, laid out as it is there, and an `entry.mjs`
 * that exports `main(runtime)`. Words on the command line choose suites.
 */
export function prepared(name, words = process.argv.slice(2)) {
  const folder = join(installed(), `suite-${name}`);
  const chosen = readdirSync(join(root, "tests/js/suite")).filter((file) => file.endsWith(".mjs") && (words.length === 0 || words.some((word) => file.includes(word))));
  rmSync(folder, { recursive: true, force: true });
  for (const part of ["js/suite", "js/storage", "js/harness.mjs", "scenario"]) cpSync(join(root, "tests", part), join(folder, part), { recursive: true });
  const lines = [
    'import * as cachelet from "cachelet";',
    'import { run } from "./js/harness.mjs";',
    ...chosen.map((file, index) => `import suite${index} from "./js/suite/${file}";`),
    `const suites = { ${chosen.map((file, index) => `${JSON.stringify(file.replace(/\.mjs$/, ""))}: suite${index}`).join(", ")} };`,
    "export const main = (runtime) => run(suites, cachelet, runtime);",
  ];
  writeFileSync(join(folder, "entry.mjs"), `${lines.join("\n")}\n`);
  return folder;
}

/** The file that the exports map gives for `cachelet` under a condition, relative to the package. */
export function entryFor(folder, condition) {
  const { exports } = JSON.parse(readFileSync(join(folder, "node_modules/cachelet/package.json"), "utf8"));
  return exports["."][condition].default;
}
