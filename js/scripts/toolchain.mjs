// Finds, or makes, what turns the engine into WebAssembly: a Rust with a wasm32-unknown-unknown standard library, a
// linker, and wasm-bindgen's tool in the version of wasm-pack.toml.
//
// The standard library comes from the first of these that can be had:
//   1. a Rust on this machine that has it (`rustup target add` done earlier, or a distribution's package);
//   2. one that an earlier run built into the cache;
//   3. `rustup target add`;
//   4. Debian's rustc with a standard library built from Debian's source package into the cache: one to two minutes.
// The cache (CACHELET_CACHE, by default ~/.cache/cachelet) holds `sysroot-<rustc version>` and
// `wasm-bindgen-<version>`. When all is there this costs a few process starts, 0.2 s.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { install } from "./apt.mjs";
import { readCrate, readManifest } from "./manifest.mjs";
import { Advice, ask, cacheDir, find, findAll, isProgram, noInstall, program, run, say } from "./shell.mjs";

const target = "wasm32-unknown-unknown";
const cargoHome = process.env.CARGO_HOME || join(homedir(), ".cargo");
const rustupAdvice = "\n  Or get Rust from https://rustup.rs and run: rustup target add wasm32-unknown-unknown";

/**
 * A Rust that compiles for wasm32.
 * @typedef {object} Rust
 * @property {string} rustc
 * @property {string} cargo
 * @property {string} version   such as "1.96.0"
 * @property {string} identity  the text of `rustc -vV`: compiled code fits only the very same compiler
 * @property {string} host      this machine's triple
 * @property {number} llvm      major version of its LLVM
 * @property {string} home      where `rustc --print sysroot` points
 * @property {string|null} sysroot  a sysroot of ours that holds wasm32's standard library, when `home` does not
 * @property {string|null} linker   null: rustc's own choice works
 */

/** The Rust to build wasm with; installs or builds what is missing. */
export async function wasmRust() {
  const seen = [];
  let chosen = null;
  // One by one: asking a compiler is a process start, and the first usually has it.
  for (const rust of installedRusts()) {
    if (hasTarget(rust)) {
      chosen = rust;
      break;
    }
    seen.push(rust);
  }
  chosen ??= seen.find((rust) => isPackaged(rust) && useCachedSysroot(rust)) ?? null;
  chosen ??= (await addRustupTarget(seen)) ?? (await buildStandardLibrary());
  chosen.linker ??= await linkerFor(chosen);
  return chosen;
}

/** The environment for cargo with wasm32 as target; `features` as in wasm-pack.toml, `docFlags` for rustdoc. */
export function wasmEnv(rust, features = readManifest().rustc["target-features"] ?? [], docFlags = []) {
  const flags = [];
  if (rust.sysroot) flags.push(`--sysroot=${rust.sysroot}`);
  if (features.length > 0) flags.push(`-Ctarget-feature=${features.join(",")}`);
  flags.push(...(readManifest().rustc.flags ?? []), ...hidePaths());
  const env = cleanEnv(rust);
  // The encoded form survives spaces in paths. With --target it reaches wasm code only, not build scripts.
  env.CARGO_ENCODED_RUSTFLAGS = flags.join("\x1f");
  const forDocs = rust.sysroot ? [`--sysroot=${rust.sysroot}`, ...docFlags] : docFlags;
  if (forDocs.length > 0) env.CARGO_ENCODED_RUSTDOCFLAGS = forDocs.join("\x1f");
  if (rust.linker) env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER = rust.linker;
  return env;
}

/**
 * Cargo for native tests with its environment, and which of its tools are there. The wasm Rust where it has clippy
 * and rustfmt, so that one compiler sees both; else the cargo in PATH that has them.
 */
