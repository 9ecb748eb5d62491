// Files of Redis: databases read from RDB files and append logs, and written as RDB files.
import type { Cachelet } from "./client.js";
import type { Instance } from "./instance.js";
import { concat, Decoder, type Reply } from "./resp.js";
import { readText } from "./text.js";
import { ImportError, LogReader } from "./log.js";

export { ImportError } from "./log.js";

/** The bytes of a file: all of them, or in pieces of any size. A stream of the web is one where it can be iterated over. */
export type Source = Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** How a file is read. */
export interface ImportOptions {
  /**
   * The database need not be empty: keys of the file take the place of those of the same name. An append log, which is made of
   * changes, wants an empty database all the same.
   */
  replace?: boolean;
}

/** What an import came to. */
export interface ImportReport {
  /** Version of the RDB file, or of the one that an append log begins with; 0 where there was none. */
  version: number;
  /** Keys of it that were read. */
  keys: number;
  /** Keys that were left out because their time had come. */
  expired: number;
  /** Keys without elements, which a bug of old servers wrote; they were left out. */
  empty: number;
  /** Function libraries; they were left out: there are no functions here. */
  functions: number;
  /** Modules whose data beside the keys was left out. */
  modules: string[];
  /** Commands of the append log that were run. */
  commands: number;
  /** Where the append log was cut because it ended within a command or a transaction, and how many bytes that cost. */
  cut?: { at: number; bytes: number };
}

/** The steps of the engine's door for files. */
const BEGIN = 0, BEGIN_REPLACING = 1, FEED = 2, FEED_LAST = 3, FOUND = 4, END = 5, EXPORT = 6, PIECE = 7;

/** Bytes handed in at once, and bytes of a piece at least. */
const BLOCK = 64 << 10;

const MAGIC = "REDIS";
const EMPTY = new Uint8Array();

/** Databases that read a file. */
const reading = new WeakSet<Instance>();

/** An import that is under way; it has to be ended. */
class Import {
  readonly report: ImportReport = { version: 0, keys: 0, expired: 0, empty: 0, functions: 0, modules: [], commands: 0 };
  /** The session that has the database to itself. */
  #session: number;
  readonly #isFresh: boolean;
  /** What the file is, once that is known. */
  #stage: "unknown" | "rdb" | "log" = "unknown";
  #head: Uint8Array = EMPTY;
  #log: LogReader | undefined;
  #bytes = 0;
  #parts = 0;

  constructor(readonly instance: Instance, { replace = false }: ImportOptions) {
    const { keys } = instance.figures();
    if (reading.has(instance)) throw new ImportError("another file is being read into this database");
    if (keys > 0 && !replace) throw new ImportError(`the database holds ${keys} keys: a file is read into an empty one, or replaces keys where that is asked for`);
    this.#isFresh = keys === 0;
    this.#session = instance.door.open(true);
    reading.add(instance);
  }

