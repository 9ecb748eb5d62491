// A model of the origin private file system, for what no browser does on demand: a power cut at any call, with what was not
// flushed lost in any part and order. Installed into Node's globals.
import { Contents } from "./contents.mjs";
import { Crashed } from "./faulty.mjs";

/** Files of one origin. `crashAt` is the number of the call at which it crashes; `random(below)` decides what is lost. */
export class Files {
  calls = 0;
  crashAt = Infinity;
  hasCrashed = false;
  #files = new Map();
  #random;

  constructor(random) {
    this.#random = random;
  }

  #file(path) {
    if (!this.#files.has(path)) this.#files.set(path, { contents: new Contents(), isOpen: false });
    return this.#files.get(path);
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

  /** The program has ended, the machine goes on. */
  abandon() {
    for (const file of this.#files.values()) file.isOpen = false;
  }

  /** The machine is on again. */
  restart() {
    for (const file of this.#files.values()) file.contents.lose(this.#random);
    this.abandon();
    this.hasCrashed = false;
    this.crashAt = Infinity;
  }

  open(path) {
    const file = this.#file(path);
    if (file.isOpen) throw new DOMException("it is locked", "NoModificationAllowedError");
    file.isOpen = true;
    const { contents } = file;
    return {
      read: (bytes, { at }) => contents.read(bytes, at),
      write: (bytes, { at }) => this.call(() => contents.write(bytes, at)),
      truncate: (size) => this.call(() => contents.truncate(size)),
      flush: () => this.call(() => contents.flush()),
      getSize: () => contents.size,
      close: () => void (file.isOpen = false),
    };
  }
}

/** Node's own would keep the program from ending, where a crash leaves one open. */
class Channel {
  static #all = new Set();
  constructor(name) {
    this.name = name;
    Channel.#all.add(this);
  }
  postMessage(data) {
    for (const other of Channel.#all) if (other !== this && other.name === this.name) queueMicrotask(() => other.onmessage?.({ data }));
  }
  close() {
    Channel.#all.delete(this);
  }
}

/** Has `opfs` find these files, whatever the origin. */
export function install() {
  const current = { files: undefined };
  class FileHandle {
    constructor(path) {
      this.path = path;
    }
    async createSyncAccessHandle() {
      return current.files.open(this.path);
    }
  }
  const folder = (path) => ({ getDirectoryHandle: async (name) => folder(`${path}/${name}`), getFileHandle: async (name) => new FileHandle(`${path}/${name}`) });
  Object.defineProperty(globalThis, "navigator", { value: { storage: { getDirectory: async () => folder("") } }, configurable: true });
  globalThis.FileSystemFileHandle = FileHandle;
  globalThis.BroadcastChannel = Channel;
  return current;
}
