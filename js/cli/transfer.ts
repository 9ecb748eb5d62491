// `cachelet import` and `cachelet export`: files of Redis into and out of a server, or a database that is kept in a folder.
//
// A file is read into a database in this program first, and sent on key by key once all of it is known to be sound: what is
// damaged changes nothing. That takes the memory that its keys take. An export's values pass through in pieces.
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Cachelet } from "../client.js";
import { StorageError } from "../errors.js";
import { exportRdb, ImportError, importParts, type ImportReport } from "../rdb.js";
import { files } from "../storage/files.js";
import { type ClientOptions, connecting, open, standard, usage } from "./client.js";
import { AnswerError, ask, databases, fromDatabase, fromServer, keyspace, type Sent, toDatabase, toLog, toServer } from "./copy.js";
import { type DataFile, dataFiles } from "./log-files.js";
import { UsageError } from "./options.js";
import { toRdb } from "./rdb-file.js";
import type { Wire } from "./wire.js";

const HELP = `cachelet import FILE [options]    puts what a file of Redis holds into a server, which must be empty
cachelet export FILE [options]    writes all that a server holds into a file, in the place of one that is there

  -h, --host host       where the server is, Cachelet or Redis; 127.0.0.1
  -p, --port port       6380
  -u redis://...        the same as an address, with user and password
  -a, --pass password   authenticates; better in the environment, as REDISCLI_AUTH
  --user name           together with -a
  --storage folder      instead of a server: a database that is kept there (cachelet serve --storage) and not open

Of import; FILE is an RDB file, an append log, its manifest, the folder of a server, or - for standard input:
  --replace             the server need not be empty: keys of the file take the place of those of the same name

Of export; FILE may be - for standard output:
  --aof                 an append log of commands, a RESTORE for each key, instead of an RDB file
`;

/** Databases that a file may use. */
const DATABASES = 1024;

/** How many refused keys are named. */
const NAMED = 10;

/** What was asked for. */
interface Options extends ClientOptions {
  path: string;
  storage: string;
  replace: boolean;
  aof: boolean;
}

function read(args: readonly string[], flag: "replace" | "aof"): Options | "help" {
  const options: Options = { ...standard(), path: "", storage: "", replace: false, aof: false };
  for (let at = 0; at < args.length; at++) {
    const option = args[at]!;
    const value = () => args[++at] ?? usage(`${option} takes a value`);
    if (option === "--help") return "help";
    else if (option === `--${flag}`) options[flag] = true;
    else if (option === "--storage") options.storage = value() || usage("--storage takes a folder");
    else if (option.startsWith("-") && option.length > 1) {
      if (!connecting(option, value, options)) usage(`there is no option ${option}; see --help`);
    } else if (options.path === "") options.path = option;
    else usage(`one file at a time: ${options.path}, or ${option}`);
  }
  if (options.path === "") usage("which file? See --help");
  return options;
}

/** Runs `work` on the options that `args` are; resolves with the exit code. */
async function command(args: readonly string[], flag: "replace" | "aof", work: (options: Options) => Promise<number>): Promise<number> {
  try {
    const options = read(args, flag);
    if (options === "help") {
      process.stdout.write(HELP);
      return 0;
    }
    return await work(options);
  } catch (error) {
    const { code, message, stack } = error as Error & { code?: string };
    const isSaid = [UsageError, ImportError, AnswerError, StorageError].some((kind) => error instanceof kind) || code !== undefined;
    complain(code === "ECONNREFUSED" ? "nobody listens there; start a server with: cachelet serve" : isSaid ? message : stack!);
    return 1;
  }
}

const complain = (text: string): void => void process.stderr.write(`cachelet: ${text}\n`);

async function platform() {
  return "Deno" in globalThis ? import("../platform/deno.js") : import("../platform/node.js");
}

/** A database in this program, which knows as many databases as any file may use. */
const staging = async (): Promise<Cachelet> => (await platform()).open({ databases: DATABASES });

/** The database that is kept in a folder; what is done to it is kept by SAVE alone, so all of it or nothing. */
const stored = async (folder: string): Promise<Cachelet> =>
  (await platform()).open({ storage: files(resolve(folder)), config: { save: "", appendonly: "no" } });

/** Connects, and finds out whether it may. */
async function server(options: Options): Promise<Wire> {
  const wire = await open(options);
  try {
    await ask(wire, "PING");
    return wire;
  } catch (error) {
    wire.close();
    throw error;
  }
}

/** `cachelet import`. */
export const importCommand = (args: readonly string[]): Promise<number> =>
  command(args, "replace", async (options) => {
    const parts = options.path === "-" ? [{ path: "standard input", bytes: () => process.stdin }] : dataFiles(options.path);
    return options.storage ? importInto(await stored(options.storage), parts, options) : send(await server(options), parts, options);
  });

/** Puts a file into the database that is kept in a folder. */
async function importInto(db: Cachelet, parts: readonly DataFile[], { storage, replace }: Options): Promise<number> {
  try {
    const { keys } = db.instance.figures();
    if (keys > 0 && !replace) occupied(storage, keys);
    if (keys === 0) tell(await reading(parts, db), parts);
    else {
      const read = await staging();
      tell(await reading(parts, read), parts);
      toDatabase(db, fromDatabase(read));
      await read.close();
    }
    db.call("SAVE");
    process.stdout.write(`${storage} holds ${db.instance.figures().keys} keys\n`);
    return 0;
  } finally {
    await db.close();
  }
}

