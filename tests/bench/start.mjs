// What it takes until the first reply, in fresh processes: compiling the module, and from the compiled module to the
// replies of a SET and a GET; and the module's size. Within one process V8 keeps compiled code, so a second round there
// would measure nothing.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { median, table } from "./measure.mjs";

const ROUNDS = 15;
const wasm = fileURLToPath(new URL("../../dist/wasm/cachelet.wasm", import.meta.url));

const probe = `
import { readFileSync } from "node:fs";
import { openSync } from ${JSON.stringify(new URL("../../dist/platform/node.js", import.meta.url).href)};
const bytes = readFileSync(${JSON.stringify(wasm)});
const start = performance.now();
const module = new WebAssembly.Module(bytes);
const compiled = performance.now();
const db = openSync({ module });
db.call("SET", "a", "1");
db.call("GET", "a");
const replied = performance.now();
const other = openSync({ module });
other.call("GET", "a");
console.log(JSON.stringify([compiled - start, replied - compiled, performance.now() - replied]));
process.exit(0);
`;

export async function run() {
  const runs = Array.from({ length: ROUNDS }, () =>
    JSON.parse(execFileSync(process.execPath, ["--input-type=module", "-e", probe], { encoding: "utf8" })),
  );
  const column = (index) => median(runs.map((row) => row[index]));
  const bytes = readFileSync(wasm);
  const results = {
    "compile, ms": column(0),
    "compiled module to first replies, ms": column(1),
    "a second instance to its first reply, ms": column(2),
    "wasm, KB": bytes.length / 1024,
    "wasm gzip, KB": gzipSync(bytes, { level: 9 }).length / 1024,
  };
  table(Object.entries(results).map(([name, figure]) => [name, figure.toFixed(2)]));
  return results;
}