  /** Runs one step of the engine's door; its reply. */
  #step(number: number, bytes?: Uint8Array, figure?: number): Reply {
    const decoder = new Decoder().reset(this.instance.door.file(number, bytes, figure));
    decoder.binary = true;
    const reply = decoder.read();
    if (!Array.isArray(reply) || number === FOUND) return reply;
    const [text, db, key] = reply as [Uint8Array, number?, Uint8Array?];
    throw new ImportError(textOf(text) + (key ? `, in database ${db} at key ${JSON.stringify(textOf(key.subarray(0, 128)))}` : ""));
  }

  /** Begins the file, or its next part. */
  begin(): void {
    this.#step(this.#isFresh ? BEGIN : BEGIN_REPLACING, undefined, this.#session);
    this.#stage = "unknown";
    this.#head = EMPTY;
    this.#log = undefined;
    this.#parts++;
  }

  /** Takes the next bytes of the file. */
  feed(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#stage === "unknown") {
      bytes = concat([this.#head, bytes]);
      this.#head = bytes;
      if (bytes.length < MAGIC.length) return;
      if (textOf(bytes.subarray(0, MAGIC.length)) === MAGIC) this.#stage = "rdb";
      else this.#beginLog(0);
    }
    for (let at = 0; at < bytes.length && this.#stage === "rdb"; at += BLOCK) {
      const rest = this.#step(FEED, bytes.subarray(at, at + BLOCK));
      if (rest) {
        this.#endRdb(rest as Uint8Array, bytes.subarray(at + BLOCK));
        return;
      }
    }
    if (this.#log) this.#logged(bytes);
  }

  /** The RDB file is over; `rest`, and `more`, stand behind it. */
  #endRdb(rest: Uint8Array, more: Uint8Array): void {
    const [version, keys, expired, empty, functions, modules] = this.#step(FOUND) as [number, number, number, number, number, Uint8Array[]];
    const { report } = this;
    report.version = version;
    report.keys += keys;
    report.expired += expired;
    report.empty += empty;
    report.functions += functions;
    report.modules = [...new Set([...report.modules, ...modules.map(textOf)])];
    this.#beginLog(this.#bytes - rest.length - more.length);
    this.#logged(rest);
    this.#logged(more);
  }

  #beginLog(offset: number): void {
    this.#stage = "log";
    this.#log = new LogReader(this.instance.door, this.#session, offset);
  }

  /** Takes bytes of an append log. */
  #logged(bytes: Uint8Array): void {
    if (bytes.length > 0 && !this.#isFresh) throw new ImportError("an append log is made of changes, and only read into an empty database");
    this.#log!.feed(bytes);
  }

  /** Ends the file, or a part of it; the last one may end within a command. */
  endPart(isLast: boolean): void {
    if (isLast && this.#bytes === 0) throw new ImportError("the file is empty");
    if (this.#stage === "rdb") this.#endRdb(this.#step(FEED_LAST) as Uint8Array, EMPTY);
    if (this.#stage === "unknown") {
      this.#beginLog(0);
      this.#logged(this.#head);
    }
    const { commands, functions, cut } = this.#log!.end();
    if (cut && !isLast) throw new ImportError(`the file ends at byte ${cut.at + cut.bytes}, within what begins at byte ${cut.at}; only the last one of a log may`);
    this.report.commands += commands;
    this.report.functions += functions;
    if (cut) this.report.cut = cut;
    this.#bytes = 0;
    if (!isLast) this.#freshSession();
  }

  /** The next part starts in database 0, outside of transactions. */
  #freshSession(): void {
    this.instance.door.end(this.#session);
    this.#session = this.instance.door.open(true);
  }

  /** Hands the database back; empty, where it was and the import failed. */
  end(isDone: boolean): void {
    const { door } = this.instance;
    reading.delete(this.instance);
    this.instance.work(() => {
      if (!isDone && this.#isFresh) {
        this.#freshSession();
        this.begin();
        door.callRaw(this.#session, ["FLUSHALL", "ASYNC"]);
      }
      this.#step(END);
      door.end(this.#session);
    });
  }
}

const textOf = (bytes: Uint8Array): string => readText(bytes, 0, bytes.length);

/**
 * Reads an RDB file or an append log into `db`, whose databases have to be empty unless `replace`. Until it is done, other
 * commands are answered LOADING. When it fails, with an {@link ImportError}, what was empty is empty again; with `replace` the
 * keys that were read before stay.
 */
export function importRdb(db: Cachelet, source: Source, options: ImportOptions = {}): Promise<ImportReport> {
  return importParts(db, [source], options);
}

/** As {@link importRdb}, for an append log in several files: the base and what was appended since, in order. */
export async function importParts(db: Cachelet, parts: readonly Source[], options: ImportOptions = {}): Promise<ImportReport> {
  const work = new Import(db.instance, options);
  let isDone = false;
  try {
    for (const [at, part] of parts.entries()) {
      work.begin();
      if (part instanceof Uint8Array) work.feed(part);
      else for await (const bytes of part) work.feed(bytes);
      work.endPart(at + 1 === parts.length);
    }
    isDone = true;
  } finally {
    work.end(isDone);
  }
  return work.report;
}

/** As {@link importRdb}, at once. */
export function importRdbSync(db: Cachelet, source: Uint8Array | Iterable<Uint8Array>, options: ImportOptions = {}): ImportReport {
  const work = new Import(db.instance, options);
  let isDone = false;
  try {
    work.begin();
    for (const bytes of source instanceof Uint8Array ? [source] : source) work.feed(bytes);
    work.endPart(true);
    isDone = true;
  } finally {
    work.end(isDone);
  }
  return work.report;
}

/** The export that an engine works on; another that begins takes its place. */
const exports = new WeakMap<Instance, object>();

/**
 * Writes all databases of `db` as an RDB file, in pieces of 64 KB or of a large value: redis-server 7.0 and later load it; 7.4 and
 * later, where hashes have fields that expire. Taken without letting others run in between, it is of one instant; otherwise every
 * key is whole and there once, and those that are written meanwhile are as they were before or after.
 */
export function* exportRdb(db: Cachelet): Generator<Uint8Array, void, undefined> {
  const { instance } = db;
  const mine = {};
  exports.set(instance, mine);
  instance.door.file(EXPORT);
  for (;;) {
    const piece = instance.door.file(PIECE, undefined, BLOCK);
    if (piece.length === 0) return;
    yield piece;
    if (exports.get(instance) !== mine) throw new Error("another export of this database was begun");
  }
}
