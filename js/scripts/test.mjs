// `npm test`: the one gate. Sets up what tests need, builds, and runs every step in turn: a failed step does not hide
// the next. `npm test -- clients bench` runs the steps whose names contain one of the words.
//
// A step of its own is every tests/js/run-*.mjs, tests/clients/*.mjs and tests/packaging/*.mjs (names starting with _
// are helpers). Such a file is run by Node after the build, with the project as working directory, and
// - may name in its first lines what it needs of the machine: `// needs: redis-server, chromium`; it finds their paths in
//   CACHELET_REDIS_SERVER, CACHELET_REDIS_CLI, CACHELET_CHROMIUM, CACHELET_CHROMEDRIVER, and Deno's in CACHELET_DENO;
// - exits with 0, with 77 for "cannot run here" (its last line says why), or with anything else for a failure;
// - has its tests counted where it prints what node --test, cargo test or deno test print, or `N passed, N failed, N
//   skipped` on a line; else it counts as one.
// What this machine cannot provide is skipped and named in the summary; with CI set, a skip is a failure.
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "./build.mjs";
import { readManifest } from "./manifest.mjs";
import { fuzz } from "./fuzz.mjs";
import { names, provide } from "./needs.mjs";
import { dependencies } from "./npm.mjs";
import { Advice, ask, filesBelow, onCi, program, root, say } from "./shell.mjs";
import { nativeRust, wasmBindgen, wasmEnv, wasmRust } from "./toolchain.mjs";

const stepLimit = 10 * 60_000;

class Skip extends Error {}

await program(async () => {
  const words = process.argv.slice(2);
  await dependencies();
  const tools = { native: null, wasm: null, paths: {}, missing: {} };
  const steps = plan(tools).filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  if (steps.length === 0) throw new Advice(`no step's name contains ${words.join(" or ")}. The steps:\n  ${plan(tools).map(({ name }) => name).join("\n  ")}`);

  const needs = new Set(steps.flatMap((step) => step.needs ?? []));
  Object.assign(tools, await provide(words.length === 0 ? names : needs));
  const rust = await wasmRust();
  tools.native = await nativeRust(rust);
  tools.wasm = { rust, ...(await wasmBindgen(rust)) };

  const results = [];
  if (steps.some((step) => step.built)) results.push(await perform({ name: "build", run: () => build().then(() => ({ passed: 1 })) }, tools));
  const built = results[0]?.state !== "failed";
  for (const step of steps) {
    if (step.built && !built) results.push({ name: step.name, state: "failed", why: "not run: the build failed", ms: 0, passed: 0, failed: 1, skipped: 0 });
    else results.push(await perform(step, tools));
  }
  return summary(results);
});

/** All steps, in order. */
function plan(tools) {
  const cargo = (args, env = {}) => command(tools.native.cargo, args, { ...tools.native.env, CARGO_TERM_COLOR: "never", ...env });
  const steps = [
    {
      name: "rust format",
      run: () => {
        if (!tools.native.rustfmt) throw new Skip("this Rust has no rustfmt (rustup component add rustfmt; Debian: rustfmt-web)");
        return single(cargo(["fmt", "--check", "--", "--color", "never"]));
      },
    },
    {
      name: "rust clippy",
      run: () => {
        if (!tools.native.clippy) throw new Skip("this Rust has no clippy (rustup component add clippy)");
        return single(cargo(["clippy", "--all-targets", "--", "-D", "warnings"]));
      },
    },
    {
      name: "rust clippy for wasm",
      // Lints must come from the very compiler that has wasm32's standard library; where that is Debian's, there are none.
      when: () => tools.native.clippy && tools.native.cargo === tools.wasm.rust.cargo,
      run: () => single(command(tools.wasm.rust.cargo, ["clippy", "--lib", "--target", "wasm32-unknown-unknown", "--", "-D", "warnings"], wasmEnv(tools.wasm.rust))),
    },
    {
      name: "rust docs",
      // For wasm32, where every room is compiled and so every link can be followed.
      run: () => single(command(tools.wasm.rust.cargo, ["doc", "--no-deps", "--lib", "--document-private-items", "--target", "wasm32-unknown-unknown"], wasmEnv(tools.wasm.rust, undefined, ["-Dwarnings"]))),
    },
    { name: "rust tests", run: () => cargo(["test"]) },
  ];
  if (existsSync(join(root, "tests/catalog.rs"))) {
    // Its tests are counted in "rust tests"; a step of its own says at a glance that the generated files are old.
    steps.push({ name: "generated files", run: () => single(cargo(["test", "--test", "catalog"])) });
  }
  // Five seconds a target: what falls out at once. `node js/scripts/fuzz.mjs 600` looks longer.
  steps.push({ name: "fuzz", run: () => fuzz(tools.native, tools.wasm.rust.host, 5) });
  if (filesBelow(join(root, "tests/wasm"), (file) => file.endsWith(".rs")).length > 0) {
    steps.push(
      { name: "wasm tests in node", run: () => wasmTests(tools, { WASM_BINDGEN_TEST_ONLY_NODE: "1" }) },
      {
        name: "wasm tests in chromium",
        needs: ["chromium", "chromedriver"],
        run: () => wasmTests(tools, { WASM_BINDGEN_USE_BROWSER: "1", CHROMEDRIVER: tools.paths.chromedriver, WASM_BINDGEN_TEST_WEBDRIVER_JSON: webdriver(tools.paths.chromium) }),
      },
    );
  }
  steps.push({
    name: "types",
    built: true,
    when: () => filesBelow(join(root, "js"), (file) => file.endsWith(".ts")).length > 0,
    run: () => single(command(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "--noEmit", "--project", root], process.env)),
  });
  for (const [folder, isStep] of [["tests/js", /^run-[^/\\]*\.mjs$/], ["tests/clients", /^[^_/\\][^/\\]*\.mjs$/], ["tests/packaging", /^[^_/\\][^/\\]*\.mjs$/]]) {
    for (const file of filesBelow(join(root, folder), (path) => isStep.test(path))) {
      const path = join(root, folder, file);
      steps.push({
        name: `${folder.slice("tests/".length)} ${file.replace(/^run-/, "").replace(/\.mjs$/, "")}`,
        built: true,
        needs: needsOf(path),
        run: () => command(process.execPath, [path], { ...process.env, ...pathVariables(tools.paths) }),
      });
    }
  }
  return steps;
}

