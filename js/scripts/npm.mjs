// Brings node_modules to what package-lock.json says, and does nothing when it is there already.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Advice, fingerprint, onCi, root, run, say } from "./shell.mjs";

/** node_modules as package-lock.json has it. */
export async function dependencies() {
  const modules = join(root, "node_modules");
  // npm's own record of what it installed says nothing about when package-lock.json changed, hence a note of ours.
  const note = join(modules, ".cachelet-lock");
  const wanted = fingerprint([process.platform, process.arch], ["package-lock.json"]);
  if (existsSync(note) && readFileSync(note, "utf8") === wanted) return;
  say(`installing the pinned npm packages into node_modules (${existsSync(modules) ? "they changed; " : ""}under a minute, 350 MB)`);
  const npm = process.env.npm_execpath?.endsWith(".js") ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const done = await run(npm[0], [...npm.slice(1), "ci", "--no-audit", "--no-fund", ...(onCi ? [] : ["--prefer-offline"])], {
    stdio: ["ignore", "ignore", "inherit"],
    shell: process.platform === "win32",
  });
  if (!done) throw new Advice("npm ci failed; its message stands above.\n  It needs the npm registry, and package-lock.json in step with package.json (npm install writes it).");
  writeFileSync(note, wanted);
}