export async function nativeRust(rust) {
  const has = (folder, name) => existsSync(join(folder, exe(name)));
  const isComplete = (folder) => has(folder, "cargo-clippy") && has(folder, "clippy-driver") && has(folder, "cargo-fmt") && has(folder, "rustfmt");
  const complete = [rust, ...installedRusts(null)].find(({ rustc }) => isComplete(dirname(rustc)));
  if (complete) return { cargo: complete.cargo, env: cleanEnv(complete), clippy: true, rustfmt: true };

  const rustup = findAll("rustup", [join(cargoHome, "bin")])[0];
  const ours = [...installedRusts(null)].find(isRustups);
  if (rustup && ours && !noInstall) {
    const command = ["component", "add", "clippy", "rustfmt", "--toolchain", basename(ours.home)];
    say(`adding clippy and rustfmt for the tests: rustup ${command.join(" ")} (seconds; given up after two minutes)`);
    if ((await run(rustup, command, { stdio: "ignore", timeout: 120_000 })) && isComplete(dirname(ours.rustc))) {
      return { cargo: ours.cargo, env: cleanEnv(ours), clippy: true, rustfmt: true };
    }
  }
  const folder = dirname(rust.rustc);
  return { cargo: rust.cargo, env: cleanEnv(rust), clippy: has(folder, "cargo-clippy"), rustfmt: has(folder, "cargo-fmt") && has(folder, "rustfmt") };
}

/** wasm-bindgen's tool and its test runner, in exactly the version of wasm-pack.toml. */
export async function wasmBindgen(rust, version = readManifest()["wasm-bindgen"].version) {
  const isVersion = (path) => ask(path, ["--version"]) === `wasm-bindgen ${version}`;
  const home = join(cacheDir, `wasm-bindgen-${version}`);
  const cached = join(home, "bin", exe("wasm-bindgen"));
  const tool = [cached, ...findAll("wasm-bindgen", [join(cargoHome, "bin")])].find((path) => isProgram(path) && isVersion(path));
  if (tool) return { tool, runner: join(dirname(tool), exe("wasm-bindgen-test-runner")) };

  if (!find("cc", "gcc", "clang")) {
    await install(["gcc", "libc6-dev"], { why: "Building the wasm-bindgen tool needs a C linker, and there is none.", takes: "under a minute, 0.2 GB" });
  }
  say(`building wasm-bindgen ${version}'s tool into ${home} (once; two minutes, on a small busy machine six)`);
  // Without --locked: that lock file names versions that not every registry still serves.
  const done = await run(rust.cargo, ["install", "-q", "wasm-bindgen-cli", "--version", version, "--root", home], {
    cwd: tmpdir(),
    env: cleanEnv(rust),
  });
  if (!done || !isVersion(cached)) {
    throw new Advice(
      `wasm-bindgen's tool could not be built; cargo's message stands above.\n  It needs crates.io and a C linker. Retry, or put wasm-bindgen ${version} in PATH yourself:\n    cargo install wasm-bindgen-cli --version ${version}`,
    );
  }
  return { tool: cached, runner: join(dirname(cached), exe("wasm-bindgen-test-runner")) };
}

/** Every usable rustc on this machine, the one in PATH first; with RUSTC set, only that one makes wasm. */
function* installedRusts(only = process.env.RUSTC) {
  const { rustVersion } = readCrate();
  const paths = only ? [only] : findAll("rustc", [join(cargoHome, "bin"), "/usr/bin"]);
  const known = new Set();
  for (const path of paths) {
    const rust = describe(path);
    if (!rust || known.has(rust.rustc) || !atLeast(rust.version, rustVersion)) continue;
    known.add(rust.rustc);
    yield rust;
  }
}

/** @returns {Rust|null} */
function describe(path) {
  const home = ask(path, ["--print", "sysroot"]);
  // The compiler inside the sysroot rather than rustup's stand-in for it: no detour, and no override by folder.
  const real = home && join(home, "bin", exe("rustc"));
  const rustc = real && isProgram(real) ? real : path;
  const identity = home && ask(rustc, ["-vV"]);
  const cargo = [join(dirname(rustc), exe("cargo")), join(dirname(path), exe("cargo"))].find(isProgram) ?? find("cargo");
  if (!identity || !cargo) return null;
  const value = (name) => new RegExp(`^${name}: (.*)$`, "m").exec(identity)?.[1] ?? "";
  return {
    rustc,
    cargo,
    version: value("release"),
    identity,
    host: value("host"),
    llvm: Number.parseInt(value("LLVM version"), 10) || 0,
    home,
    sysroot: null,
    linker: null,
  };
}

