// A model of node:fs, as far as directories of files use it, on a machine whose power may go: what was not flushed of a file is
// lost in any part and order, and what was not flushed of the directory from its end, as journals keep it. Bundled in place of
// node:fs.
import { Contents } from "./contents.mjs";
import { Crashed } from "./faulty.mjs";

const current = { machine: undefined };

/** Puts a machine in place. */
export function model(random) {
  current.machine = new Machine(random);
  return current.machine;
}

class Machine {
  calls = 0;
  crashAt = Infinity;
  hasCrashed = false;
  names = new Map();
  #disk = new Map();
  #pending = [];
  #random;
  fds = new Map();
  next = 3;
  life = 0;
  /** What the disk cannot do now: "flush" fails with EIO and what was not flushed may be lost; "write" takes a part and is full. */
  failing = "";

  constructor(random) {
    this.random = this.#random = random;
  }

  /** Counts a call that changes something; where it is the last one it may still be done. */
  call(work) {
    if (this.hasCrashed) throw new Crashed("earlier");
    if (this.calls++ === this.crashAt) {
      if (this.#random(2)) work();
      this.hasCrashed = true;
      throw new Crashed(`call ${this.calls - 1}`);
    }
    return work();
  }

  /** Changes the directory. */
  change(change) {
    this.#pending.push(change);
    change(this.names);
  }

  flushDirectory() {
    this.#disk = new Map(this.names);
    this.#pending = [];
  }

  /** The program is another one: nobody hears what the last one waited for. */
  abandon() {
    this.fds.clear();
    this.life++;
  }

  restart() {
    const kept = this.#random(this.#pending.length + 1);
    for (const change of this.#pending.slice(0, kept)) change(this.#disk);
    this.names = new Map(this.#disk);
    this.#pending = [];
    for (const contents of new Set(this.names.values())) contents.lose(this.#random);
    this.abandon();
    this.hasCrashed = false;
    this.crashAt = Infinity;
  }
}

const fault = (code) => Object.assign(new Error(code), { code });
const machine = () => current.machine;
const contentsOf = (fd) => machine().fds.get(fd)?.contents;
const DIRECTORY = "model";

const times = new WeakMap();
const modified = (contents) => times.get(contents) ?? Date.now();

function opened(contents, isAppending = false) {
  machine().fds.set(machine().next, { contents, isAppending });
  return machine().next++;
}

export function openSync(path, flags) {
  if (path === DIRECTORY) return opened(DIRECTORY);
  const { names } = machine();
  if (flags === "wx" && names.has(path)) throw fault("EEXIST");
  if (!names.has(path)) {
    if (flags === "r") throw fault("ENOENT");
    const contents = new Contents();
    machine().call(() => machine().change((names) => names.set(path, contents)));
  } else if (flags === "w") {
    machine().call(() => names.get(path).truncate(0));
  }
  return opened(machine().names.get(path), flags === "a");
}

export const closeSync = (fd) => void machine().fds.delete(fd);
export const mkdirSync = () => undefined;
export const readdirSync = (_, options) => [...machine().names.keys()].map((path) => path.slice(DIRECTORY.length + 1)).map((name) => (options?.withFileTypes ? { name, isFile: () => true } : name));
export const readSync = (fd, bytes, offset, length, at) => contentsOf(fd).read(bytes.subarray(offset, offset + length), at);
export const writeSync = (fd, bytes, offset = 0, length = bytes.length - offset) =>
  machine().call(() => {
    const { contents, isAppending } = machine().fds.get(fd);
    if (!isAppending && contents.size > 0 && offset === 0) throw new Error("the model writes from the beginning only");
    if (machine().failing === "write") {
      if (length < 2) throw fault("ENOSPC");
      return contents.write(bytes.subarray(offset, offset + (length >> 1)), contents.size);
    }
    return contents.write(bytes.subarray(offset, offset + length), contents.size);
  });
export const fsyncSync = (fd) => machine().call(() => {
  if (machine().failing === "flush") throw fault("EIO");
  if (contentsOf(fd) === DIRECTORY) machine().flushDirectory();
  else contentsOf(fd).flush();
});
export const fdatasyncSync = fsyncSync;

/** Another thread's: done at once or in a while, told in a while. */
export function fsync(fd, told) {
  const here = machine();
  const { life } = here;
  const contents = contentsOf(fd);
  const flush = () => {
    // A crash of the machine in another thread is not this thread's to catch.
    if (here.hasCrashed || here !== machine()) return undefined;
    if (here.failing === "flush") return fault("EIO");
    contents.flush();
    return undefined;
  };
  const done = here.random(2) ? { error: flush() } : undefined;
  queueMicrotask(() => {
    if (here === machine() && here.life === life && !here.hasCrashed) told(done ? done.error ?? null : flush() ?? null);
  });
}
export const ftruncateSync = (fd, size = 0) => machine().call(() => contentsOf(fd).truncate(size));
export const futimesSync = (fd, _, modified) => void times.set(contentsOf(fd), modified.getTime());
export const fstatSync = (fd) => ({ size: contentsOf(fd).size, nlink: [...machine().names.values()].includes(contentsOf(fd)) ? 1 : 0, mtimeMs: modified(contentsOf(fd)) });

function existing(path) {
  const contents = machine().names.get(path);
  if (!contents) throw fault("ENOENT");
  return contents;
}

export const statSync = (path) => ({ size: existing(path).size, mtimeMs: modified(existing(path)) });
export const readFileSync = (path) => new TextDecoder().decode(existing(path).bytes);
export function unlinkSync(path) {
  existing(path);
  machine().call(() => machine().change((names) => names.delete(path)));
}
export function renameSync(from, to) {
  const contents = existing(from);
  machine().call(() =>
    machine().change((names) => {
      names.delete(from);
      names.set(to, contents);
    }),
  );
}
