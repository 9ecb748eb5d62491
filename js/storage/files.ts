// A directory of files, in Node and Deno, where it needs leave to read and write that directory and nothing else.
// Synchronous: under `appendfsync always` the log is on the disk when the command returns.
//
//   log/17          an object `log/17` is the file `log_17`: one flat directory, whatever the names
//   .new-8-1        an object while the owner of .lock-8 puts it; becomes it by a rename
//   .lock-8         who has the directory: see lock.ts
//
// What a power cut leaves. A put is flushed before it is renamed, so that the name never leads to a part of it. Renames
// and deletions are the directory's, which is flushed for `durable` and before anything is deleted, so that a deletion
// never survives what was put before it. An append may be torn.
//
// What is put and need not be durable yet is flushed by another thread meanwhile, and renamed afterwards: a snapshot is many such
// objects, and a slow disk must not hold the thread for each. It is read from where it is. If the program ends first, it was
// never put.
//
// What an error leaves. An append that fails is cut off again, so that the next one does not stand behind half a record.
// After a flush that failed the system may have dropped what it could not write, and a second flush would say that all
// is well: that object takes nothing more, and no later `sync` speaks for it, until it is put anew or deleted.
import { closeSync, fdatasyncSync, fstatSync, fsync, fsyncSync, ftruncateSync, mkdirSync, openSync, readdirSync, readSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { StorageError, StorageTakenError } from "../errors.js";
import type { InstantStorage, Limits, Operation, Store } from "./adapter.js";
import { check, closed, isName } from "./contract.js";
import { Lock } from "./lock.js";

const limits: Limits = { object: 2 ** 30, operations: 100_000, bytes: 2 ** 31 };

/** Most logs that are kept open. */
const OPEN = 8;

/** Most bytes that are handed to the system at once: it takes no more than 2 GB. */
const PIECE = 2 ** 30;

/** Objects as files of a directory, which is made where there is none. */
export function files(directory: string | URL): InstantStorage {
  const path = typeof directory === "string" ? directory : fileURLToPath(directory);
  const description = `directory "${path}"`;
  return {
    description,
    open: ({ takeOver = false } = {}) => new FileStore(path, description, takeOver),
  };
}

/** Most objects that are flushed meanwhile. */
const UNDER_WAY = 16;

/** An object that is put, but not in its place yet. */
interface Put {
  readonly name: string;
  /** Where it is. */
  readonly path: string;
  readonly fd: number;
  /** Another thread flushes it. */
  readonly isDeferred: boolean;
  isFlushed: boolean;
  error: unknown;
  /** Nobody but its flush has the file open any more. */
  isLeft: boolean;
}

/** A file that is appended to. */
interface Log {
  readonly fd: number;
  size: number;
  isDirty: boolean;
}

class FileStore implements Store {
  readonly description: string;
  readonly limits = limits;
  readonly synchronous = true;
  readonly atomic = false;
  readonly appends = true;
  readonly logs = true;
  readonly eventual = false;
  readonly #path: string;
  readonly #lock: Lock;
  /** The one used last stands last. */
  readonly #logs = new Map<string, Log>();
  /** Objects of which the system may have dropped a part, with its error. */
  readonly #doubtful = new Map<string, unknown>();
  /** What is put and not in its place yet, in order. */
  readonly #puts: Put[] = [];
  #count = 0;
  /** What went wrong with one of them while nobody was there to be told. */
  #late: unknown;
  #directory: number | undefined;
  /** Names changed that the directory may not have on the disk; some of them are of what was put. */
  #isDirty = false;
  #hasNew = false;
  #isClosed = false;

  constructor(path: string, description: string, takeOver: boolean) {
    this.#path = path;
    this.description = description;
    this.#do("make", path, () => {
      const made = mkdirSync(path, { recursive: true });
      if (made !== undefined) flushParent(made);
    });
    this.#lock = this.#do("lock", path, () => Lock.take(path, description, takeOver));
    try {
      // Windows cannot open a directory, and needs no flush of it.
      if (process.platform !== "win32") this.#directory = this.#do("open", path, () => openSync(path, "r"));
      for (const name of readdirSync(path)) if (name.startsWith(".new-")) this.#unlink(this.#file(name));
      // What its last owner left without flushing it may not be on the disk yet. What is built upon it must not outlive it.
      if (this.#lock.isAbandoned) {
        for (const name of this.list("")) this.#do("flush", this.#file(name), () => flushFile(this.#file(name)));
        this.#isDirty = true;
        this.#syncDirectory();
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #file(name: string): string {
    return `${this.#path}/${name.replaceAll("/", "_")}`;
  }

  /** Does what may fail with a file; its failure names the file. */
  #do<T>(what: string, path: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof StorageError) throw error;
      throw new StorageError(`cannot ${what} ${path}: ${reason(error)}`, error);
    }
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed(this.description);
  }

  #checkMine(): void {
    this.#checkOpen();
    if (!this.#lock.isMine()) throw new StorageTakenError(`${this.description} was taken over`);
  }

  get flushing(): number {
    return this.#puts.length;
  }

  get(name: string): Uint8Array | undefined {
    this.#checkOpen();
    const path = this.#pending(name)?.path ?? this.#file(name);
    return this.#do("read", path, () => {
      let fd;
      try {
        fd = openSync(path, "r");
      } catch (error) {
        if (codeOf(error) === "ENOENT") return undefined;
        throw error;
      }
      try {
        const bytes = new Uint8Array(fstatSync(fd).size);
        let done = 0;
        while (done < bytes.length) {
          const read = readSync(fd, bytes, done, Math.min(PIECE, bytes.length - done), done);
          if (read === 0) break;
          done += read;
        }
        return bytes.subarray(0, done);
      } finally {
        closeSync(fd);
      }
    });
  }

  list(prefix: string): string[] {
    this.#checkOpen();
    const entries = this.#do("read", this.#path, () => readdirSync(this.#path, { withFileTypes: true }));
    const names = entries.filter((entry) => entry.isFile()).map((entry) => entry.name.replaceAll("_", "/"));
    const all = this.#puts.length > 0 ? new Set([...names, ...this.#puts.map(({ name }) => name)]) : names;
    return [...all].filter((name) => name.startsWith(prefix) && isName(name)).sort();
  }

  write(operations: readonly Operation[], durable: boolean): void {
    this.#checkMine();
    check(this, operations);
    // In order: nothing may outlive what stands before it in its write.
    let appended: string | undefined;
    let isMoved = false;
    for (const operation of operations) {
      const { kind, name } = operation;
      if (appended !== undefined && (kind !== "append" || name !== appended)) this.#flush(appended);
      appended = undefined;
      if (kind === "append") {
        if (isMoved || this.#pending(name)) this.#settle();
        if (isMoved) this.#syncDirectory();
        this.#append(name, operation.bytes);
        appended = name;
      } else {
        if (kind === "put") this.#put(name, operation.bytes, durable);
        else this.#delete(name);
        isMoved = true;
      }
    }
    if (!durable) return;
    if (isMoved) this.sync();
    else this.#syncLogs();
  }

  #append(name: string, bytes: Uint8Array): void {
    const path = this.#file(name);
    const doubt = this.#doubtful.get(name);
    if (doubt) throw new StorageError(`cannot append to ${path}, of which an earlier part may be lost: ${reason(doubt)}`, doubt);
    const log = this.#log(name, path);
    this.#do("append to", path, () => {
      log.isDirty = true;
      try {
        writeAll(log.fd, bytes);
        log.size += bytes.length;
      } catch (error) {
        try {
          ftruncateSync(log.fd, log.size);
        } catch (lost) {
          this.#doubtful.set(name, lost);
        }
        throw error;
      }
    });
  }

  /** The file, open to be appended to. */
  #log(name: string, path: string): Log {
    let log = this.#logs.get(name);
    if (log) {
      if (this.#logs.size > 1) {
        this.#logs.delete(name);
        this.#logs.set(name, log);
      }
      return log;
    }
    const [oldest] = this.#logs.keys();
    if (this.#logs.size >= OPEN) this.#forget(oldest!);
    log = this.#do("open", path, () => {
      const fd = openSync(path, "a");
      return { fd, size: fstatSync(fd).size, isDirty: false };
    });
    this.#logs.set(name, log);
    // It may be new.
    this.#isDirty = this.#hasNew = true;
    return log;
  }

  /** Closes a log, and flushes it, since later nobody would know that it is due. */
  #forget(name: string): void {
    const log = this.#logs.get(name)!;
    if (!this.#doubtful.has(name)) this.#flush(name);
    this.#logs.delete(name);
    closeSync(log.fd);
  }

  #flush(name: string): void {
    const log = this.#logs.get(name);
    if (!log?.isDirty) return;
    const path = this.#file(name);
    this.#do("flush", path, () => {
      try {
        fdatasyncSync(log.fd);
        log.isDirty = false;
      } catch (error) {
        this.#doubtful.set(name, error);
        throw error;
      }
    });
  }

  #put(name: string, bytes: Uint8Array, durable: boolean): void {
    if (durable || this.#pending(name)) this.#settle();
    const path = `${this.#path}/.new-${this.#lock.number}-${++this.#count}`;
    const put: Put = { name, path, fd: this.#do("write", this.#file(name), () => openSync(path, "w")), isDeferred: !durable, isFlushed: false, error: undefined, isLeft: false };
    try {
      this.#do("write", this.#file(name), () => writeAll(put.fd, bytes));
    } catch (error) {
      closeSync(put.fd);
      this.#discard(path);
      throw error;
    }
    if (durable) return this.#place(put);
    this.#puts.push(put);
    fsync(put.fd, (error) => {
      put.isFlushed = true;
      put.error = error ?? undefined;
      if (put.isLeft) closeSync(put.fd);
      else this.#advance();
    });
    if (this.#puts.length > UNDER_WAY) this.#place(this.#puts.shift()!);
  }

  #pending(name: string): Put | undefined {
    return this.#puts.find((put) => put.name === name);
  }

  /** Flushes an object and puts it in its place. */
  #place(put: Put): void {
    const { name, path, fd } = put;
    const isUnderWay = !put.isFlushed;
    try {
      this.#do("write", this.#file(name), () => {
        if (put.error) throw put.error;
        if (isUnderWay) fsyncSync(fd);
      });
      if (this.#logs.has(name)) this.#forget(name);
      this.#checkMine();
      this.#do("write", this.#file(name), () => renameSync(path, this.#file(name)));
    } catch (error) {
      this.#discard(path);
      throw error;
    } finally {
      // The system must not give the number to another file while the flush goes on.
      if (isUnderWay && put.isDeferred) put.isLeft = true;
      else closeSync(fd);
    }
    this.#doubtful.delete(name);
    this.#isDirty = this.#hasNew = true;
  }

  /** Puts in their places what has been flushed meanwhile; what goes wrong is told to whoever comes next. */
  #advance(): void {
    try {
      while (!this.#isClosed && this.#puts[0]?.isFlushed && this.#puts[0].error === undefined && this.#lock.isMine()) this.#place(this.#puts.shift()!);
    } catch (error) {
      this.#late ??= error;
    }
  }

  /** Puts everything in its place. */
  #settle(): void {
    while (this.#puts.length > 0) this.#place(this.#puts.shift()!);
    const late = this.#late;
    this.#late = undefined;
    if (late) throw late;
  }

  #discard(path: string): void {
    try {
      unlinkSync(path);
    } catch {
      // Whoever opens the directory next does it.
    }
  }

  #delete(name: string): void {
    this.#settle();
    // What is deleted with it, or was before, need not be on the disk first.
    if (this.#hasNew) this.#syncDirectory();
    this.#unlink(this.#file(name));
    const log = this.#logs.get(name);
    if (log) closeSync(log.fd);
    this.#logs.delete(name);
    this.#doubtful.delete(name);
    this.#isDirty = true;
  }

  #unlink(path: string): void {
    this.#do("delete", path, () => {
      try {
        unlinkSync(path);
      } catch (error) {
        if (codeOf(error) !== "ENOENT") throw error;
      }
    });
  }

  sync(): void {
    this.#checkOpen();
    this.#settle();
    this.#syncLogs();
  }

  #syncLogs(): void {
    // What failed was said when it did, and is for whoever wrote it to write elsewhere.
    for (const name of this.#logs.keys()) if (!this.#doubtful.has(name)) this.#flush(name);
    this.#syncDirectory();
    // Whoever took over in the meantime may have read the files before this was in them.
    this.#checkMine();
  }

  #syncDirectory(): void {
    if (!this.#isDirty) return;
    this.#do("flush", this.#path, () => this.#directory !== undefined && fsyncSync(this.#directory));
    this.#isDirty = this.#hasNew = false;
  }

  /** Flushes what is left; where that fails the directory is given back all the same. */
  close(): void {
    if (this.#isClosed) return;
    let isFlushed = false;
    try {
      if (this.#lock.isMine()) this.sync();
      isFlushed = this.#doubtful.size === 0;
    } finally {
      this.#isClosed = true;
      for (const put of this.#puts.splice(0)) {
        put.isLeft = true;
        if (put.isFlushed) closeSync(put.fd);
      }
      for (const { fd } of this.#logs.values()) closeSync(fd);
      this.#logs.clear();
      if (this.#directory !== undefined) closeSync(this.#directory);
      this.#lock.release(isFlushed);
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, Math.min(PIECE, bytes.length - done));
}

function flushFile(path: string): void {
  // Windows flushes what is open for writing only.
  const fd = openSync(path, process.platform === "win32" ? "r+" : "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The directory in which a directory was made: where that may not be read, it was not ours to keep. */
function flushParent(made: string): void {
  try {
    flushFile(dirname(made));
  } catch {}
}

const codeOf = (error: unknown) => (error as { code?: unknown })?.code;

const reasons: Record<string, string> = {
  ENOSPC: "the disk is full",
  EDQUOT: "the user's share of the disk is full",
  EFBIG: "files may not be that long",
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the file system is read-only",
  ENOTDIR: "a part of the path is no directory",
  EEXIST: "there is a file of that name",
  EMFILE: "too many files are open",
  EIO: "the disk failed",
};

/** What the system's error means, with its own word for it. */
function reason(error: unknown): string {
  const code = codeOf(error);
  if (typeof code === "string") return code in reasons ? `${reasons[code]} (${code})` : code;
  return error instanceof Error ? error.message : String(error);
}
