// What the sections in-process, resp and curve have in common: keys, commands, and another build to compare with.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** How many keys, fields and members there are, where nothing else is said. */
export const KEYS = 10_000;

/** A small string, as redis-benchmark writes it. */
export const VALUE = "x".repeat(18);

/** A flat string, as a program has it from a request; pieces that were put together would be flattened by the first call. */
export const flat = (text) => Buffer.from(text).toString("latin1");

/** Numbers from 0 to `below`, by chance, the same in every run. */
export function numbers(below) {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

/** A number as redis-benchmark writes it for `__rand_int__`. */
const padded = (number) => String(number).padStart(12, "0");
const RANDOM = "__rand_int__";

/** The commands that are sent as RESP, in the form that redis-benchmark takes. */
export const COMMANDS = {
  SET: ["SET", `key:${RANDOM}`, VALUE],
  GET: ["GET", `key:${RANDOM}`],
  INCR: ["INCR", `counter:${RANDOM}`],
  HSET: ["HSET", "myhash", `element:${RANDOM}`, VALUE],
  HGET: ["HGET", "myhash", `element:${RANDOM}`],
  LPUSH: ["LPUSH", "mylist", VALUE],
  RPOP: ["RPOP", "mylist"],
  SADD: ["SADD", "myset", `element:${RANDOM}`],
  ZADD: ["ZADD", "myzset", RANDOM, `element:${RANDOM}`],
  ZRANGE: ["ZRANGE", "myzset", "0", "9"],
};

/** `count` buffers with `pipeline` requests each of one of {@link COMMANDS}: byte for byte what redis-benchmark sends, but for its chance. */
export function buffers(command, { pipeline, count, keys = KEYS }) {
  const next = numbers(keys);
  const bulk = (text) => `$${text.length}\r\n${text}\r\n`;
  const words = COMMANDS[command];
  const request = () => `*${words.length}\r\n${words.map((word) => bulk(word.replace(RANDOM, () => padded(next())))).join("")}`;
  return Array.from({ length: count }, () => Buffer.from(Array.from({ length: pipeline }, request).join("")));
}

/** A session of an engine that takes buffers and gives all its output, as a transport would have it. */
export function sessionOf(db) {
  const { door } = db.instance;
  const session = door.open(false);
  return (buffer) => {
    door.receive(session, buffer);
    const out = door.output(session, 1 << 20);
    door.sent(session, out.length);
    door.next();
    return out;
  };
}

/** The builds to be measured: this one, and with `--against DIR` the one whose dist directory that is. */
export async function builds({ against }) {
  const load = async (url) => (await import(url)).openSync;
  const found = { Cachelet: await load(new URL("../../dist/platform/node.js", import.meta.url).href) };
  if (against !== undefined) found.before = await load(pathToFileURL(resolve(against, "platform/node.js")).href);
  return found;
}
