// Builds dist/: the engine as WebAssembly with its glue, and the TypeScript facade. wasm-pack.toml says how.
//
//   dist/wasm/cachelet.wasm         the engine
//   dist/wasm/glue.js, glue.d.ts    createGlue(): wasm-bindgen's classes over an instance of their own
//   dist/**.js, dist/**.d.ts        js/**.ts compiled; other files of js/ copied
//
// A step whose inputs have not changed since it last succeeded is skipped: their hash stands in dist/.stamps.
// Run with --force to do every step.
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { factory, factoryTypes } from "./glue.mjs";
import { readCrate, readManifest } from "./manifest.mjs";
import { dependencies } from "./npm.mjs";
import { Advice, exclusively, filesBelow, find, fingerprint, onCi, program, root, run, say } from "./shell.mjs";
import { wasmBindgen, wasmEnv, wasmRust } from "./toolchain.mjs";

const dist = join(root, "dist");

/** Bring dist/ up to date. With `force` nothing is skipped; `quiet` says only what is being done. */
export async function build({ force = false, quiet = false } = {}) {
  await dependencies();
  await exclusively(join(root, "target/.building"), "build", async () => {
    const manifest = readManifest();
    const outputs = await step("wasm", force, wasmInputs(), () => buildWasm(manifest));
    await step("facade", force, facadeInputs(outputs), buildFacade);
    checkSize(manifest, quiet);
  });
}

/** Do the step unless its inputs are those of its last success and what it made is still there; returns what it made. */
async function step(name, force, inputs, work) {
  const stamp = join(dist, ".stamps", `${name}.json`);
  if (!force && existsSync(stamp)) {
    const last = JSON.parse(readFileSync(stamp, "utf8"));
    if (last.inputs === inputs && last.outputs.every(([path, size]) => sizeOf(path) === size)) return last.outputs.map(([path]) => path);
  }
  rmSync(stamp, { force: true });
  const outputs = await work();
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, JSON.stringify({ inputs, outputs: outputs.map((path) => [path, sizeOf(path)]) }));
  return outputs;
}

function wasmInputs() {
  const sources = filesBelow(join(root, "src")).map((file) => `src/${file}`);
  return fingerprint([], ["Cargo.toml", "Cargo.lock", "wasm-pack.toml", "js/scripts/build.mjs", "js/scripts/glue.mjs", ...sources]);
}

