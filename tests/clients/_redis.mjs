// A real redis-server in a folder of its own, and what it takes to compare it with a database here.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after } from "node:test";
import assert from "node:assert/strict";
import { Decoder, encodeCommand } from "../../dist/resp.js";
import { serve } from "../../dist/server/index.js";
import { connect } from "node:net";
import { freePort } from "./_server.mjs";

const program = process.env.CACHELET_REDIS_SERVER ?? "redis-server";

/** A folder that is removed at the end. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "cachelet-files-"));
  process.on("exit", () => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Starts redis-server in `dir`, where it finds its files; resolves when it has loaded them. */
async function startRedis(dir = folder(), ...options) {
  const port = await freePort();
  const child = spawn(program, ["--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", dir, "--enable-debug-command", "yes", "--loglevel", "warning", ...options].map(String), { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (output += text));
  const gone = once(child, "exit");
  for (let tries = 0; ; tries++) {
    if (child.exitCode !== null || tries > 500) throw new Error(`redis-server does not serve:\n${output}`);
    const link = await Link.open(port).catch(() => undefined);
    const reply = await link?.call("PING").catch(() => undefined);
    if (reply === "PONG") {
      return {
        port,
        dir,
        link,
        output: () => output,
        stop: async (signal = "SIGTERM") => {
          link.close();
          child.kill(signal);
          await gone;
        },
      };
    }
    link?.close();
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

/** `redis` starts one, as above, and the servers that are ended behind the tests of a file: others may be put among them. */
export function servedRedis() {
  const servers = [];
  after(() => Promise.all(servers.map((server) => server.stop("SIGKILL").catch(() => {}))));
  const redis = async (...options) => {
    const server = await startRedis(...options);
    servers.push(server);
    return server;
  };
  return { servers, redis };
}

/** A connection whose replies come as bytes. */
export class Link {
  #bytes = Buffer.alloc(0);
  #waiting = [];

  static async open(port) {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    return new Link(socket);
  }

  constructor(socket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", () => this.#waiting.splice(0).forEach(({ fail }) => fail(new Error("the connection was closed"))));
    socket.on("data", (bytes) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
      const decoder = new Decoder().reset(this.#bytes);
      decoder.binary = true;
      for (let reply = decoder.next(); reply !== undefined; reply = decoder.next()) this.#waiting.shift().done(reply);
      this.#bytes = this.#bytes.subarray(decoder.at);
    });
  }

  /** The reply; an error is one. */
  ask(...args) {
    this.socket.write(encodeCommand(args));
    return new Promise((done, fail) => this.#waiting.push({ done, fail }));
  }

  /** The reply, which must be no error. */
  async call(...args) {
    const reply = await this.ask(...args);
    if (reply instanceof Error) throw new Error(`${args.join(" ").slice(0, 200)}: ${reply.message}`);
    return reply;
  }

  close() {
    this.socket.destroy();
  }
}

/** What a database in this program holds, asked over TCP as a server is. */
export async function ours(db, options) {
  const port = await freePort();
  const server = await serve(db, { port, httpPort: false });
  const link = await Link.open(port);
  const all = await contents(link, options);
  link.close();
  await server.close();
  return all;
}

const latin = (bytes) => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString("latin1") : bytes);

/** A reply in words. */
const words = (reply) => (Array.isArray(reply) ? reply.map(words) : latin(reply));

/** Items in groups of `width`, in an order that is the same for whoever holds them. */
function sorted(items, width) {
  const groups = [];
  for (let at = 0; at < items.length; at += width) groups.push(items.slice(at, at + width).join("\0"));
  return groups.sort();
}

/** What XINFO STREAM FULL says, without what stands in no file: how the nodes lie, and since 7.2 when a consumer was active. */
function stream(reply) {
  if (!Array.isArray(reply)) return reply;
  const isMap = typeof reply[0] === "string" && /^(?:length|name)$/.test(reply[0]);
  const kept = isMap ? reply.filter((_, at) => !/^(?:radix-tree-|active-time)/.test(reply[at - (at % 2)])) : reply;
  return kept.map(stream);
}

/** The same without when consumers were seen: whoever repeats a log sees them then. */
export function unseen(all) {
  const strip = (node) => (Array.isArray(node) ? node.filter((_, at) => node[0] !== "name" || node[at - (at % 2)] !== "seen-time").map(strip) : node);
  return new Map([...all].map(([key, [type, expiry, value]]) => [key, [type, expiry, type === "stream" ? strip(value) : value]]));
}

const READERS = {
  string: async (link, key) => words(await link.call("GET", key)),
  list: async (link, key) => words(await link.call("LRANGE", key, 0, -1)),
  set: async (link, key) => sorted(words(await link.call("SMEMBERS", key)), 1),
  hash: async (link, key) => sorted(words(await link.call("HGETALL", key)), 2),
  // Servers before 7.2 print the same score in more digits.
  zset: async (link, key) => words(await link.call("ZRANGE", key, 0, -1, "WITHSCORES")).map((word, at) => (at % 2 === 1 && Number.isFinite(Number(word)) ? Number(word) : word)),
  stream: async (link, key) => stream(words(await link.call("XINFO", "STREAM", key, "FULL", "COUNT", 0))),
};

/** All that a server holds: by database and key its type, its value, and when it expires. Keys are read some at a time. */
export async function contents(link, { databases = 16 } = {}) {
  const all = new Map();
  for (let db = 0; db < databases; db++) {
    await link.call("SELECT", db);
    const keys = await link.call("KEYS", "*");
    const read = async (key) => {
      const [type, expiry] = await Promise.all([link.call("TYPE", key).then(latin), link.call("PEXPIRETIME", key)]);
      // One that has expired since is gone.
      if (type !== "none") all.set(`${db} ${latin(key)}`, [type, expiry, await READERS[type](link, key)]);
    };
    for (let at = 0; at < keys.length; at += 200) await Promise.all(keys.slice(at, at + 200).map(read));
  }
  await link.call("SELECT", 0);
  return all;
}

/** How many keys of each type there are. */
export function census(all) {
  const counts = {};
  for (const [type] of all.values()) counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** That both hold the same. */
export function same(ours, theirs, what = "") {
  const missing = [...theirs.keys()].filter((key) => !ours.has(key));
  const more = [...ours.keys()].filter((key) => !theirs.has(key));
  assert.deepEqual({ missing: missing.slice(0, 5), more: more.slice(0, 5) }, { missing: [], more: [] }, what);
  for (const [key, wanted] of theirs) assert.deepEqual(ours.get(key), wanted, `${what} ${JSON.stringify(key)}`);
}

/** That redis-check-rdb and redis-server take a file, and what the server then holds. */
export async function loaded(file, ...options) {
  const dir = folder();
  copyFileSync(file, join(dir, "dump.rdb"));
  const checker = join(dirname(process.env.CACHELET_REDIS_SERVER ?? "/usr/bin/redis-server"), "redis-check-rdb");
  if (existsSync(checker)) {
    const { status, stdout } = spawnSync(checker, [file], { encoding: "utf8" });
    assert.match(stdout, /RDB looks OK/);
    assert.equal(status, 0);
  }
  const server = await startRedis(dir, ...options);
  try {
    return await contents(server.link);
  } finally {
    await server.stop("SIGKILL");
  }
}

/** Numbers by chance that are the same in every run. */
export function chance(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >> 8) % below;
  };
}

/** Fills a server with every type in every encoding, in several databases, with expiries of all kinds. */
export async function fill(link, { seed = 1, debug = true } = {}) {
  const below = chance(seed);
  const later = Date.now() + 3_600_000;
  const bytes = (length) => Buffer.from(Array.from({ length }, () => below(256)));
  const word = () => (below(3) === 0 ? String(below(100_000) - 50_000) : `word ${below(10_000)}`);
  for (const [db, limits] of [[0, [128, 64, 512, -2, 100]], [1, [4, 8, 4, 3, 5]], [9, [0, 0, 0, -1, 1]]]) {
    await link.call("SELECT", db);
    const [entries, length, integers, list, nodes] = limits;
    for (const [name, number] of [["hash-max-listpack-entries", entries], ["hash-max-listpack-value", length], ["zset-max-listpack-entries", entries], ["zset-max-listpack-value", length], ["set-max-intset-entries", integers], ["list-max-listpack-size", list], ["stream-node-max-entries", nodes]]) {
      await link.call("CONFIG", "SET", name, number);
    }
    if (debug) await link.call("DEBUG", "QUICKLIST-PACKED-THRESHOLD", db === 1 ? "100b" : "0b");
    const texts = ["", "a", "12", "-129", "40000", "-3000000000", "9223372036854775807", "007", "1.5", "x".repeat(44), "x".repeat(45), "y".repeat(20_000), bytes(30), bytes(5000), "abcabcabc ".repeat(300)];
    for (const [at, text] of texts.entries()) await link.call("SET", `string:${at}`, text);
    await link.call("SET", bytes(20), "a key of any bytes");
    await link.call("SETRANGE", "bits", 1000, "x");
    await link.call("APPEND", "string:1", "ppended");
    for (const size of [1, 3, 10, 200, 2000]) {
      const words = Array.from({ length: size }, word);
      await link.call("RPUSH", `list:${size}`, ...words, ...(size === 10 ? ["z".repeat(9000), bytes(300)] : []));
      await link.call("SADD", `set:${size}`, ...words, "not a number");
      for (const bits of [8, 16, 31]) await link.call("SADD", `integers:${bits}:${size}`, ...words.map(() => below(2 ** bits) - 2 ** (bits - 1)));
      await link.call("SADD", `integers:64:${size}`, ...words.map(() => `${below(9) + 1}${String(below(1e8)).padStart(8, "0")}${String(below(1e8)).padStart(8, "0")}`));
      await link.call("HSET", `hash:${size}`, ...words.flatMap((field) => [field, word()]), "last", size === 200 ? "v".repeat(70) : "v");
      await link.call("ZADD", `sorted:${size}`, ...words.flatMap((member, at) => [at % 3 === 0 ? below(1000) : below(1e6) / 7, member]), "inf", "top", "-inf", "bottom");
      for (let i = 0; i < Math.min(size, 300); i++) await link.call("XADD", `stream:${size}`, `${i + 1}-${below(5) + 1}`, "f", word(), ...(i % 7 === 0 ? ["other", word()] : []));
      await link.call("PFADD", `log:${size}`, ...words);
    }
    await link.call("XDEL", "stream:10", ...(await link.call("XRANGE", "stream:10", "3", "4")).map(([id]) => id));
    await link.call("XGROUP", "CREATE", "stream:200", "group", "0");
    await link.call("XGROUP", "CREATE", "stream:200", "idle", "$");
    await link.call("XREADGROUP", "GROUP", "group", "ada", "COUNT", "20", "STREAMS", "stream:200", ">");
    await link.call("XREADGROUP", "GROUP", "group", "bob", "COUNT", "5", "STREAMS", "stream:200", ">");
    await link.call("XACK", "stream:200", "group", ...(await link.call("XRANGE", "stream:200", "-", "+", "COUNT", "3")).map(([id]) => id));
    await link.call("XGROUP", "CREATE", "empty stream", "group", "$", "MKSTREAM");
    await link.call("PFCOUNT", "log:2000");
    for (const [at, key] of ["string:3", "list:10", "set:10", "hash:10", "sorted:10", "stream:10", "bits"].entries()) {
      await link.call("PEXPIREAT", key, later + 1000 * at + below(1000));
    }
    await link.call("EXPIRE", "log:1", 10_000);
  }
  if (debug) {
    await link.call("SELECT", 3);
    await link.call("DEBUG", "POPULATE", 500, "populated", 30);
  }
  await link.call("SELECT", 0);
}