/** Sends what a file holds to a server. */
async function send(wire: Wire, parts: readonly DataFile[], { host, port, replace }: Options): Promise<number> {
  const db = await staging();
  const where = `${host}:${port}`;
  const sent: Sent = { count: 0, refused: [] };
  try {
    const keys = (await databases(wire)).reduce((sum, { keys }) => sum + keys, 0);
    if (keys > 0 && !replace) occupied(where, keys);
    tell(await reading(parts, db), parts);
    // A server that has fewer databases says so before it gets anything.
    for (const { index } of keyspace(db.info("keyspace"))) await ask(wire, "SELECT", String(index));
    try {
      await toServer(wire, fromDatabase(db), replace, sent);
    } catch (error) {
      throw new AnswerError(`${(error as Error).message}: ${where} has taken ${sent.count} of ${db.instance.figures().keys} keys, and perhaps those that were on their way`);
    }
  } finally {
    wire.close();
    await db.close();
  }
  const { count, refused } = sent;
  refused.slice(0, NAMED).forEach(complain);
  if (refused.length > NAMED) complain(`and ${refused.length - NAMED} more`);
  process.stdout.write(`${count} keys were put into ${where}${refused.length > 0 ? `, ${refused.length} were refused` : ""}\n`);
  return refused.length > 0 ? 1 : 0;
}

function occupied(where: string, keys: number): never {
  throw new UsageError(`${where} holds ${keys} keys: a file is put into an empty database; with --replace its keys take the place of those of the same name`);
}

/** Reads the parts of a file into a database that is empty; an error names the one that it is in. */
async function reading(parts: readonly DataFile[], db: Cachelet): Promise<ImportReport> {
  let path = "";
  async function* bytes(part: DataFile) {
    ({ path } = part);
    yield* part.bytes();
  }
  try {
    return await importParts(db, parts.map(bytes));
  } catch (error) {
    throw error instanceof ImportError ? new ImportError(`${path}: ${error.message}`) : error;
  }
}

/** `cachelet export`. */
export const exportCommand = (args: readonly string[]): Promise<number> =>
  command(args, "aof", async (options) => {
    const { aof, path, storage } = options;
    if (storage && !existsSync(storage)) usage(`there is no ${storage}`);
    if (path !== "-" && statSync(path, { throwIfNoEntry: false })?.isDirectory()) usage(`${path} is a folder: name the file`);
    const source = storage ? await stored(storage) : await server(options);
    try {
      let keys = 0;
      async function* counted() {
        for await (const items of "socket" in source ? fromServer(source) : fromDatabase(source)) {
          keys += items.length;
          yield items;
        }
      }
      const isWhole = !("socket" in source) && !aof;
      const bytes = await write(path, isWhole ? exportRdb(source) : aof ? toLog(counted()) : toRdb(counted()));
      if (isWhole) ({ keys } = source.instance.figures());
      (path === "-" ? process.stderr : process.stdout).write(`${path === "-" ? "standard output" : path}: ${keys} keys, ${bytes} bytes\n`);
      return 0;
    } finally {
      await source.close();
    }
  });

/** Writes a file whole or not at all, or to standard output; how many bytes. */
async function write(path: string, pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<number> {
  let bytes = 0;
  if (path === "-") {
    // Whoever reads may leave early: the write that fails says so.
    process.stdout.on("error", () => {});
    for await (const piece of pieces) {
      await new Promise<void>((done, fail) => process.stdout.write(piece, (error) => (error ? fail(error) : done())));
      bytes += piece.length;
    }
    return bytes;
  }
  const unfinished = `${path}.${process.pid}.part`;
  const remove = () => rmSync(unfinished, { force: true });
  const interrupted = (signal: NodeJS.Signals) => {
    remove();
    process.exit(signal === "SIGINT" ? 130 : 143);
  };
  process.on("SIGINT", interrupted).on("SIGTERM", interrupted);
  try {
    const file = openSync(unfinished, "wx");
    try {
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at);
        bytes += piece.length;
      }
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(unfinished, path);
  } catch (error) {
    remove();
    throw error;
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
  // The name is the folder's; Windows cannot open one, and needs no flush of it.
  if (process.platform !== "win32") {
    const folder = openSync(dirname(path), "r");
    fsyncSync(folder);
    closeSync(folder);
  }
  return bytes;
}

/** Says what of a file was not what it seemed. */
function tell({ expired, empty, functions, modules, cut }: ImportReport, parts: readonly DataFile[]): void {
  if (expired > 0) complain(`left out: ${expired} keys whose time has come`);
  if (empty > 0) complain(`left out: ${empty} keys that hold nothing`);
  if (functions > 0) complain(`left out: ${functions} function libraries, which have no place here`);
  if (modules.length > 0) complain(`left out: what modules keep beside the keys: ${modules.join(", ")}`);
  if (cut) complain(`${parts.at(-1)!.path} ends within a command or a transaction: cut at byte ${cut.at}, ${cut.bytes} bytes are lost`);
}
