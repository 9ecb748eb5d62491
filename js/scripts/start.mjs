// `npm start -- --port 7000`: sets up what is missing, builds what has changed, serves.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.mjs";
import { Advice, program, root } from "./shell.mjs";

await program(async () => {
  await build({ quiet: true });
  const cli = join(root, "dist/cli.js");
  if (!existsSync(cli)) throw new Advice("the build made no dist/cli.js: js/cli.ts is missing.");
  // In this process, so that signals, the terminal and the exit code are the server's own.
  process.argv = [process.argv[0], cli, "serve", ...process.argv.slice(2)];
  await import(pathToFileURL(cli));
});
