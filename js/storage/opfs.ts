// The origin private file system, in a dedicated worker: the one place where browsers have files that are read, written and
// flushed at once. Opening takes a while; from then on the store is synchronous, as a directory of files is in Node.
//
// Files are opened, made and renamed only with a promise, so objects are not files of their own. What is opened once:
//
//   objects           the bytes of what was put, each object in an extent of 4 KiB blocks; what is free is known from the index
//   log-0 … log-7     what is appended to, one object each; beyond eight, an append writes its object anew
//   index-0, index-1  which object is where: two, so that one can be written anew while the other counts
//
// An index, numbers little-endian:
//
//   header    "CLI1"       generation u32   check u32                    the higher generation counts
//   record    length u32   check u32        JSON: [name, offset, length]   an object in `objects`
//                                                 [name, log]              an object in a log
//                                                 [name]                   no object
//   zeros     room for records to come, so that a full disk does not keep anything from being deleted
//
// A record is the change: what it names is flushed before it is written, and what it frees is used again after it was flushed.
// Its check covers the generation too, so that what is left of an older index is not read as a part of this one. A torn record
// is the last one, and ends the index.
//
// Open files are locked: no other worker can open the store meanwhile. Who is to take it over asks its owner, over a
// BroadcastChannel, to let go; an owner that does not answer keeps it.
import { StorageError, StorageTakenError } from "../errors.js";
import type { Limits, Operation, Storage, Store } from "./adapter.js";
import { check, closed } from "./contract.js";

const limits: Limits = { object: 2 ** 30, operations: 100_000, bytes: 2 ** 31 };

const LOGS = 8;
const BLOCK = 4096;
const MAGIC = 0x31494c43;
const HEADER = 12;
/** Room that an index has for deletions, and by how much it grows. */
const RESERVE = 16 << 10;
const GROWTH = 64 << 10;
/** Bytes of an index, and times its bytes when it was written anew, from which it is written anew. */
const LARGE = 256 << 10;
const TIMES = 4;
/** Bytes that wait to be free, from which the index is flushed for them. */
const WAITING = 16 << 20;
/** How long a worker that has just ended may still hold its files, and one that is asked to let go; milliseconds. */
const LINGER = 300;
const ANSWER = 2_000;

