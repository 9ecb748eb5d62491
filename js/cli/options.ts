// What a server is told on its command line and in redis.conf: which of it is the host's, which the engine's, and
// which of Redis' parameters say nothing here.
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Door } from "../door.js";

/** What the person who starts a server has to change; shown without a stack. */
export class UsageError extends Error {}

/** The host's own settings. */
export interface HostSettings {
  port: number;
  httpPort: number;
  bind: string[];
  httpToken: string;
  httpReadToken: string;
  /** Folder that the server works in. */
  dir: string;
  /** File that its messages go to instead of the terminal. */
  logfile: string;
  /** File that its process id is written to. */
  pidfile: string;
  /** Folder that the database is kept in, below {@link dir}; empty where it is kept in memory alone. */
  storage: string;
  /** What to do about damage in it. */
  recover: "refuse" | "salvage";
  /** The engine's parameters that were given, by name. */
  given: Record<string, string>;
  /** Names of parameters that were given and say nothing here. */
  ignored: string[];
}

/** One directive and where it was found. */
interface Given {
  name: string;
  args: string[];
  bytes: Uint8Array[];
  where: string;
}

/** Parameters of Redis that have no counterpart here: they may stand in a file, and change nothing. */
const IDLE = new RegExp(
  "^(?:" +
    [
      "active-?defrag.*|activerehashing|always-show-logo|aof-.*|append(?:dirname|filename)|auto-aof-.*|busy-reply-threshold",
      "cluster-.*|crash-.*|daemonize|dbfilename|disable-thp|dynamic-hz|hll-.*|ignore-warnings|io-threads.*|jemalloc-bg-thread|latency-.*|lfu-.*",
      "list-compress-depth|locale-collate|loglevel|lua-time-limit|maxmemory-clients|maxmemory-eviction-tenacity|min-(?:replicas|slaves)-.*",
      "no-appendfsync-on-rewrite|oom-score-adj.*|proc-title-template|protected-mode|propagation-error-behavior|rdb.*|repl-.*|replica-.*|slave-.*",
      "set-proc-title|shutdown-.*|slowlog-.*|socket-mark-id|stop-writes-on-bgsave-error|stream-node-.*|supervised|syslog-.*|tcp-.*|tracking-.*",
    ].join("|") +
    ")$",
);

/** Where the database is kept when persistence is asked for and no folder is named. */
const STORAGE = "cachelet-data";

/** Reads a command line (`[redis.conf] [--name value...]...`) and gives the engine its part. */
export function readOptions(args: readonly string[], door: Door): HostSettings {
  const settings: HostSettings = {
    port: 6380,
    httpPort: 8787,
    bind: ["127.0.0.1"],
    httpToken: "",
    httpReadToken: "",
    dir: "",
    logfile: "",
    pidfile: "",
    storage: "",
    recover: "refuse",
    given: {},
    ignored: [],
  };
  const engine: Given[] = [];
  let from = 0;
  if (args[0] !== undefined && !args[0].startsWith("--")) {
    from = 1;
    readFile(args[0], door, settings, engine, []);
  }
  for (const given of onCommandLine(args.slice(from))) apply(given, door, settings, engine, []);
  for (const { name, args: values } of engine) settings.given[name] = values.join(" ");
  const save = savePoints(engine);
  if (save) settings.given["save"] = save.args[0]!;
  // What asks for persistence gets it; a Redis user names no folder for that.
  if (settings.storage === "" && (settings.given["save"] || settings.given["appendonly"]?.toLowerCase() === "yes")) settings.storage = STORAGE;
  if (settings.storage !== "") door.expectStore();
  const parameters = engine.filter(({ name }) => name !== "user" && name !== "save");
  // After requirepass, wherever that stood: what a line says of the default user wins, as in Redis.
  for (const given of [...parameters, ...(save ? [save] : []), ...engine.filter(({ name }) => name === "user")]) configure(given, door, settings);
  for (const [name, value] of [
    ["port", String(settings.port)],
    ["http-port", String(settings.httpPort)],
    ["bind", settings.bind.join(" ")],
    ["dir", settings.dir || process.cwd()],
    ["logfile", settings.logfile],
    ["pidfile", settings.pidfile],
  ] as const) {
    door.setHostParameter(name, value);
  }
  return settings;
}