/** Run one step; never throws. */
async function perform(step, tools) {
  const result = { name: step.name, state: "passed", why: "", ms: 0, passed: 0, failed: 0, skipped: 0 };
  if (step.when && !step.when()) return { ...result, state: "absent" };
  process.stdout.write(`\n--- ${step.name}\n`);
  const start = performance.now();
  try {
    const lacking = (step.needs ?? []).find((name) => tools.missing[name]);
    if (lacking) throw new Skip(tools.missing[lacking]);
    Object.assign(result, await step.run());
  } catch (error) {
    if (error instanceof Skip) Object.assign(result, { state: "skipped", why: error.message });
    else Object.assign(result, { state: "failed", why: error instanceof Advice ? error.message : String(error.stack ?? error) });
  }
  if (result.failed > 0) result.state = "failed";
  if (result.state === "failed" && result.failed === 0) result.failed = 1;
  if (result.state === "skipped") {
    if (onCi) Object.assign(result, { state: "failed", failed: result.failed + 1, why: `skipped, which CI does not allow: ${result.why}` });
    else result.skipped += 1;
  }
  result.ms = performance.now() - start;
  if (result.why) process.stdout.write(`${result.state}: ${result.why}\n`);
  return result;
}

/** Run a program, passing on what it prints and counting the tests in it. */
async function command(file, args, env) {
  // A process group of its own, so that what a hanging suite has started ends with it.
  const child = spawn(file, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
  const end = (signal) => {
    try {
      process.kill(-child.pid, signal);
    } catch {}
  };
  const interrupted = (signal) => {
    end(signal);
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  const atExit = () => end("SIGKILL");
  process.once("exit", atExit);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end("SIGKILL");
  }, stepLimit);

  let output = "";
  for (const [stream, terminal] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
    stream.setEncoding("utf8");
    stream.on("data", (text) => {
      output += text;
      terminal.write(text);
    });
  }
  const code = await new Promise((done, fail) => child.on("error", fail).on("close", done));
  clearTimeout(timer);
  process.off("SIGINT", interrupted).off("SIGTERM", interrupted).off("exit", atExit);
  end("SIGKILL");

  if (code === 77) throw new Skip(output.trimEnd().split("\n").at(-1) || "it says it cannot run here");
  const counts = count(output);
  if (counts.passed + counts.failed + counts.skipped === 0 && code === 0) counts.passed = 1;
  if (late) return { ...counts, state: "failed", why: `stopped after ${stepLimit / 60_000} minutes` };
  return code === 0 ? counts : { ...counts, state: "failed", why: `exit code ${code}` };
}

/** A check that either holds or does not, whatever it prints. */
async function single(running) {
  const { state = "passed", why = "" } = await running;
  return state === "failed" ? { state, why, passed: 0, failed: 1, skipped: 0 } : { state, why, passed: 1, failed: 0, skipped: 0 };
}

