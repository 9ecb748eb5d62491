// What the scripts share: where things stand, how a program is run and found, how a step is announced.
// Plain Node without dependencies, because these run before `npm ci` has.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, mkdirSync, openSync, closeSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Where what takes minutes to make is kept between checkouts: the wasm32 standard library, the wasm-bindgen tool. */
export const cacheDir = resolve(process.env.CACHELET_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "cachelet"));

/** Set to turn every change to the system into printed instructions and a failure. */
export const noInstall = !["", "0", undefined].includes(process.env.CACHELET_NO_INSTALL);

/** On CI nothing may be skipped and no lock file may change. */
export const onCi = !["", "0", "false", undefined].includes(process.env.CI);

/** A step that failed for a reason its reader can act on: shown without a stack. */
export class Advice extends Error {}

/** Say what is being done; on stderr, so that a program's own output stays clean. */
export function say(text) {
  process.stderr.write(`cachelet: ${text}\n`);
}

/** Run `main`, showing an Advice as text and anything else as the bug it is. */
export async function program(main) {
  try {
    const code = await main();
    if (typeof code === "number") process.exitCode = code;
  } catch (error) {
    if (error instanceof Advice) process.stderr.write(`\ncachelet: ${error.message}\n`);
    else console.error(error);
    process.exitCode = 1;
  }
}

/** Every place in PATH (and `extra` folders) where the program stands, in order, each once. */
export function findAll(name, extra = []) {
  const found = [];
  for (const folder of [...(process.env.PATH ?? "").split(delimiter), ...extra]) {
    if (!folder) continue;
    for (const suffix of process.platform === "win32" ? [".exe", ".cmd", ""] : [""]) {
      const path = join(folder, name + suffix);
      if (!found.includes(path) && isProgram(path)) found.push(path);
    }
  }
  return found;
}

/** The first program of these names in PATH, or null. */
export function find(...names) {
  for (const name of names) {
    const [path] = findAll(name);
    if (path) return path;
  }
  return null;
}

export function isProgram(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

/** Run and return the trimmed output, or null when it cannot be run, fails or takes too long. */
export function ask(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", timeout: 60_000, stdio: ["ignore", "pipe", "ignore"], ...options });
  return result.status === 0 ? result.stdout.trim() : null;
}

/** Run with the terminal passed on; true when it exits with 0. */
export function run(command, args, options = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"], ...options });
    child.on("error", fail);
    child.on("close", (code) => done(code === 0));
  });
}

/** All files below a folder, sorted, as paths relative to it; a missing folder has none. */
export function filesBelow(folder, keep = () => true) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath ?? entry.path, entry.name)))
    .filter(keep)
    .sort();
}

/** One hash over texts and over the content of files (named relative to the project). */
export function fingerprint(texts, files) {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of files) {
    hash.update(`${file}\0`);
    const path = resolve(root, file);
    if (existsSync(path)) hash.update(readFileSync(path));
    hash.update("\0");
  }
  return hash.digest("hex");
}

/** Hold a lock file while `work` runs: two builds of one checkout must not write the same files at once. */
export async function exclusively(path, what, work) {
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; ) {
    try {
      const handle = openSync(path, "wx");
      writeFileSync(handle, String(process.pid));
      closeSync(handle);
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
      if (abandoned(path)) {
        rmSync(path, { force: true });
        continue;
      }
      if (!told) say(`waiting for another ${what} of this checkout to end (lock: ${relative(root, path)})`);
      told = true;
      await new Promise((wake) => setTimeout(wake, 200));
    }
  }
  const release = () => rmSync(path, { force: true });
  process.on("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.off("exit", release);
  }
}

/** A lock whose process is gone; an empty one may be a moment from being written, so only when it is old. */
function abandoned(path) {
  try {
    const holder = Number(readFileSync(path, "utf8"));
    if (!holder) return Date.now() - statSync(path).mtimeMs > 5_000;
    process.kill(holder, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH" || error.code === "ENOENT";
  }
}
