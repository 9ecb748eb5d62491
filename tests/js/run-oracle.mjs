// needs: redis-server
// Generated commands beside a real redis-server, for half a minute at most; `npm run oracle` runs a million. Fails on any
// difference that the table does not explain, and where the README does not list the differences that it does.
import { readFileSync } from "node:fs";
import { oracle, report } from "./oracle/main.mjs";
import { INTENDED } from "./oracle/differences.mjs";

const SEED = 20_260_101;
const COMMANDS = 200_000;

const start = performance.now();
const figures = await oracle({ commands: COMMANDS, seed: SEED, program: process.env.CACHELET_REDIS_SERVER });
let failed = report(figures, (performance.now() - start) / 1000);

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8").replace(/\s+/g, " ");
const missing = [...new Set(INTENDED.map(({ reason }) => reason))].filter((reason) => !readme.includes(reason));
if (missing.length > 0) {
  console.log(`the README's differences lack: ${missing.join("; ")}`);
  failed = 1;
}
// A command that hardly ever gets past its arguments is not compared, however often it ran.
const hollow = figures.names.filter((name) => {
  const { ok, error } = figures.answers.get(name) ?? { ok: 0, error: 0 };
  return ok < 20 || ok < (ok + error) / 20;
});
if (hollow.length > 0) {
  console.log(`hardly ever answered but with errors: ${hollow.join(", ")}`);
  failed = 1;
}
console.log(failed ? "0 passed, 1 failed, 0 skipped" : "1 passed, 0 failed, 0 skipped");
process.exit(failed);