async function buildWasm(manifest) {
  const rust = await wasmRust();
  const { tool } = await wasmBindgen(rust);
  const { target, features = [] } = manifest.rustc;
  const profile = manifest.build.profile ?? "release";
  const out = join(root, manifest.build["out-dir"]);

  say(`compiling the engine for ${target} with Rust ${rust.version} (the first time one to three minutes)`);
  const args = ["build", "--lib", "--target", target, "--profile", profile, "--target-dir", join(root, "target")];
  if (features.length > 0) args.push("--features", features.join(","));
  if (onCi) args.push("--locked");
  if (!(await run(rust.cargo, args, { env: wasmEnv(rust, manifest.rustc["target-features"]) }))) {
    throw new Advice("the engine did not compile; the compiler's message stands above.");
  }

  const { name } = readCrate();
  const compiled = join(root, "target", target, profile === "dev" ? "debug" : profile, `${name}.wasm`);
  const work = mkdtempSync(join(root, "target", "glue-"));
  try {
    const flags = manifest["wasm-bindgen"].flags ?? [];
    if (!(await run(tool, ["--target", manifest.build.target, ...flags, "--out-name", name, "--out-dir", work, compiled]))) {
      throw new Advice("wasm-bindgen's tool failed; its message stands above. Its version must be the one in Cargo.toml.");
    }
    let wasm = join(work, `${name}_bg.wasm`);
    if (manifest["wasm-opt"]?.enabled) wasm = await optimise(wasm, manifest["wasm-opt"].flags ?? ["-O3"]);
    mkdirSync(out, { recursive: true });
    const made = [
      ["cachelet.wasm", readFileSync(wasm)],
      ["glue.js", factory(readFileSync(join(work, `${name}.js`), "utf8"))],
      ["glue.d.ts", factoryTypes(readFileSync(join(work, `${name}.d.ts`), "utf8"))],
    ];
    return made.map(([file, content]) => replace(join(out, file), content));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function optimise(wasm, flags) {
  const tool = find("wasm-opt");
  if (!tool) throw new Advice("wasm-pack.toml enables wasm-opt, and there is none in PATH.\n  apt-get install binaryen, or set enabled = false in [wasm-opt].");
  if (!(await run(tool, [...flags, wasm, "-o", `${wasm}.opt`]))) throw new Advice("wasm-opt failed; its message stands above.");
  return `${wasm}.opt`;
}

/** TypeScript, and what lies beside it and is to be published as it is. */
function facadeSources() {
  const all = filesBelow(join(root, "js"), (file) => !file.startsWith(join("scripts", "")));
  const isSource = (file) => file.endsWith(".ts") && !file.endsWith(".d.ts");
  return { typescript: all.filter(isSource), copied: all.filter((file) => !isSource(file) && !file.endsWith(".md")) };
}

function facadeInputs(wasmOutputs) {
  const { typescript, copied } = facadeSources();
  const files = [...typescript, ...copied].map((file) => `js/${file}`);
  const types = wasmOutputs.filter((path) => path.endsWith(".d.ts"));
  return fingerprint([], ["tsconfig.json", "package-lock.json", "js/scripts/build.mjs", ...types, ...files]);
}

async function buildFacade() {
  const { typescript, copied } = facadeSources();
  const outputs = [];
  for (const file of copied) {
    mkdirSync(dirname(join(dist, file)), { recursive: true });
    copyFileSync(join(root, "js", file), join(dist, file));
    outputs.push(join(dist, file));
  }
  if (typescript.length > 0) {
    say("compiling the facade (seconds)");
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    if (!(await run(process.execPath, [tsc, "--project", root]))) throw new Advice("the facade did not compile; the compiler's message stands above.");
    for (const file of typescript) {
      const base = join(dist, file.slice(0, -".ts".length));
      outputs.push(`${base}.js`, `${base}.d.ts`);
    }
  }
  // What a source that is gone once made would still be packed, and imported.
  const kept = new Set(outputs.map((path) => relative(dist, path)));
  for (const file of filesBelow(dist)) {
    if (!kept.has(file) && !/^(?:wasm|\.stamps)[\\/]/.test(file)) rmSync(join(dist, file));
  }
  const cli = join(dist, "cli.js");
  if (existsSync(cli)) chmodSync(cli, 0o755);
  return outputs.map((path) => relative(root, path));
}

/** Print the size beside its budget, and hold it. */
function checkSize(manifest, quiet) {
  const bytes = readFileSync(join(root, manifest.build["out-dir"], "cachelet.wasm"));
  const budget = manifest.size["gzip-budget"];
  const gzip = gzipSync(bytes, { level: 9 }).length;
  const kilo = (size) => `${(size / 1024).toFixed(1)} KB`;
  const text = `cachelet.wasm: ${kilo(bytes.length)} raw, ${kilo(gzip)} gzip; budget ${kilo(budget)} gzip (${Math.round((100 * gzip) / budget)} % used)`;
  if (gzip > budget) throw new Advice(`${text}\n  Over budget by ${kilo(gzip - budget)}. Make it smaller, or change wasm-pack.toml with a reason.`);
  if (!quiet) say(text);
}

/** Write whole or not at all: a server may be reading the old one. */
function replace(path, content) {
  writeFileSync(`${path}.new`, content);
  renameSync(`${path}.new`, path);
  return relative(root, path);
}

function sizeOf(path) {
  return statSync(join(root, path), { throwIfNoEntry: false })?.size ?? -1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await program(() => build({ force: process.argv.includes("--force") }));
}
