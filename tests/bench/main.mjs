// `npm run bench [-- section ...] [--json file] [--against DIR]`: what Cachelet costs, beside its peers in the same run.
// With --against, in-process and resp measure another build too, in turns with this one: DIR is its dist directory.
//
// Machines drift, so nothing here is a bare number: every row is measured in turn with what it is compared to,
// several rounds of each, and the ratio of the medians is what counts. Timings are never test assertions.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const sections = {
  "in-process": () => import("./in-process.mjs"),
  curve: () => import("./curve.mjs"),
  resp: () => import("./resp.mjs"),
  tcp: () => import("./tcp.mjs"),
  start: () => import("./start.mjs"),
  pauses: () => import("./pauses.mjs"),
  stores: () => import("./stores.mjs"),
  eviction: () => import("./eviction.mjs"),
  churn: () => import("./churn.mjs"),
  memory: () => import("./memory.mjs"),
  persistence: () => import("./persistence.mjs"),
  files: () => import("./files.mjs"),
};

const args = process.argv.slice(2).filter((arg) => arg !== "--");
const jsonAt = args.indexOf("--json");
const json = jsonAt >= 0 ? args.splice(jsonAt, 2)[1] : undefined;
const againstAt = args.indexOf("--against");
const against = againstAt >= 0 ? args.splice(againstAt, 2)[1] : undefined;
if (againstAt >= 0 && !existsSync(join(against ?? "", "platform/node.js"))) {
  console.error(`--against wants the dist directory of another build; ${against} is none`);
  process.exit(2);
}
const unknown = args.filter((name) => !(name in sections));
if (unknown.length > 0) {
  console.error(`no such section: ${unknown.join(", ")}; there are ${Object.keys(sections).join(", ")}`);
  process.exit(2);
}

const results = {};
for (const name of args.length > 0 ? args : Object.keys(sections)) {
  console.log(`\n## ${name}`);
  results[name] = await (await sections[name]()).run({ against });
}
if (json) writeFileSync(json, `${JSON.stringify(results, undefined, 2)}\n`);
// Peers leave timers and sockets behind.
process.exit(0);
