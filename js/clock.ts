// The default clock of commands. Reading the time costs about as much as a GET, so the calls of one synchronous stretch
// share a reading, a few dozen at most; a stretch ends with the microtask queue.

/** Commands that may share one reading: a loop of them sees time move all the same. */
const SHARED = 32;

/** Reads the time, in milliseconds since 1970. */
export class Clock {
  #left = 0;
  #reading = 0;
  #isQueued = false;
  readonly #read: (() => number) | undefined;
  /** Called after every reading, and when it must not be shared any longer. */
  onReading: (now: number, isShared: boolean) => void = () => {};

  /** @param read another clock, which is asked for every command */
  constructor(read?: () => number) {
    this.#read = read;
  }

  readonly #end = (): void => {
    this.#isQueued = false;
    this.expire();
  };

  /** The time of a command. */
  now(): number {
    if (this.#left > 0) {
      this.#left--;
      return this.#reading;
    }
    return this.#renew();
  }

  /** The next command reads the time. */
  expire(): void {
    this.#left = 0;
    this.onReading(this.#reading, false);
  }

  #renew(): number {
    const isShared = this.#read === undefined;
    this.#reading = this.#read === undefined ? Date.now() : this.#read();
    if (isShared) {
      this.#left = SHARED;
      if (!this.#isQueued) {
        this.#isQueued = true;
        queueMicrotask(this.#end);
      }
    }
    this.onReading(this.#reading, isShared);
    return this.#reading;
  }
}