function hasTarget(rust) {
  return holdsStandardLibrary(rust.home);
}

function holdsStandardLibrary(sysroot) {
  const folder = libraries(sysroot);
  return existsSync(folder) && readdirSync(folder).some((name) => /^libstd-.*\.rlib$/.test(name));
}

function libraries(sysroot) {
  return join(sysroot, "lib", "rustlib", target, "lib");
}

/** Debian's compiler with the source of its standard library beside it. */
function isPackaged(rust) {
  return rust.rustc === "/usr/bin/rustc" && existsSync(join(rust.home, "lib/rustlib/src/rust/library/std/Cargo.toml"));
}

function useCachedSysroot(rust) {
  const sysroot = join(cacheDir, `sysroot-${rust.version}`);
  if (!holdsStandardLibrary(sysroot)) return false;
  rust.sysroot = sysroot;
  return true;
}

function isRustups(rust) {
  return basename(dirname(rust.home)) === "toolchains";
}

/** Ask rustup for the target; it either has it in seconds or cannot get it. */
async function addRustupTarget(rusts) {
  const rustup = findAll("rustup", [join(cargoHome, "bin")])[0];
  const ours = rusts.find(isRustups);
  if (!rustup || !ours) return null;
  const command = ["target", "add", target, "--toolchain", basename(ours.home)];
  if (noInstall) {
    say(`rust ${ours.version} has no ${target}, and CACHELET_NO_INSTALL is set. Where rustup can download, this is all it takes:\n    rustup ${command.join(" ")}`);
    return null;
  }
  say(`adding ${target} to rustup's Rust ${ours.version}: rustup ${command.join(" ")} (seconds; given up after two minutes)`);
  const added = await run(rustup, command, { stdio: "ignore", timeout: 120_000 });
  if (added && hasTarget(ours)) return ours;
  say("rustup cannot get it here; taking Debian's Rust instead");
  return null;
}

