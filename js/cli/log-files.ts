// Where the data of a Redis server is: a file, or the folder that it was started in.
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { UsageError } from "./options.js";
import { splitLine } from "./split.js";

/** One file, to be read from its beginning. */
export interface DataFile {
  path: string;
  bytes(): AsyncIterable<Uint8Array>;
}

const decoder = new TextDecoder();

/**
 * The files that a path stands for, in the order in which they are read. A file is one, and a manifest those that it names. In a
 * folder the append log comes first, as it does when a server starts: in several files, or in one, and then dump.rdb.
 */
export function dataFiles(path: string): DataFile[] {
  if (!existsSync(path)) throw new UsageError(`there is no ${path}`);
  if (!statSync(path).isDirectory()) return path.endsWith(".manifest") ? manifest(path) : [file(path)];
  for (const folder of [path, join(path, "appendonlydir")]) {
    const manifests = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".manifest")) : [];
    if (manifests.length > 1) throw new UsageError(`${folder} has more than one manifest: say which of ${manifests.join(", ")} is meant`);
    if (manifests.length === 1) return manifest(join(folder, manifests[0]!));
  }
  const found = ["appendonly.aof", "dump.rdb"].map((name) => join(path, name)).find((name) => existsSync(name));
  if (!found) throw new UsageError(`${path} has neither appendonlydir nor appendonly.aof nor dump.rdb`);
  return [file(found)];
}

const file = (path: string): DataFile => ({ path, bytes: () => createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array> });

/** The parts of an append log: what its manifest names as the base, and then what was appended since. */
function manifest(path: string): DataFile[] {
  const parts: { name: string; seq: number; type: string }[] = [];
  for (const [index, line] of readFileSync(path, "utf8").split(/\r?\n/).entries()) {
    if (line === "" || line.startsWith("#")) continue;
    const words = splitLine(line)?.map((word) => decoder.decode(word)) ?? [];
    const entry: Record<string, string> = {};
    for (let at = 0; at + 1 < words.length; at += 2) entry[words[at]!.toLowerCase()] = words[at + 1]!;
    const { file: name, seq, type } = entry;
    if (words.length % 2 !== 0 || !name || name !== basename(name) || !/^\d+$/.test(seq ?? "") || !/^[bhi]$/.test(type ?? "")) {
      throw new UsageError(`${path}, line ${index + 1}: not a line of a manifest`);
    }
    // What is history was replaced, and is only not deleted yet.
    if (type !== "h") parts.push({ name, seq: Number(seq), type: type! });
  }
  const bases = parts.filter(({ type }) => type === "b");
  if (bases.length > 1) throw new UsageError(`${path} names more than one base`);
  const increments = parts.filter(({ type }) => type === "i");
  if (increments.some(({ seq }, at) => at > 0 && seq <= increments[at - 1]!.seq)) throw new UsageError(`${path} names what was appended out of order`);
  if (parts.length === 0) throw new UsageError(`${path} names no file`);
  return [...bases, ...increments].map(({ name }) => {
    const part = join(dirname(path), name);
    if (!existsSync(part)) throw new UsageError(`${path} names ${name}, which is not there`);
    return file(part);
  });
}