/** The tests that a runner's output reports, summed over all its summaries. */
function count(output) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const add = (name, number) => (counts[name] += Number(number ?? 0));
  for (const line of output.replace(/\x1b\[[\d;]*m/g, "").split("\n")) {
    let found;
    if ((found = /^(?:#|ℹ) (pass|fail|cancelled|skipped|todo) (\d+)$/.exec(line))) {
      add({ pass: "passed", fail: "failed", cancelled: "failed", skipped: "skipped", todo: "skipped" }[found[1]], found[2]);
    } else if ((found = /^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/.exec(line))) {
      add("passed", found[1]), add("failed", found[2]), add("skipped", found[3]);
    } else if ((found = /^(?:ok|FAILED) \| (\d+) passed(?: \(.*?\))? \| (\d+) failed(?: \(.*?\))?(?: \| (\d+) ignored)?/.exec(line))) {
      add("passed", found[1]), add("failed", found[2]), add("skipped", found[3]);
    } else if ((found = /^(\d+) passed, (\d+) failed, (\d+) skipped$/.exec(line))) {
      add("passed", found[1]), add("failed", found[2]), add("skipped", found[3]);
    }
  }
  return counts;
}

/** The tests below tests/wasm, which cargo knows by whatever names Cargo.toml gives them. */
async function wasmTests(tools, env) {
  const { rust, runner } = tools.wasm;
  const full = { ...wasmEnv(rust, readManifest().rustc["target-features"]), CARGO_TERM_COLOR: "never", CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: runner, ...env };
  const metadata = JSON.parse(ask(rust.cargo, ["metadata", "--no-deps", "--format-version", "1"], { cwd: root, env: full }) ?? "null");
  const tests = metadata?.packages[0].targets.filter((one) => one.kind.includes("test") && one.src_path.startsWith(join(root, "tests/wasm"))) ?? [];
  if (tests.length === 0) throw new Advice("cargo knows no test below tests/wasm: give it a main.rs, or a [[test]] in Cargo.toml.");
  return command(rust.cargo, ["test", "--target", "wasm32-unknown-unknown", ...tests.flatMap((one) => ["--test", one.name])], full);
}

/** The driver's settings: no sandbox, because CI runs as root; no calls home, because it may have no internet. */
function webdriver(chromium) {
  const quiet = ["quic", "background-networking", "component-update", "sync"].map((name) => `--disable-${name}`);
  const args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", ...quiet];
  const path = join(root, "target/webdriver.json");
  mkdirSync(join(root, "target"), { recursive: true });
  writeFileSync(path, JSON.stringify({ "goog:chromeOptions": { binary: chromium, args } }));
  return path;
}

function needsOf(path) {
  const line = /^\/\/ needs: (.*)$/m.exec(readFileSync(path, "utf8").slice(0, 4_000));
  return line ? line[1].split(",").map((name) => name.trim()) : [];
}

function pathVariables(paths) {
  const named = Object.entries(paths).map(([name, path]) => [`CACHELET_${name.toUpperCase().replaceAll("-", "_")}`, path]);
  return { ...Object.fromEntries(named), CACHELET_DENO: join(root, "node_modules/.bin/deno") };
}

/** Print the table and the line of totals; returns the exit code. */
function summary(results) {
  const ran = results.filter(({ state }) => state !== "absent");
  const width = Math.max(...ran.map(({ name }) => name.length));
  const total = { passed: 0, failed: 0, skipped: 0, ms: 0 };
  process.stdout.write("\n");
  for (const result of ran) {
    for (const key of Object.keys(total)) total[key] += result[key];
    const counts = `${result.passed} passed${result.failed ? `, ${result.failed} failed` : ""}${result.skipped ? `, ${result.skipped} skipped` : ""}`;
    const why = result.why ? `  ${result.why.split("\n", 1)[0]}` : "";
    const mark = { passed: "ok  ", failed: "FAIL", skipped: "SKIP" }[result.state];
    process.stdout.write(`${mark}  ${result.name.padEnd(width)}  ${(result.ms / 1000).toFixed(1).padStart(6)} s  ${counts}${why}\n`);
  }
  const seconds = Math.round(total.ms / 1000);
  process.stdout.write(`\n${Math.floor(seconds / 60)} min ${seconds % 60} s\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  if (ran.some(({ state }) => state === "skipped")) say("some steps were SKIPPED, as named above: this run does not prove everything");
  return ran.some(({ state }) => state === "failed") ? 1 : 0;
}
