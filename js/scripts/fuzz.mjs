// The fuzz targets under libFuzzer: `node js/scripts/fuzz.mjs [seconds a target] [target...]`. Ends with 1 when one
// finds something, and says where the input is.
//
// Built with the stable compiler: coverage is a pass of LLVM that needs no nightly flag, and the engine has next to no
// unsafe code, so AddressSanitizer (which does) would tell little. What it takes is a C++ compiler, for libFuzzer itself.
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { install } from "./apt.mjs";
import { filesBelow, find, program, root, run, say } from "./shell.mjs";
import { nativeRust, wasmRust } from "./toolchain.mjs";

const crate = join(root, "tests/fuzz");

/** Most memory of a target in MB and most seconds on one input; tests/fuzz/src/allocations.rs bounds single allocations. */
const limits = ["-rss_limit_mb=1024", "-timeout=10"];

const coverage = ["level=4", "inline-8bit-counters", "pc-table", "trace-compares"].map((one) => `-Cllvm-args=-sanitizer-coverage-${one}`);

/** The targets' names. */
export const targets = [...readFileSync(join(crate, "Cargo.toml"), "utf8").matchAll(/^path = "targets\/(.*)\.rs"$/gm)].map((found) => found[1]);

/** Builds the targets and runs each of `names` for so many seconds; how many held, and how many found something. */
export async function fuzz(native, host, seconds, names = targets) {
  if (!find("c++", "g++", "clang++")) {
    await install(["g++"], { why: "libFuzzer is C++ and has to be compiled.", takes: "under a minute, 0.2 GB" });
  }
  const folder = join(root, "target/fuzz");
  const seeds = join(folder, "corpus");
  const env = { ...native.env, CARGO_TERM_COLOR: "never" };
  const done = { passed: 0, failed: 0, skipped: 0 };
  if (!(await run(native.cargo, ["test", "-q", "--test", "hostile", "fuzzer_starts_from"], { cwd: root, env: { ...env, CACHELET_FUZZ_SEEDS: seeds } }))) return { ...done, failed: 1 };
  // With --target the flags reach what runs in the fuzzer, and not the scripts that build it.
  const flags = ["-Cpasses=sancov-module", ...coverage, "-Ccodegen-units=1", "--cfg=fuzzing"];
  const build = ["build", "-q", "--release", "--locked", "--manifest-path", join(crate, "Cargo.toml"), "--target", host, "--target-dir", folder];
  if (!(await run(native.cargo, build, { cwd: root, env: { ...env, CARGO_ENCODED_RUSTFLAGS: flags.join("\x1f") } }))) return { ...done, failed: 1 };
  for (const name of names) {
    const [corpus, found, artifacts] = [join(seeds, name), join(crate, "found", name), join(folder, "artifacts", name)];
    mkdirSync(corpus, { recursive: true });
    mkdirSync(artifacts, { recursive: true });
    const known = filesBelow(found).length > 0 ? [found] : [];
    const args = [...limits, "-seed=1", "-max_len=1024", "-len_control=20", "-print_final_stats=1", "-verbosity=0", `-max_total_time=${seconds}`, `-artifact_prefix=${artifacts}/`, corpus, ...known];
    const { held, output } = await watch(join(folder, host, "release", name), args, env);
    const runs = /^stat::number_of_executed_units: (\d+)$/m.exec(output)?.[1] ?? "?";
    if (held) say(`fuzz target ${name}: ${runs} runs in ${seconds} s, nothing found`);
    else process.stdout.write(output);
    done[held ? "passed" : "failed"]++;
    if (!held) say(`fuzz target ${name} found something: its last lines stand above, its input in ${artifacts}`);
  }
  return done;
}

/** Runs a program and keeps what it says. */
async function watch(file, args, env) {
  const child = spawn(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  return { held: code === 0, output };
}

if (process.argv[1] === join(root, "js/scripts/fuzz.mjs")) {
  await program(async () => {
    const rust = await wasmRust();
    const [seconds = "60", ...names] = process.argv.slice(2);
    const { failed } = await fuzz(await nativeRust(rust), rust.host, Number(seconds), names.length > 0 ? names : targets);
    return failed > 0 ? 1 : 0;
  });
}
