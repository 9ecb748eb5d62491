// `npm run bench -- ...`: the build, then tests/bench/main.mjs with the same arguments.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { Advice, program, root } from "./shell.mjs";

await program(async () => {
  await build({ quiet: true });
  const main = join(root, "tests/bench/main.mjs");
  if (!existsSync(main)) throw new Advice("there is no tests/bench/main.mjs.");
  process.argv = [process.argv[0], main, ...process.argv.slice(2)];
  await import(pathToFileURL(main));
});
