// A store for tests that fails, fills up and crashes when it is told to, and loses then what was not made durable. What
// it does beyond that comes from a seed: the same seed and the same calls give the same bytes, always.
//
//   const disk = new Disk({ seed: 7, faults: { 12: "crash" } });
//   ... open({ storage: disk.storage }) ... throws a Crashed from operation 12 on ...
//   disk.crash();                        // the power is gone and back
//   ... open({ storage: disk.storage }) ... finds what survived
//
// Operations are counted from 0 over the disk's life: every put, append and delete is one, every flush (a durable write has
// one behind its operations, `sync` is one) is one. Where the store is atomic a whole write with its flush is one.
//
// A fault, by the number of the operation:
//   "fail"    it throws a StorageError and is not done; where the write has more operations, they are not either
//   "crash"   it is done, in part, or not; from then on every call throws a Crashed, until `crash()`
//
// What is left after a crash of the machine: everything that was flushed, and of the rest a beginning. Of all that was
// done since, in order; or, where the disk is `scattered`, of each write a beginning and of what was done to each object a
// beginning, as a file system does whose files are flushed one by one. Of an append that is the first to be lost a part may
// be left; a put is never torn. A crash of the program alone loses only what was being done.
import { StorageError, StorageTakenError } from "cachelet";
import { check, closed } from "cachelet/storage/contract";

/** Thrown by a store whose disk has crashed: the program that gets it is no more. */
export class Crashed extends Error {
  name = "Crashed";
}

export class Disk {
  /** Faults by the number of their operation; may be changed at any time. */
  faults;
  /** Most bytes of all objects together; beyond that a write fails. */
  capacity;
  /** Number of operations so far. */
  count = 0;
  /** Every operation, as text: what a failing seed is told by. */
  trace = [];
  storage;
  #options;
  #state;
  /** The objects as whoever has it open sees them, and as they were when all was flushed last. */
  #now = new Map();
  #flushed = new Map();
  #size = 0;
  /** What was done since the last flush. */
  #pending = [];
  #store;

  /**
   * The kind of store: `synchronous`, `atomic`, `appends`, `eventual`, `limits`. Asynchronous ones take a seeded number of
   * turns for everything, and do writes one after the other.
   */
  constructor({ seed = 1, faults = {}, capacity = Infinity, scattered = false, synchronous = true, atomic = false, appends = true, eventual = false, limits = { object: 1 << 20, operations: 1000, bytes: 4 << 20 } } = {}) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    this.faults = faults;
    this.capacity = capacity;
    this.#options = { scattered, synchronous, atomic, appends, eventual, limits };
    const description = `faulty disk ${seed}`;
    this.storage = {
      description,
      open: ({ takeOver = false } = {}) => {
        if (this.#store && !takeOver) throw new StorageTakenError(`${description} is open already`);
        const store = this.#open(description);
        this.#store = store;
        return store;
      },
    };
  }

  /** A number from 0 to `below` - 1, the seed's next. */
  random(below) {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state;
    return (state >>> 0) % below;
  }

  /**
   * Ends whoever has it open, and leaves what survives: of the machine's crash, or only the program's. Returns the objects
   * that are left.
   */
  crash({ machine = true } = {}) {
    this.#store = undefined;
    const left = machine ? this.#survivors() : this.#now;
    this.#now = new Map(left);
    this.#flushed = new Map(left);
    this.#size = [...left.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    this.#pending = [];
    this.trace.push(machine ? "crash" : "kill");
    return new Map(left);
  }