/** Debian's compiler with a standard library for wasm32 built from its source package. */
async function buildStandardLibrary() {
  let rust = [...installedRusts()].find(isPackaged);
  if (!rust) {
    await install(["rustc-web", "cargo-web", "rust-web-src", "lld-22"], {
      why: `No Rust on this machine compiles for ${target}. Debian's can, with its standard library's source.`,
      takes: "one to three minutes, 0.8 GB",
      otherwise: rustupAdvice,
    });
    rust = [...installedRusts()].find(isPackaged);
    if (!rust) throw new Advice(`Debian's rustc is installed but is older than Cargo.toml asks for, or lacks its source.\n  Compare: /usr/bin/rustc --version; dpkg -s rust-web-src${rustupAdvice}`);
    if (useCachedSysroot(rust)) return rust;
  }
  rust.linker = await linkerFor(rust);
  const sysroot = join(cacheDir, `sysroot-${rust.version}`);
  say(`building Rust ${rust.version}'s standard library for ${target} into ${sysroot} (once; one to two minutes)`);
  const work = mkdtempSync(join(tmpdir(), "cachelet-std-"));
  try {
    // build-std builds the library for some crate, so there has to be one; `test` is there for `cargo test`.
    mkdirSync(join(work, "src"));
    writeFileSync(join(work, "src/lib.rs"), "");
    writeFileSync(
      join(work, "Cargo.toml"),
      '[package]\nname = "empty"\nversion = "0.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n[profile.release]\npanic = "abort"\n',
    );
    const env = cleanEnv(rust);
    env.RUSTC_BOOTSTRAP = "1";
    env.CARGO_TARGET_DIR = join(work, "target");
    env.CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER = rust.linker ?? "";
    // Bitcode, or linking the engine with lto = "fat" fails.
    env.CARGO_ENCODED_RUSTFLAGS = ["-Cembed-bitcode=yes", ...hidePaths()].join("\x1f");
    const args = ["build", "-q", "--release", "--target", target, "-Zbuild-std=std,panic_abort,test"];
    if (!(await run(rust.cargo, args, { cwd: work, env }))) {
      throw new Advice(`the standard library could not be built; cargo's message stands above.\n  It needs crates.io for its few dependencies.${rustupAdvice}`);
    }
    // Made aside and moved into place, so that an interrupted run leaves nothing that looks whole.
    const aside = `${sysroot}.${process.pid}`;
    rmSync(aside, { recursive: true, force: true });
    mkdirSync(libraries(aside), { recursive: true });
    const built = join(work, "target", target, "release/deps");
    for (const name of readdirSync(built)) {
      if (name.endsWith(".rlib")) copyFileSync(join(built, name), join(libraries(aside), name));
    }
    // Build scripts and procedural macros run on this machine and need its own libraries.
    symlinkSync(join(rust.home, "lib/rustlib", rust.host), join(aside, "lib/rustlib", rust.host));
    rmSync(sysroot, { recursive: true, force: true });
    renameSync(aside, sysroot);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  if (!useCachedSysroot(rust)) throw new Advice(`the standard library was built but is not in ${sysroot}: remove that folder and start again.`);
  return rust;
}

/** rustc's own linker where it brings one; else a wasm-ld, best from the same LLVM. */
async function linkerFor(rust) {
  const own = exe("rust-lld");
  if (existsSync(join(rust.home, "lib/rustlib", rust.host, "bin", own)) || find(own)) return null;
  const linker = find(`wasm-ld-${rust.llvm}`, "wasm-ld") ?? find(...[19, 20, 21, 22, 23, 24].map((version) => `wasm-ld-${version}`));
  if (linker) return linker;
  const package_ = `lld-${rust.llvm}`;
  await install([package_], { why: "Linking WebAssembly needs wasm-ld.", takes: "under a minute, 0.2 GB" });
  const installed = find(`wasm-ld-${rust.llvm}`, "wasm-ld");
  if (!installed) throw new Advice(`${package_} is installed, but brought no wasm-ld-${rust.llvm} into PATH.`);
  return installed;
}

/** The caller's environment without what would bend the build: flags of other projects, other compilers. */
function cleanEnv(rust) {
  const env = { ...process.env };
  for (const name of ["RUSTFLAGS", "RUSTDOCFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_ENCODED_RUSTDOCFLAGS", "CARGO_BUILD_TARGET", "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_BOOTSTRAP", "RUSTUP_TOOLCHAIN"]) delete env[name];
  // The chosen compiler's folder first: cargo finds rustdoc and its own subcommands through PATH.
  env.PATH = [dirname(rust.cargo), env.PATH].join(delimiter);
  env.RUSTC = rust.rustc;
  return env;
}

/** Panic messages name source files: same bytes on every machine, and nobody's home folder in a published package. */
function hidePaths() {
  const sources = join(cargoHome, "registry", "src");
  const folders = existsSync(sources) ? readdirSync(sources) : [];
  return [`--remap-path-prefix=${sources}=deps`, ...folders.map((folder) => `--remap-path-prefix=${join(sources, folder)}=deps`)];
}

function atLeast(version, wanted) {
  const [a, b] = [version, wanted].map((text) => text.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0));
  return a[0] !== b[0] ? a[0] > b[0] : a[1] >= b[1];
}

function exe(name) {
  return process.platform === "win32" ? `${name}.exe` : name;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await program(async () => {
    const rust = await wasmRust();
    const { tool } = await wasmBindgen(rust);
    const where = rust.sysroot ? `standard library in ${rust.sysroot}` : "with its own standard library for wasm32";
    say(`Rust ${rust.version} at ${rust.rustc}, ${where}; linker ${rust.linker ?? "rustc's own"}; ${tool}`);
  });
}