/** A file, open for this worker alone. */
interface File {
  read(bytes: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** Objects in a directory of the origin private file system, which is made where there is none. Opens in dedicated workers. */
export function opfs(directory: string): Storage {
  const description = `OPFS "${directory}"`;
  return { description, open: ({ takeOver = false } = {}) => openFiles(directory, description, takeOver) };
}

async function openFiles(directory: string, description: string, takeOver: boolean): Promise<Store> {
  const root = (globalThis.navigator as Navigator | undefined)?.storage?.getDirectory;
  if (!root) throw new StorageError(`${description}: there is no origin private file system here; browsers have it in pages that come over HTTPS`);
  if (!("createSyncAccessHandle" in FileSystemFileHandle.prototype)) {
    throw new StorageError(`${description}: files can be written at once in dedicated workers only; open it in one (new Worker), not in a page, a shared worker or a service worker`);
  }
  const opened: File[] = [];
  const channel = new BroadcastChannel(`cachelet ${description}`);
  try {
    let folder = await navigator.storage.getDirectory();
    for (const part of directory.split("/").filter(Boolean)) folder = await folder.getDirectoryHandle(part, { create: true });
    const open = async (name: string) => {
      const handle = (await folder.getFileHandle(name, { create: true })) as unknown as { createSyncAccessHandle(): Promise<File> };
      const file = await handle.createSyncAccessHandle();
      opened.push(file);
      return file;
    };
    if (takeOver) channel.postMessage("let go");
    // Whoever has this one has the store.
    const objects = await claim(() => open("objects"), description, takeOver ? ANSWER : LINGER);
    const others = ["index-0", "index-1", ...Array.from({ length: LOGS }, (_, log) => `log-${log}`)];
    const [first, second, ...logs] = await Promise.all(others.map((name) => claim(() => open(name), description, ANSWER)));
    return new OpfsStore(description, objects, [first!, second!], logs, channel);
  } catch (error) {
    for (const file of opened) file.close();
    channel.close();
    throw failure(description, error);
  }
}

/** Opens a file, trying for a while where another has it. */
async function claim(open: () => Promise<File>, description: string, patience: number): Promise<File> {
  for (const until = Date.now() + patience; ; ) {
    try {
      return await open();
    } catch (error) {
      if ((error as Error).name !== "NoModificationAllowedError") throw error;
      if (Date.now() > until) throw new StorageTakenError(`${description} is open in another tab or worker`, error);
      await new Promise((wake) => setTimeout(wake, 20));
    }
  }
}

function failure(description: string, error: unknown): StorageError {
  if (error instanceof StorageError) return error;
  const { name, message } = error as Error;
  return new StorageError(`${description}: ${name === "QuotaExceededError" ? "the browser gives it no more room" : message || name}`, error);
}

/** Where an object is: in `objects`, or in a log. */
type Place = { readonly offset: number; readonly length: number } | LogPlace;
interface LogPlace {
  readonly log: number;
  size: number;
}

/** A part of `objects`. */
interface Extent {
  readonly offset: number;
  readonly size: number;
}

/** A record of an index. */
type Change = readonly [name: string, offset: number, length: number] | readonly [name: string, log: number] | readonly [name: string];

class OpfsStore implements Store {
  readonly description: string;
  readonly limits = limits;
  readonly synchronous = true;
  readonly atomic = false;
  readonly appends = true;
  readonly logs = true;
  readonly eventual = false;
  readonly #objects: File;
  readonly #indexes: readonly [File, File];
  readonly #logs: readonly File[];
  readonly #channel: BroadcastChannel;
  readonly #places = new Map<string, Place>();
  readonly #space = new Space();
  readonly #freeLogs: number[] = [];
  /** Logs that have to be flushed. */
  readonly #dirty = new Set<LogPlace>();
  /** What the index does not name any more, once it is flushed. */
  #leaving: (Extent | number)[] = [];
  #leavingBytes = 0;
  /** The index that counts, where its next record goes, how long its file is, and what it had when it was written. */
  #generation = 0;
  #at = 0;
  #room = 0;
  #written = 0;
  #isIndexDirty = false;
  #why: StorageError | undefined;

  constructor(description: string, objects: File, indexes: readonly [File, File], logs: readonly File[], channel: BroadcastChannel) {
    this.description = description;
    this.#objects = objects;
    this.#indexes = indexes;
    this.#logs = logs;
    this.#channel = channel;
    this.#load();
    channel.onmessage = () => this.#end(new StorageTakenError(`${description} was taken over`));
  }

  get #index(): File {
    return this.#indexes[this.#generation & 1]!;
  }

  /** Reads the index that counts, and from it what is free. */
  #load(): void {
    const generations = this.#indexes.map((file, index) => {
      const header = read(file, 0, Math.min(HEADER, file.getSize()));
      const view = new DataView(header.buffer);
      if (header.length < HEADER || view.getUint32(0, true) !== MAGIC || view.getUint32(8, true) !== checkOf(header.subarray(0, 8), 0)) return 0;
      const generation = view.getUint32(4, true);
      return (generation & 1) === index ? generation : 0;
    });
    this.#generation = Math.max(...generations);
    if (this.#generation === 0) {
      // Before the first index is on the disk nothing else is written.
      if (this.#objects.getSize() > 0 || this.#logs.some((file) => file.getSize() > 0)) throw new StorageError(`${this.description}: its index is damaged`);
      this.#rewrite();
    }
    const bytes = read(this.#index, 0, this.#index.getSize());
    this.#at = HEADER;
    for (let record; (record = recordAt(bytes, this.#at, this.#generation)); this.#at += 8 + record.length) this.#apply(JSON.parse(new TextDecoder().decode(record)) as Change);
    this.#written = this.#at;
    this.#room = bytes.length;
    // The last owner may have ended before it flushed. What is built upon what it left must not outlive it, and what it freed
    // must not be used while an older index could come back.
    const places = [...this.#places.values()];
    const logs = new Set(places.flatMap((place) => ("log" in place ? [place.log] : [])));
    for (const log of logs) this.#logs[log]!.flush();
    this.#index.flush();
    this.#space.reset(places.flatMap((place) => ("log" in place ? [] : [extentOf(place)])));
    this.#logs.forEach((_, log) => logs.has(log) || this.#clearLog(log));
    // What is behind may be a torn record, over which shorter ones would be read with its end.
    if (bytes.subarray(this.#at).some((byte) => byte !== 0)) this.#rewrite();
  }

  #apply(change: Change): void {
    const [name, at, length] = change;
    if (at === undefined) this.#places.delete(name);
    else if (length === undefined) this.#places.set(name, { log: at, size: this.#logs[at]!.getSize() });
    else this.#places.set(name, { offset: at, length });
  }

  /** Writes the other index, with what is there now, and goes on with that one. Where it cannot, the one that counts is as it was. */
  #rewrite(): void {
    const generation = this.#generation + 1;
    const records = [...this.#places].map(([name, place]) => recordOf("log" in place ? [name, place.log] : [name, place.offset, place.length], generation));
    const length = records.reduce((sum, record) => sum + record.length, HEADER);
    const bytes = new Uint8Array(length + GROWTH);
    let at = HEADER;
    for (const record of records) {
      bytes.set(record, at);
      at += record.length;
    }
    const file = this.#indexes[generation & 1]!;
    file.truncate(0);
    writeAll(file, bytes, 0);
    file.flush();
    // From here on it counts.
    writeAll(file, headerOf(generation), 0);
    file.flush();
    this.#generation = generation;
    this.#at = this.#written = length;
    this.#room = bytes.length;
    this.#isIndexDirty = false;
    this.#settle();
  }

  /** Keeps the index from growing without end. */
  #tidy(): void {
    if (this.#at > Math.max(LARGE, TIMES * this.#written)) {
      try {
        this.#rewrite();
      } catch {
        // There is no room for another one now. This one goes on.
        this.#indexes[(this.#generation + 1) & 1]!.truncate(0);
        this.#written = this.#at;
      }
    }
    if (this.#leavingBytes > WAITING) this.#flushIndex();
  }

  /** Writes a change to the index, then does it. */
  #change(change: Change): void {
    const record = recordOf(change, this.#generation);
    const isDeletion = change.length === 1;
    if (this.#at + record.length + (isDeletion ? 0 : RESERVE) > this.#room) this.#grow(record.length, isDeletion);
    writeAll(this.#index, record, this.#at);
    this.#at += record.length;
    this.#isIndexDirty = true;
    const [name] = change;
    const old = this.#places.get(name);
    if (old) {
      if ("log" in old) {
        this.#dirty.delete(old);
        this.#leaving.push(old.log);
      } else {
        const extent = extentOf(old);
        this.#leaving.push(extent);
        this.#leavingBytes += extent.size;
      }
    }
    this.#apply(change);
  }

  #grow(length: number, isDeletion: boolean): void {
    try {
      writeAll(this.#index, new Uint8Array(GROWTH), this.#room);
      this.#room += GROWTH;
    } catch (error) {
      if (!isDeletion || this.#at + length > this.#room) throw error;
    }
  }

  /** What the index has left is free, once it is flushed. */
  #settle(): void {
    for (const left of this.#leaving) {
      if (typeof left === "number") this.#clearLog(left);
      else this.#space.release(left);
    }
    if (this.#objects.getSize() > this.#space.end) this.#objects.truncate(this.#space.end);
    this.#leaving = [];
    this.#leavingBytes = 0;
  }

  /** Empties a log. That is flushed with what the next object begins with there. */
  #clearLog(log: number): void {
    const file = this.#logs[log]!;
    if (file.getSize() > 0) file.truncate(0);
    this.#freeLogs.push(log);
  }

  /** Does what may fail with the files. */
  #try<T>(work: () => T): T {
    if (this.#why) throw this.#why;
    try {
      return work();
    } catch (error) {
      throw failure(this.description, error);
    }
  }

  /** Gives the files back, for this reason. */
  #end(why: StorageError): void {
    if (this.#why) return;
    this.#why = why;
    for (const file of [this.#objects, ...this.#indexes, ...this.#logs]) file.close();
    this.#channel.close();
  }

  get(name: string): Uint8Array | undefined {
    return this.#try(() => {
      const place = this.#places.get(name);
      if (!place) return undefined;
      return "log" in place ? read(this.#logs[place.log]!, 0, place.size) : read(this.#objects, place.offset, place.length);
    });
  }

  list(prefix: string): string[] {
    return this.#try(() => [...this.#places.keys()].filter((name) => name.startsWith(prefix)).sort());
  }

  write(operations: readonly Operation[], durable: boolean): void {
    this.#try(() => {
      check(this, operations);
      const extents = this.#place(operations);
      try {
        this.#do(operations, extents);
      } catch (error) {
        for (const extent of extents.values()) this.#space.release(extent);
        throw error;
      }
      if (durable) this.#flush();
      this.#tidy();
    });
  }

  /** In order: nothing may outlive what stands before it in its write. What was used of the extents is taken out. */
  #do(operations: readonly Operation[], extents: Map<number, Extent>): void {
    let appended: string | undefined;
    for (const [index, operation] of operations.entries()) {
      const { kind, name } = operation;
      if (appended !== undefined && (kind !== "append" || name !== appended)) this.#flushNamed(appended);
      appended = undefined;
      if (kind === "append") {
        if (index > 0) this.#flushIndex();
        this.#append(name, operation.bytes);
        appended = name;
      } else if (kind === "put") {
        this.#change([name, extents.get(index)!.offset, operation.bytes.length]);
        extents.delete(index);
      } else if (this.#places.has(name)) {
        this.#change([name]);
      }
    }
  }

  /** Writes the bytes of what is put where there is room, and flushes them; by the number of the operation. */
  #place(operations: readonly Operation[]): Map<number, Extent> {
    const extents = new Map<number, Extent>();
    try {
      for (const [index, operation] of operations.entries()) {
        if (operation.kind !== "put") continue;
        const extent = this.#space.take(operation.bytes.length);
        extents.set(index, extent);
        writeAll(this.#objects, operation.bytes, extent.offset);
      }
    } catch (error) {
      for (const extent of extents.values()) this.#space.release(extent);
      throw error;
    }
    if ([...extents.values()].some(({ size }) => size > 0)) this.#flushing(() => this.#objects.flush());
    return extents;
  }

  #append(name: string, bytes: Uint8Array): void {
    const old = this.#places.get(name);
    if (!old || !("log" in old)) return this.#begin(name, old, bytes);
    const file = this.#logs[old.log]!;
    try {
      writeAll(file, bytes, old.size);
    } catch (error) {
      file.truncate(old.size);
      throw error;
    }
    old.size += bytes.length;
    this.#dirty.add(old);
  }

  /** Appends to what is in no log yet: it goes there, or is written anew. */
  #begin(name: string, old: Extent | Place | undefined, bytes: Uint8Array): void {
    const before = old ? this.get(name)! : new Uint8Array();
    const whole = new Uint8Array(before.length + bytes.length);
    whole.set(before);
    whole.set(bytes, before.length);
    const log = this.#freeLogs.at(-1);
    if (log === undefined) {
      const extent = this.#place([{ kind: "put", name, bytes: whole }]).get(0)!;
      return this.#change([name, extent.offset, whole.length]);
    }
    const file = this.#logs[log]!;
    try {
      writeAll(file, whole, 0);
      file.flush();
      this.#change([name, log]);
    } catch (error) {
      file.truncate(0);
      throw error;
    }
    this.#freeLogs.pop();
  }

  #flushNamed(name: string): void {
    const place = this.#places.get(name);
    if (place && "log" in place) this.#flushLog(place);
  }

  #flushLog(place: LogPlace): void {
    if (!this.#dirty.has(place)) return;
    this.#flushing(() => this.#logs[place.log]!.flush());
    this.#dirty.delete(place);
  }

  #flushIndex(): void {
    if (!this.#isIndexDirty) return;
    this.#flushing(() => this.#index.flush());
    this.#isIndexDirty = false;
    this.#settle();
  }

  /** Flushes. After that failed the system may have dropped what it could not write: what is there has to be read anew. */
  #flushing(flush: () => void): void {
    try {
      flush();
    } catch (error) {
      this.#end(new StorageError(`${this.description} is closed: what was written may be lost`, error));
      throw this.#why;
    }
  }

  #flush(): void {
    for (const place of this.#dirty) this.#flushLog(place);
    this.#flushIndex();
  }

  sync(): void {
    this.#try(() => this.#flush());
  }

  close(): void {
    try {
      if (!this.#why) this.sync();
    } finally {
      this.#end(closed(this.description));
    }
  }
}

/** What of `objects` is free: extents in order, none beside another, and the end. */
class Space {
  #free: Extent[] = [];
  end = 0;

  /** Free is what is not used. */
  reset(used: Extent[]): void {
    this.#free = [];
    this.end = 0;
    for (const extent of used.filter(({ size }) => size > 0).sort((a, b) => a.offset - b.offset)) {
      if (extent.offset > this.end) this.#free.push({ offset: this.end, size: extent.offset - this.end });
      this.end = extent.offset + extent.size;
    }
  }

  /** Room for so many bytes: the first that is large enough, or the end. */
  take(length: number): Extent {
    const { size } = extentOf({ offset: 0, length });
    if (size === 0) return { offset: 0, size };
    const index = this.#free.findIndex((extent) => extent.size >= size);
    if (index < 0) {
      const offset = this.end;
      this.end += size;
      return { offset, size };
    }
    const found = this.#free[index]!;
    if (found.size === size) this.#free.splice(index, 1);
    else this.#free[index] = { offset: found.offset + size, size: found.size - size };
    return { offset: found.offset, size };
  }

  release({ offset, size }: Extent): void {
    if (size === 0) return;
    let index = this.#free.findIndex((extent) => extent.offset > offset);
    if (index < 0) index = this.#free.length;
    const before = this.#free[index - 1];
    const behind = this.#free[index];
    const touchesBefore = before !== undefined && before.offset + before.size === offset;
    const touchesBehind = behind !== undefined && offset + size === behind.offset;
    const merged = { offset: touchesBefore ? before.offset : offset, size: size + (touchesBefore ? before.size : 0) + (touchesBehind ? behind.size : 0) };
    this.#free.splice(index - (touchesBefore ? 1 : 0), (touchesBefore ? 1 : 0) + (touchesBehind ? 1 : 0), merged);
    if (merged.offset + merged.size < this.end) return;
    this.end = merged.offset;
    this.#free.pop();
  }
}

const extentOf = ({ offset, length }: { offset: number; length: number }): Extent => ({ offset, size: Math.ceil(length / BLOCK) * BLOCK });

function read(file: File, at: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let done = 0;
  while (done < length) {
    const count = file.read(bytes.subarray(done), { at: at + done });
    if (count === 0) break;
    done += count;
  }
  return bytes.subarray(0, done);
}

function writeAll(file: File, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    const count = file.write(bytes.subarray(done), { at: at + done });
    if (count === 0) throw new DOMException("nothing more could be written", "QuotaExceededError");
    done += count;
  }
}

/** FNV-1a, begun with the generation. */
function checkOf(bytes: Uint8Array, generation: number): number {
  let hash = 0x811c9dc5 ^ generation;
  for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return hash >>> 0;
}

function headerOf(generation: number): Uint8Array {
  const header = new Uint8Array(HEADER);
  const view = new DataView(header.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, generation, true);
  view.setUint32(8, checkOf(header.subarray(0, 8), 0), true);
  return header;
}

function recordOf(change: Change, generation: number): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(change));
  const record = new Uint8Array(8 + text.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, text.length, true);
  view.setUint32(4, checkOf(text, generation), true);
  record.set(text, 8);
  return record;
}

/** The record at a place of an index; undefined where none is whole. */
function recordAt(bytes: Uint8Array, at: number, generation: number): Uint8Array | undefined {
  if (at + 8 > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at);
  const length = view.getUint32(0, true);
  const text = bytes.subarray(at + 8, at + 8 + length);
  return length > 0 && text.length === length && view.getUint32(4, true) === checkOf(text, generation) ? text : undefined;
}
