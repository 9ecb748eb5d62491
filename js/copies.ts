// Copies of values that were read from the engine: a GET of a string that was read a moment ago costs a look at a Map.
// They are never stale, because what makes one so is looked at each time:
//
//   the key's version      a counter in the engine's memory; moves before the key, or one that shares it, changes in any
//                          way: written, renamed, moved, expired, evicted, flushed, its database exchanged
//   the engine's epoch     moves when anything else happens that a GET could notice: MULTI, SELECT, ACL, MONITOR, ...
//   the second             a key is read in the engine at least once in every second in which it is read at all: so its
//                          time of access, which is kept in seconds, is right; and what would expire before the
//                          second ends is not copied
//   who reads              the session that the engine last said may be answered from copies
//
// The last three change only when the engine is called or the time read anew: then Reader.live is 0 until they have been
// looked at again. Reads answered here are counted in the engine's memory, which adds them to its own when it runs next.

/** Most values kept. */
const MOST = 16_384;

/** Longest value kept, and most of all together, in UTF-16 units. */
const LONGEST = 4096;
const TOTAL = 4 << 20;

/** Reads after which copies are tried again where they were of no use. */
const REST = 1 << 20;

/** Of how many values one is copied at most where it takes another's place. */
const FULL_STRIDE = 16;

/** Who reads. */
export interface Reader {
  /** The stamp of copies that it may be given without a further look, or 0. */
  live: number;
}

/** A value that was read. */
export interface Copy {
  /** Where its key's version stands, as an index of words, and what it was. */
  readonly version: number;
  at: number;
  /** {@link Copies.stamp} when it was read. */
  stamp: number;
  value: string;
}

/** The copies of one engine's values. Plain fields: a client's get method reads them. */
export class Copies {
  readonly map = new Map<string, Copy>();
  /** The engine's memory, and where in it the counter of answered reads and the epoch stand. */
  words = new Uint32Array();
  counter = 0;
  epochAt = 0;
  /** Called when many reads were answered with one reading of the time. */
  readonly #onRound: () => void;
  #reader: Reader | undefined;
  /** The epoch in which the reader may be answered, and the database of which these are copies. */
  #epoch = 0;
  #database = 0;
  /** A number for the second and the database. */
  #stamp = 1;
  #now = 0;
  #isShared = false;
  /** Keys in the order in which they are looked at to make room. */
  readonly #ring: string[] = [];
  #hand = 0;
  #total = 0;
  /** Copies have been dropped to make room. */
  #isFull = false;
  /** One in so many values that are read is copied; grows while copies are of no use. */
  #stride = 1;
  #misses = 0;
  /** The counter of answered reads when the misses were counted anew. */
  #answered = 0;
  /** Reads that are left of a time in which nothing is copied. */
  #rest = 0;

  constructor(onRound: () => void) {
    this.#onRound = onRound;
  }

  /** The engine was called for something other than a plain command: whoever reads is looked at again. */
  stop(): void {
    if (this.#reader) this.#reader.live = 0;
  }

  /** The time was read, and the next commands may share it; or they have to read it again. */
  see(now: number, isShared: boolean): void {
    if (Math.floor(now / 1000) !== Math.floor(this.#now / 1000)) this.#stamp++;
    this.#now = now;
    this.#isShared = isShared;
    this.stop();
  }

  /** Everything goes. */
  clear(): void {
    this.stop();
    this.#forget();
    this.#reader = undefined;
    this.words = new Uint32Array();
  }

  #forget(): void {
    this.map.clear();
    this.#ring.length = this.#hand = this.#total = 0;
    this.#isFull = false;
  }

  /** Thirty-two reads more were answered. */
  pass(): void {
    this.#onRound();
  }

  /** The value of a key, of which `copy` is what {@link map} has, where that is good for `reader`. */
  find(reader: Reader, copy: Copy | undefined): string | undefined {
    const { words } = this;
    if (this.#reader !== reader || words[this.epochAt] !== this.#epoch) return undefined;
    if (this.#isShared) reader.live = this.#stamp;
    if (copy === undefined || copy.stamp !== this.#stamp || words[copy.version] !== copy.at) return undefined;
    if ((++words[this.counter]! & 31) === 0) this.pass();
    return copy.value;
  }

  /** Whether the value of a key, of which `copy` is what {@link map} has, is worth a copy. */
  wants(copy: Copy | undefined): boolean {
    if (copy !== undefined) return true;
    if (this.#rest > 0) {
      this.#rest--;
      return false;
    }
    // A copy that takes another's place costs several times what one that is found saves.
    const stride = this.#isFull ? Math.max(FULL_STRIDE, this.#stride) : this.#stride;
    if (++this.#misses % stride !== 0) return false;
    if (this.#misses >= 4096) {
      // Where fewer than a fifth of all reads find a copy, or fewer than two thirds when no more are kept, making them and looking for them
      // costs more than they save.
      const answered = this.words[this.counter]!;
      const isUseful = ((answered - this.#answered) >>> 0) * (this.#isFull ? 0.5 : 4) > this.#misses;
      this.#answered = answered;
      this.#stride = isUseful ? Math.max(1, this.#stride >> 1) : this.#stride << 1;
      this.#misses = 0;
      if (this.#stride > 64) {
        this.#stride = 1;
        this.#rest = REST;
        this.#forget();
        return false;
      }
    }
    return true;
  }

  /** Keeps what `reader` just read from database `database`; the key's version stands at `version` in words. */
  keep(reader: Reader, database: number, key: string, version: number, value: string): void {
    if (database !== this.#database) {
      this.#database = database;
      this.#stamp++;
    }
    this.stop();
    this.#reader = reader;
    this.#epoch = this.words[this.epochAt]!;
    if (this.#isShared) reader.live = this.#stamp;
    if (value.length > LONGEST) return;
    const at = this.words[version]!;
    const copy = this.map.get(key);
    if (copy !== undefined) {
      this.#total += value.length - copy.value.length;
      copy.at = at;
      copy.stamp = this.#stamp;
      copy.value = value;
    } else {
      // Engines keep one string for each name of a property. As that one the key holds on to no text that it may have
      // been cut out of.
      key = Object.keys({ [key]: 0 })[0]!;
      this.#total += value.length;
      this.map.set(key, { version, at, stamp: this.#stamp, value });
      if (this.#ring.length < MOST) this.#ring.push(key);
      else this.#ring[this.#makeRoom()] = key;
    }
    while (this.#total > TOTAL) this.#makeRoom();
  }

  /** Drops a copy that was not read lately; its place in the ring. */
  #makeRoom(): number {
    this.#isFull = true;
    for (let tries = 0; ; tries++) {
      const at = this.#hand;
      this.#hand = at + 1 < this.#ring.length ? at + 1 : 0;
      const copy = this.map.get(this.#ring[at]!);
      if (copy !== undefined && copy.stamp === this.#stamp && tries < 4) continue;
      if (copy !== undefined) {
        this.map.delete(this.#ring[at]!);
        this.#total -= copy.value.length;
      }
      return at;
    }
  }
}
