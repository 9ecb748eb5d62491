// Bytes an item takes, here and in a redis-server that is started for each row and given the same commands: what
// used_memory grows by. Ours is what the allocator holds, where INFO tells it; else what the instance's memory grew by,
// which is up to a sixteenth more. 0.7 of the server's is aimed at, less than the server's is promised.
import { openSync } from "../../dist/platform/node.js";
import { connect } from "node:net";
import { haveRedis, startRedis } from "./peers.mjs";
import { ratio, table } from "./measure.mjs";

const ITEMS = 200_000;

const digits = (i) => String(i).padStart(6, "0");
const text = (length) => "abcdefghijklmnopqrstuvwxyz".repeat(Math.ceil(length / 26)).slice(0, length);

/** The same numbers below `end` in every run. */
function chance() {
  let state = 7n;
  return (end) => {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffff_ffff_ffff_ffffn;
    return Number(state >> 33n) % end;
  };
}

// What an item is, the number of items, the commands that make item `i`, and, where many share a key, that key.
const rows = [
  { name: "strings of 16 B", item: (i) => ["SET", `key:${digits(i)}`, text(16)] },
  { name: "integers", item: (i) => ["SET", `key:${digits(i)}`, String(100_000 + i)] },
  { name: "strings of 100 B", item: (i) => ["SET", `key:${digits(i)}`, text(100)] },
  {
    name: "sessions of 300 B, with expiry",
    item: (i, random) => ["SET", `session:${text(10)}${digits(i)}`, text(300), "EX", String(3600 + random(3600))],
  },
  {
    name: "hashes of 5 fields",
    item: (i) => ["HSET", `user:${digits(i)}`, "name", `user ${digits(i)}`, "mail", `${digits(i)}@some.org`, "age", String(18 + (i % 80)), "city", "Amsterdam", "visits", String(i)],
  },
  {
    name: "sets of 10 integers",
    item: (i, random) => ["SADD", `set:${digits(i)}`, ...Array.from({ length: 10 }, () => String(100_000 + random(2_000_000_000)))],
  },
  { name: "one sorted set", one: true, item: (i, random) => ["ZADD", "board", String(random(1_000_000_000)), `member:${digits(i)}`] },
  { name: "one list of 19 B elements", one: true, item: (i) => ["RPUSH", "list", `some element ${digits(i)}`] },
  { name: "one hash", one: true, item: (i) => ["HSET", "hash", `field:${digits(i)}`, `v${i}`] },
  { name: "one set", one: true, item: (i) => ["SADD", "set", `member:${digits(i)}`] },
  { name: "one stream", one: true, item: (i, random) => ["XADD", "stream", `${1_700_000_000_000 + i}-0`, "pascal", String(1000 + random(3000))] },
];

/** The commands of a row as RESP, some hundred in a piece. */
function* requests(row, from = 0, to = ITEMS) {
  const random = chance();
  let piece = "";
  for (let i = from; i < to; i++) {
    const args = row.item(i, random);
    piece += `*${args.length}\r\n`;
    for (const arg of args) piece += `$${arg.length}\r\n${arg}\r\n`;
    if (piece.length > 30_000 || i === to - 1) {
      yield Buffer.from(piece, "latin1");
      piece = "";
    }
  }
}

/** Sends requests to a server and reads until it has answered `echo`; all it said. */
function exchange(port, pieces) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1").once("error", reject);
    const said = [];
    socket.on("data", (data) => {
      said.push(data);
      if (data.toString("latin1").includes("the end")) {
        socket.destroy();
        resolve(Buffer.concat(said).toString("latin1"));
      }
    });
    (async () => {
      for (const piece of pieces) if (!socket.write(piece)) await new Promise((done) => socket.once("drain", done));
      socket.write("ECHO \"the end\"\r\n");
    })().catch(reject);
  });
}

/** `used_memory` of what INFO says. */
const used = (info) => Number(/^used_memory:(\d+)/m.exec(info)?.[1] ?? NaN);

/** Throws where a reply is an error. */
function sound(replies, row) {
  const error = /^-.*$/m.exec(replies)?.[0];
  if (error) throw new Error(`${row.name}: ${error}`);
}

async function theirs(row) {
  const server = await startRedis();
  const memory = async () => used(await exchange(server.port, ["INFO memory\r\n"]));
  const before = await memory();
  sound(await exchange(server.port, requests(row)), row);
  const bytes = (await memory()) - before;
  server.stop();
  return bytes / ITEMS;
}

function ours(row) {
  const db = openSync();
  const { door } = db.instance;
  const session = door.open(false);
  const memory = () => {
    const told = used(String(db.call("INFO", "memory")));
    return Number.isNaN(told) ? door.opened().memory.buffer.byteLength : told;
  };
  const feed = (pieces) => {
    for (const piece of pieces) {
      door.receive(session, piece);
      const out = door.output(session, 1 << 20);
      sound(Buffer.from(out).toString("latin1"), row);
      door.sent(session, out.length);
      door.next();
    }
  };
  // Buffers reach their size.
  feed(requests(row, 0, 1000));
  db.call("FLUSHALL");
  const before = memory();
  feed(requests(row));
  const each = (memory() - before) / ITEMS;
  const stats = row.one ? undefined : db.call("MEMORY", "STATS");
  const main = stats && new Map(Object.entries(stats)).get("db.0");
  const told = row.one ? Number(db.call("MEMORY", "USAGE", row.item(0, chance())[1], "SAMPLES", "0")) / ITEMS : undefined;
  db.close();
  return { each, table: main ? Number(Object.values(main)[0]) / ITEMS : undefined, told };
}

export async function run() {
  const peer = haveRedis();
  if (!peer) console.log("redis-server is not here: no comparison");
  const lines = [[`bytes an item, ${ITEMS} of each`, "Cachelet", "redis-server", "ratio", "of ours, the table", "MEMORY USAGE says"]];
  const results = {};
  for (const row of rows) {
    const figures = { ...ours(row), redis: peer ? await theirs(row) : undefined };
    results[row.name] = figures;
    const cell = (figure) => figure?.toFixed(1) ?? "";
    lines.push([row.name, cell(figures.each), cell(figures.redis), peer ? ratio(figures.each, figures.redis) : "", cell(figures.table), cell(figures.told)]);
  }
  table(lines);
  return results;
}
