// What it takes until the first reply: compiling the module, making an instance, the first command; and its size.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { openSync } from "../../dist/platform/node.js";
import { median, table } from "./measure.mjs";

const ROUNDS = 15;

export async function run() {
  const bytes = readFileSync(new URL("../../dist/wasm/cachelet.wasm", import.meta.url));
  const compile = [];
  const first = [];
  const again = [];
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    const module = new WebAssembly.Module(bytes);
    const compiled = performance.now();
    const db = openSync({ module });
    db.call("SET", "a", "1");
    db.call("GET", "a");
    const replied = performance.now();
    const other = openSync({ module });
    other.call("GET", "a");
    again.push(performance.now() - replied);
    compile.push(compiled - start);
    first.push(replied - compiled);
    db.close();
    other.close();
  }
  const results = {
    "compile, ms": median(compile),
    "compiled module to first replies, ms": median(first),
    "a second instance to its first reply, ms": median(again),
    "wasm, KB": bytes.length / 1024,
    "wasm gzip, KB": gzipSync(bytes, { level: 9 }).length / 1024,
  };
  table(Object.entries(results).map(([name, figure]) => [name, figure.toFixed(2)]));
  return results;
}
