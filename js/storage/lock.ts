// Who has a directory. Node has no file locks, so a file says who it is:
//
//   .lock-8    { "pid": 4711, "started": "…", "host": "…", "locked": true }
//
// The highest number counts. Whoever finds that its owner is gone makes the next number, exclusively: of several that
// find so at once one succeeds. It then deletes the lower ones, and by the missing link of its file the former owner,
// if it lives after all, finds that it was taken over. Numbers never go back: who gives a directory back empties its
// file and leaves it, or a slow newcomer could make a number that another made and deleted meanwhile.
//
// Whether an owner is gone. Deno has locks that end with the process, and takes one on the file (`locked`). Node asks
// whether the process is there and started at the same time, which tells a number that was given out anew; only on the
// same host. What neither can tell (another container, Deno without leave to ask for processes) is told by the file's
// age: its owner touches it every few seconds.
import { closeSync, fstatSync, ftruncateSync, futimesSync, openSync, readdirSync, readFileSync, statSync, unlinkSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import process from "node:process";
import { clearInterval, setInterval } from "node:timers";
import { StorageTakenError } from "../errors.js";

/** How often an owner touches its file, and when one that does not is gone; milliseconds. */
const BEAT = 5_000;
const GONE = 20_000;
/** How long a file may be there before it says whose it is. */
const WRITING = 2_000;

interface Owner {
  pid: number;
  /** When the process started, as the system puts it; undefined where it does not. */
  started?: string | undefined;
  host?: string | undefined;
  /** The process holds a lock on the file. */
  locked?: boolean;
}

/** The parts of Deno that are used here; `tryLockSync` came late. */
declare const Deno: { openSync(path: string, options: { read: boolean; write: boolean }): DenoFile } | undefined;
interface DenoFile {
  tryLockSync?(exclusive: boolean): boolean;
  close(): void;
}

/** A directory that is this program's. */
export class Lock {
  /** Of its file; no two owners of a directory have the same. */
  readonly number: number;
  /** Its last owner did not give it back. */
  readonly isAbandoned: boolean;
  readonly #fd: number;
  readonly #held: DenoFile | undefined;
  readonly #beat: NodeJS.Timeout;

  private constructor(number: number, isAbandoned: boolean, fd: number, held: DenoFile | undefined) {
    this.number = number;
    this.isAbandoned = isAbandoned;
    this.#fd = fd;
    this.#held = held;
    this.#beat = setInterval(() => {
      try {
        futimesSync(fd, new Date(), new Date());
      } catch {
        // Only others' guess whether this program is there depends on it.
      }
    }, BEAT);
    this.#beat.unref();
  }

  /** Takes a directory; throws {@link StorageTakenError} where another has it, unless it is to be taken from it. */
  static take(directory: string, description: string, takeOver: boolean): Lock {
    for (;;) {
      const highest = Math.max(0, ...numbers(directory));
      if (highest > 0 && !takeOver) {
        const owner = ownerOf(fileOf(directory, highest));
        if (owner) throw new StorageTakenError(`${description} is open in ${owner}`);
      }
      const isAbandoned = highest > 0 && !isReleased(fileOf(directory, highest));
      const path = fileOf(directory, highest + 1);
      let fd;
      try {
        fd = openSync(path, "wx");
      } catch (error) {
        if ((error as { code?: unknown }).code === "EEXIST") continue;
        throw error;
      }
      let held: DenoFile | undefined;
      try {
        held = hold(path, true);
        const owner: Owner = { pid: process.pid, started: startOf(process.pid), host: host(), locked: held !== undefined };
        writeSync(fd, new TextEncoder().encode(JSON.stringify(owner)));
        // A number that was made and deleted since the directory was read can be made again; then there is a higher one.
        const present = numbers(directory);
        if (Math.max(...present) === highest + 1) {
          for (const number of present) if (number <= highest) remove(fileOf(directory, number));
          return new Lock(highest + 1, isAbandoned, fd, held);
        }
      } catch (error) {
        held?.close();
        closeSync(fd);
        remove(path);
        // Whoever made a higher number deleted this one at once.
        if (isMissing(error)) continue;
        throw error;
      }
      held?.close();
      closeSync(fd);
      remove(path);
    }
  }

  /** Nobody has taken it from us. */
  isMine(): boolean {
    return fstatSync(this.#fd).nlink > 0;
  }

  /** Gives the directory back: as one that was left in order, or as one that its owner has abandoned. */
  release(inOrder: boolean): void {
    clearInterval(this.#beat);
    ftruncateSync(this.#fd, inOrder ? 0 : 1);
    // Such a file reads as one whose owner is about to say who it is, unless it is old.
    futimesSync(this.#fd, new Date(0), new Date(0));
    this.#held?.close();
    closeSync(this.#fd);
  }
}

const fileOf = (directory: string, number: number) => `${directory}/.lock-${number}`;

function numbers(directory: string): number[] {
  return readdirSync(directory).flatMap((name) => (/^\.lock-\d+$/.test(name) ? [Number(name.slice(6))] : []));
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Another was faster, or will be.
  }
}

/** The owner that a lock's file names, as far as it can be there; undefined when it is gone. */
function ownerOf(path: string): string | undefined {
  try {
    return presentOwner(path);
  } catch (error) {
    // Deleted by whoever made the next number.
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function presentOwner(path: string): string | undefined {
  const text = readFileSync(path, "utf8");
  const age = Date.now() - statSync(path).mtimeMs;
  let owner: Owner;
  try {
    owner = JSON.parse(text) as Owner;
  } catch {
    return age < WRITING ? "another program, which is just opening it" : undefined;
  }
  const name = `process ${owner.pid}`;
  if (owner.locked) {
    const held = hold(path, false);
    held?.close();
    if (held) return undefined;
    if (typeof Deno !== "undefined") return name;
  }
  if (owner.host !== undefined && owner.host === host()) {
    const isThere = isRunning(owner);
    if (isThere !== undefined) return isThere ? name : undefined;
  }
  if (age > GONE) return undefined;
  return `${name}${owner.host === undefined ? "" : ` of ${owner.host}`}, or was ${Math.max(0, Math.round(age / 1000))} s ago; without a sign from it the directory is free after ${GONE / 1000} s`;
}

/** Emptied by who had it. */
function isReleased(path: string): boolean {
  try {
    return statSync(path).size === 0;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

const isMissing = (error: unknown) => (error as { code?: unknown }).code === "ENOENT";

/**
 * A lock on a file, that ends with this process; undefined where there are none or another has it. One that only asks
 * takes it shared, and is in nobody's way.
 */
function hold(path: string, exclusive: boolean): DenoFile | undefined {
  if (typeof Deno === "undefined") return undefined;
  const file = Deno.openSync(path, { read: true, write: true });
  if (file.tryLockSync?.(exclusive)) return file;
  file.close();
  return undefined;
}

/** Whether a process of this host runs; undefined where that cannot be told. */
function isRunning({ pid, started }: Owner): boolean | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    const code = (error as { code?: unknown }).code;
    if (code === "ESRCH") return false;
    if (code !== "EPERM") return undefined;
  }
  const start = startOf(pid);
  if (started === undefined || start === undefined) return undefined;
  return started === start;
}

/** When a process started: the boot and the ticks since it, on Linux. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold anything; the state is field 3 and comes after it, the start is field 22.
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()} ${ticks}`;
  } catch {
    return undefined;
  }
}

function host(): string | undefined {
  try {
    return hostname();
  } catch {
    return undefined;
  }
}