  #survivors() {
    const left = new Map(this.#flushed);
    const { atomic, scattered } = this.#options;
    const lose = (operation) => operation.kind === "append" && !atomic && apply(left, this.#torn(operation));
    if (!scattered) {
      const kept = this.random(this.#pending.length + 1);
      for (const operation of this.#pending.slice(0, kept)) apply(left, operation);
      if (kept < this.#pending.length) lose(this.#pending[kept]);
      return left;
    }
    const odds = [2, 4, 2 + this.#pending.length][this.random(3)];
    const gone = new Set();
    for (const operation of this.#pending) {
      const { name, write } = operation;
      const isFirst = !gone.has(name) && !gone.has(write);
      if (isFirst && this.random(odds) > 0) {
        apply(left, operation);
        continue;
      }
      if (isFirst) lose(operation);
      gone.add(name).add(write);
    }
    return left;
  }

  #torn(append) {
    return { ...append, bytes: append.bytes.slice(0, this.random(append.bytes.length + 1)) };
  }

  /** Counts an operation; true where the disk crashes in it. */
  #next(what) {
    const fault = this.faults[this.count];
    this.trace.push(`${this.count} ${what}${fault ? ` ${fault}` : ""}`);
    this.count++;
    if (fault === "fail") throw new StorageError(`faulty disk: operation ${this.count - 1} failed`);
    return fault === "crash";
  }

  #flush() {
    for (const operation of this.#pending) apply(this.#flushed, operation);
    this.#pending = [];
  }

  /** Does operations that are lost together or, where they are but one, with what else its write has. */
  #do(operations, write) {
    let size = this.#size;
    const after = new Map();
    for (const operation of operations) {
      const old = after.has(operation.name) ? after.get(operation.name) : this.#now.get(operation.name);
      const bytes = done(old, operation);
      size += (bytes?.length ?? 0) - (old?.length ?? 0);
      after.set(operation.name, bytes);
    }
    if (size > this.capacity && size > this.#size) throw new StorageError("faulty disk: it is full");
    this.#size = size;
    for (const [name, bytes] of after) set(this.#now, name, bytes);
    if (this.#options.atomic) this.#pending.push({ kind: "write", operations, write });
    else this.#pending.push(...operations.map((one) => ({ ...one, write })));
  }

  #write(operations, durable, die) {
    const kept = operations.map((one) => (one.kind === "delete" ? one : { ...one, bytes: one.bytes.slice() }));
    const write = this.count;
    if (this.#options.atomic) {
      const isCrash = this.#next(`write ${kept.map(textOf).join(", ")}${durable ? " durable" : ""}`);
      if (!isCrash || this.random(2) === 0) {
        this.#do(kept, write);
        // Its flush may have been all that was left to do.
        if (durable && (!isCrash || this.random(2) === 0)) this.#flush();
      }
      if (isCrash) die();
      return;
    }
    for (const operation of kept) {
      if (this.#next(textOf(operation))) {
        if (operation.kind === "append") this.#do([this.#torn(operation)], write);
        else if (this.random(2) === 0) this.#do([operation], write);
        die();
      }
      this.#do([operation], write);
    }
    if (durable) this.#sync(die);
  }

  #sync(die) {
    const isCrash = this.#next("flush");
    if (!isCrash || this.random(2) === 0) this.#flush();
    if (isCrash) die();
  }

  #open(description) {
    const disk = this;
    const { synchronous, atomic, appends, eventual, limits } = this.#options;
    let isClosed = false;
    let hasCrashed = false;
    const die = () => {
      hasCrashed = true;
      throw new Crashed(`operation ${this.count - 1}`);
    };
    const isMine = () => this.#store === store;
    const checkOpen = () => {
      if (hasCrashed) throw new Crashed("earlier");
      if (isClosed) throw closed(description);
    };
    const checkMine = () => {
      checkOpen();
      if (!isMine()) throw new StorageTakenError(`${description} was taken over`);
    };
    /** As it is, or promised: after a number of turns that the seed chooses, and where it writes after what was written before. */
    let last = Promise.resolve();
    const answer = (work, writes = false) => {
      if (synchronous) return work();
      const turn = async () => {
        for (let turns = this.random(5); turns > 0; turns--) await undefined;
        return work();
      };
      if (!writes) return turn();
      const done = last.then(turn);
      last = done.then(() => {}, () => {});
      return done;
    };
    const store = {
      description,
      limits,
      synchronous,
      atomic,
      appends,
      logs: true,
      eventual,
      get: (name) =>
        answer(() => {
          checkOpen();
          return disk.#now.get(name)?.slice();
        }),
      list: (prefix) =>
        answer(() => {
          checkOpen();
          return [...disk.#now.keys()].filter((name) => name.startsWith(prefix)).sort();
        }),
      write: (operations, durable) =>
        answer(() => {
          checkMine();
          check(store, operations);
          disk.#write(operations, durable, die);
        }, true),
      sync: () =>
        answer(() => {
          checkMine();
          disk.#sync(die);
        }, true),
      close: () =>
        answer(() => {
          if (!isClosed && isMine()) disk.#store = undefined;
          isClosed = true;
        }, true),
    };
    return store;
  }
}

/** An object's bytes after an operation. */
function done(old, { kind, bytes }) {
  if (kind === "delete") return undefined;
  if (kind === "put" || old === undefined) return bytes;
  const grown = new Uint8Array(old.length + bytes.length);
  grown.set(old);
  grown.set(bytes, old.length);
  return grown;
}

function set(objects, name, bytes) {
  if (bytes === undefined) objects.delete(name);
  else objects.set(name, bytes);
}

function apply(objects, operation) {
  if (operation.kind === "write") for (const one of operation.operations) apply(objects, one);
  else set(objects, operation.name, done(objects.get(operation.name), operation));
}

const textOf = ({ kind, name, bytes }) => `${kind} ${name}${bytes ? ` ${bytes.length}` : ""}`;