/** All `save` lines as one: each adds to those before it, an empty one takes them back. */
function savePoints(engine: readonly Given[]): Given | undefined {
  let points: string[] = [];
  let last: Given | undefined;
  for (const given of engine) {
    if (given.name !== "save") continue;
    const text = given.args.join(" ").trim();
    points = text === "" ? [] : [...points, text];
    last = given;
  }
  if (!last) return undefined;
  const all = points.join(" ");
  return { ...last, args: [all], bytes: [encoder.encode(all)] };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** `--name value...` as directives: a name takes all that follows up to the next. */
function* onCommandLine(args: readonly string[]): Generator<Given> {
  for (let at = 0; at < args.length; ) {
    const option = args[at]!;
    if (!option.startsWith("--") || option.length === 2) throw new UsageError(`'${option}' is not an option; options look like --port 7000`);
    let end = at + 1;
    while (end < args.length && !args[end]!.startsWith("--")) end++;
    const values = args.slice(at + 1, end);
    yield { name: option.slice(2), args: values, bytes: values.map((value) => encoder.encode(value)), where: `${option} ${values.join(" ")}`.trim() };
    at = end;
  }
}

function readFile(path: string, door: Door, settings: HostSettings, engine: Given[], including: readonly string[]): void {
  const file = path === "-" ? path : resolve(path);
  if (including.includes(file)) throw new UsageError(`${file} includes itself`);
  let text: Uint8Array;
  try {
    text = readFileSync(path === "-" ? 0 : file);
  } catch (error) {
    throw new UsageError(`the configuration file cannot be read: ${(error as Error).message}`);
  }
  try {
    for (const { line, name, args } of door.readDirectives(text)) {
      apply({ name, args: args.map((bytes) => decoder.decode(bytes)), bytes: args, where: `${path}, line ${line}: ${name}` }, door, settings, engine, [...including, file]);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${path}: ${(error as Error).message}`);
  }
}

function apply(given: Given, door: Door, settings: HostSettings, engine: Given[], including: readonly string[]): void {
  const name = given.name.toLowerCase();
  const fail = (why: string): never => {
    throw new UsageError(`${given.where}\n  ${why}`);
  };
  const one = () => (given.args.length === 1 ? given.args[0]! : fail("takes one value"));
  const port = () => {
    const text = one();
    return /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : fail("a port is a number from 0 to 65535");
  };
  switch (name) {
    case "port":
      settings.port = port();
      return;
    case "http-port":
      settings.httpPort = port();
      return;
    case "http-token":
      settings.httpToken = one();
      return;
    case "http-read-token":
      settings.httpReadToken = one();
      return;
    case "bind":
      settings.bind = given.args.flatMap((arg) => arg.split(/\s+/)).filter((arg) => arg !== "");
      if (settings.bind.length === 0) fail("takes one address or more");
      return;
    case "dir":
      settings.dir = one();
      return;
    case "storage":
      settings.storage = one();
      if (settings.storage === "") fail("takes a folder");
      return;
    case "recover": {
      const word = one().toLowerCase();
      settings.recover = word === "refuse" || word === "salvage" ? word : fail("is refuse or salvage");
      return;
    }
    case "logfile":
      settings.logfile = one();
      return;
    case "pidfile":
      settings.pidfile = one();
      return;
    case "include":
      if (including.length > 16) fail("too many files include each other");
      for (const path of given.args) readFile(including.length > 0 ? resolve(dirname(including.at(-1)!), path) : path, door, settings, engine, including);
      return;
    case "unixsocket":
    case "unixsocketperm":
    case "tls-port":
    case "aclfile":
    case "rename-command":
    case "loadmodule":
    case "replicaof":
    case "slaveof":
    case "masterauth":
      // To pass over these silently would leave a server other than the one asked for.
      return fail("this is not available in Cachelet");
  }
  engine.push({ ...given, name });
}

/** Gives the engine a directive that is its own. */
function configure(given: Given, door: Door, settings: HostSettings): void {
  const { name } = given;
  try {
    door.configure(name, given.bytes);
  } catch (error) {
    const { message } = error as Error;
    if (IDLE.test(name) && message.startsWith("Bad directive")) settings.ignored.push(name);
    else throw new UsageError(`${given.where}\n  ${message.startsWith("Bad directive") && given.args.length <= 1 ? `there is no parameter '${given.name}', or it takes other values` : message}`);
  }
}
