// Reads wasm-pack.toml. Only the part of TOML that the file uses: tables, strings, integers, booleans and arrays of
// strings on one line. Anything else is refused by line number rather than misread.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Advice, root } from "./shell.mjs";

/** The tables of wasm-pack.toml as plain objects. */
export function readManifest(path = join(root, "wasm-pack.toml")) {
  const manifest = parse(readFileSync(path, "utf8"));
  for (const [table, name] of [["build", "target"], ["build", "out-dir"], ["rustc", "target"], ["wasm-bindgen", "version"], ["size", "gzip-budget"]]) {
    if (manifest[table]?.[name] === undefined) throw new Advice(`wasm-pack.toml lacks ${name} in [${table}].`);
  }
  return manifest;
}

export function parse(text) {
  const tables = {};
  let table = tables;
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[([\w-]+)\]\s*(#.*)?$/.exec(line);
    if (header) {
      table = tables[header[1]] ??= {};
      continue;
    }
    const pair = /^([\w-]+)\s*=\s*(true|false|-?\d+|"[^"\\]*"|\[\s*(?:"[^"\\]*"\s*,?\s*)*\])\s*(#.*)?$/.exec(line);
    if (!pair) throw new Advice(`wasm-pack.toml, line ${index + 1}: cannot read "${line}".`);
    table[pair[1]] = JSON.parse(pair[2].replace(/,\s*\]$/, "]"));
  }
  return tables;
}

/** The package's name in Cargo.toml, which names the .wasm that cargo writes, and the oldest Rust it accepts. */
export function readCrate() {
  const text = readFileSync(join(root, "Cargo.toml"), "utf8");
  const value = (name) => new RegExp(`^${name}\\s*=\\s*"([^"]+)"`, "m").exec(text)?.[1];
  return { name: value("name").replaceAll("-", "_"), rustVersion: value("rust-version") ?? "1.85" };
}
