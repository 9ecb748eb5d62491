// Reads that are answered from copies: they are what the engine would have answered, and nobody can tell but by the time.
// One side here reads by the method, which may copy; the other by `call`, which never does.

const text = new TextEncoder();

/** What a call answers, errors as text. */
function answer(work) {
  try {
    return work();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

/** Runs `body` with a clock that stands still but for what is said; it starts at a whole second. */
async function atTime(body) {
  const { now } = Date;
  let time = 1_800_000_000_000;
  Date.now = () => time;
  try {
    // A reading of the time is shared until the end of the stretch.
    await body(async (ms) => {
      time += ms;
      await Promise.resolve();
    });
  } finally {
    Date.now = now;
  }
}

/** Chance that repeats. */
class Chance {
  #state;
  constructor(seed) {
    this.#state = seed * 2654435769 + 1;
  }
  below(limit) {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 4294967296) * limit);
  }
  of(list) {
    return list[this.below(list.length)];
  }
}

/** One of the two sides: a database, three clients in the program and one that speaks RESP. */
class Side {
  constructor(db, copies) {
    this.db = db;
    this.copies = copies;
    this.clients = [db, db.client(), db.client()];
    // A client's first call asks for its ID.
    for (const client of this.clients) client.call("PING");
    this.received = "";
    this.wire = db.instance.connect({ write: (bytes) => ((this.received += new TextDecoder("latin1").decode(bytes)), true), close: () => {} });
  }

  run(who, words) {
    if (who === 3) {
      this.received = "";
      this.wire.receive(text.encode(`${words.join(" ")}\r\n`));
      return this.received;
    }
    const client = this.clients[who];
    const [name, ...args] = words;
    // The typed way, where the words are what a method takes.
    if (this.copies && ["GET", "SET", "APPEND", "INCR", "DEL", "STRLEN", "LPUSH", "EXPIRE", "GETDEL"].includes(name) && args.length <= 3) return answer(() => client[name.toLowerCase()](...args));
    return answer(() => client.call(...words));
  }

  renew(who) {
    if (who === 0) return;
    this.clients[who].close();
    this.clients[who] = this.db.client();
    this.clients[who].call("PING");
  }
}

const KEYS = ["a", "b", "c", "{t}d", "a key that is longer than most of them are, by a good deal"];

/** A command on data. Reads of strings are the most, so that there are copies to go wrong. */
function command(chance) {
  const key = chance.of(KEYS);
  const other = chance.of(KEYS);
  const value = chance.of(["1", "x", "a value of some length", "é", "", `${chance.below(1e6)}`]);
  if (chance.below(10) < 8) return ["GET", key];
  if (chance.below(3) === 0) return ["SET", key, value];
  return chance.of([
    ["SET", key, value, "PX", `${chance.below(3000) + 1}`], ["SET", key, value, "EX", "2"],
    ["SET", key, value, "KEEPTTL"], ["SET", key, value, "XX", "GET"], ["APPEND", key, value], ["SETRANGE", key, "1", "yy"], ["INCR", key], ["DECRBY", key, "3"],
    ["DEL", key], ["UNLINK", key, other], ["GETDEL", key], ["GETEX", key, "PX", `${chance.below(2000) + 1}`], ["GETEX", key, "PERSIST"], ["GETSET", key, value],
    ["EXPIRE", key, "1"], ["PEXPIRE", key, `${chance.below(1500)}`], ["PERSIST", key], ["PEXPIREAT", key, "1"], ["EXPIREAT", key, "1800000002"],
    ["RENAME", key, other], ["COPY", key, other, "REPLACE"], ["MOVE", key, "1"], ["COPY", key, other, "DB", "1", "REPLACE"], ["SWAPDB", "0", "1"], ["FLUSHDB"], ["FLUSHALL", "ASYNC"],
    ["LPUSH", key, value], ["RPOP", key], ["SADD", key, value], ["HSET", key, "f", value], ["SETBIT", key, "3", "1"], ["BITOP", "NOT", key, other], ["PFADD", key, value], ["SORT", other, "BY", "nosort", "STORE", key],
    ["MSET", key, value, other, "both"], ["MGET", key, other], ["STRLEN", key], ["TYPE", key], ["TTL", key], ["PTTL", key], ["EXISTS", key, other],
    ["OBJECT", "IDLETIME", key], ["OBJECT", "FREQ", key], ["OBJECT", "ENCODING", key], ["TOUCH", key], ["DBSIZE"], ["DEBUG", "OBJECT", key],
  ]);
}

/** What changes more than data, by whom (3 speaks RESP), and what takes it back some steps later. */
const REST = [
  [0, ["MULTI"], ["EXEC"]], [0, ["MULTI"], ["DISCARD"]], [1, ["MULTI"], ["EXEC"]], [3, ["MULTI"], ["EXEC"]], [0, ["WATCH", "a"], ["UNWATCH"]], [1, ["WATCH", "b"], ["EXEC"]],
  [0, ["SELECT", "1"], ["SELECT", "0"]], [1, ["SELECT", "1"], ["SELECT", "0"]], [2, ["SELECT", "1"], ["SELECT", "0"]],
  [0, ["CLIENT", "NO-TOUCH", "on"], ["CLIENT", "NO-TOUCH", "off"]], [1, ["CLIENT", "NO-TOUCH", "on"], ["CLIENT", "NO-TOUCH", "off"]],
  [3, ["MONITOR"], ["RESET"]], [3, ["CLIENT", "TRACKING", "on"], ["RESET"]], [3, ["HELLO", "3"], ["RESET"]], [3, ["SUBSCRIBE", "__keyspace@0__:a"], ["RESET"]],
  [0, ["CONFIG", "SET", "notify-keyspace-events", "KEA"], ["CONFIG", "SET", "notify-keyspace-events", ""]],
  [0, ["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"], ["CONFIG", "SET", "maxmemory-policy", "volatile-lru"]],
  [1, ["CLIENT", "PAUSE", "1000", "WRITE"], ["CLIENT", "UNPAUSE"]], [1, ["CLIENT", "PAUSE", "1000"], ["CLIENT", "UNPAUSE"]],
  ...["-get", "resetkeys", "nopass", "-@all"].map((rule) => [2, ["ACL", "SETUSER", "default", rule], ["ACL", "SETUSER", "default", "on", "nopass", "~*", "+@all"]]),
  [0, ["CONFIG", "RESETSTAT"]], [3, ["CONFIG", "RESETSTAT"]], [0, ["PING"]], [2, ["CLIENT", "SETNAME", "x"]],
];

/** Figures that tell how often keys were read. */
const figures = (side) => {
  const info = side.clients[0].call("INFO", "everything");
  return String(info).split("\r\n").filter((line) => /^(?:keyspace_(?:hits|misses)|total_commands_processed|expired_keys|cmdstat_get:calls=\d+)/.test(line)).map((line) => line.replace(/,.*/, ""));
};

/** Stories that are told. */
const seeds = globalThis.CACHELET_SEEDS ?? 40;

export default (test) => {
  test("whatever anybody does between two reads, both ways to read answer the same, and are counted the same", async (t) => {
    // Reads that the engine saw nothing of: without them this proves nothing.
    let copied = 0;
    await atTime(async (pass) => {
      for (let seed = 1; seed <= seeds; seed++) {
        const chance = new Chance(seed);
        const sides = [];
        for (const copies of [true, false]) sides.push(new Side(await t.cachelet.open({ seed: [seed, 7] }), copies));
        const story = [];
        const run = (who, words) => {
          story.push(`${who}: ${words.join(" ")}`);
          const [ours, theirs] = sides.map((side) => side.run(who, words));
          t.equal(ours, theirs, `seed ${seed}: ${story.slice(-12).join("; ")}`);
        };
        const { door } = sides[0].db.instance;
        const through = door.run;
        door.run = (...args) => {
          if (args.at(-1) === true) copied--;
          return through.apply(door, args);
        };
        let back = [];
        let who = 0;
        for (let step = 0; step < 800; step++) {
          if (chance.below(20) === 0) {
            const ms = chance.of([1, 30, 400, 1000, 1700]);
            story.push(`${ms} ms`);
            await pass(ms);
          }
          if (chance.below(40) === 0) for (const side of sides) side.db.instance.tick();
          if (chance.below(200) === 0 && who < 3) for (const side of sides) side.renew(who);
          for (const [, by, words] of back.filter(([at]) => at === step)) run(by, words);
          back = back.filter(([at]) => at > step);
          if (chance.below(25) === 0) {
            const [by, words, undo] = chance.of(REST);
            run(by, words);
            if (undo) back.push([step + 1 + chance.below(8), by, undo]);
          }
          if (chance.below(6) === 0) who = chance.of([0, 0, 0, 1, 2, 3]);
          const words = command(chance);
          if (words[0] === "GET" && who < 3) copied++;
          run(who, words);
        }
        for (const [, by, words] of back) run(by, words);
        t.equal(figures(sides[0]), figures(sides[1]), `seed ${seed}`);
        // A session that reads copies has been idle since it last read in the engine, within the same second.
        const [ours, theirs] = sides.map(({ db }) => db.call("CLIENT", "LIST").replace(/ (?:idle|argv-mem|tot-mem|qbuf|qbuf-free|oll|omem|obl|rbs|rbp|tot-net-\w+|events|fd)=\S*/g, ""));
        t.equal(ours, theirs, `seed ${seed}`);
        for (const side of sides) side.db.close();
      }
    });
    t.ok(copied > 50 * seeds, `${copied} reads were answered from copies`);
  });

  test("a value that is read again and again is read in the engine once a second", async (t) => {
    await atTime(async (pass) => {
      const db = await t.open();
      const idle = () => db.call("OBJECT", "IDLETIME", "k");
      db.set("k", "v");
      await pass(10_000);
      t.equal(idle(), 10);
      const { door } = db.instance;
      const { run } = door;
      let calls = 0;
      door.run = (...args) => (calls++, run.apply(door, args));
      for (let i = 0; i < 100; i++) t.equal(db.get("k"), "v");
      t.equal(calls, 1);
      t.equal(idle(), 0);
      for (let second = 0; second < 5; second++) {
        await pass(1000);
        t.equal(db.get("k"), "v");
        t.equal(idle(), 0, "it was just used");
      }
    });
  });

  test("expiry is to the millisecond", async (t) => {
    await atTime(async (pass) => {
      const db = await t.open();
      for (const life of [1, 2, 500, 999, 1000, 1001, 1999, 2000, 2001]) {
        db.set("k", "v", { px: life });
        for (let i = 0; i < 40; i++) t.equal(db.get("k"), "v");
        await pass(life - 1);
        for (let i = 0; i < 40; i++) t.equal(db.get("k"), "v", `1 ms before the end of ${life} ms`);
        await pass(1);
        t.equal(db.get("k"), null, `after ${life} ms`);
      }
    });
  });

  test("a clock of the program's own is asked for every read, and may go back", async (t) => {
    let now = 1_800_000_000_500;
    let asked = 0;
    const db = await t.open({ now: () => (asked++, now) });
    db.set("k", "v", { px: 100 });
    t.equal(db.get("k"), "v");
    const before = asked;
    for (let i = 0; i < 10; i++) db.get("k");
    t.equal(asked - before, 10);
    now += 100;
    t.equal(db.get("k"), null);
    db.set("k", "w", { pxat: now + 50_000 });
    t.equal(db.get("k"), "w");
    now -= 30_000;
    t.equal(db.get("k"), "w");
    t.equal(db.call("OBJECT", "IDLETIME", "k"), 0);
    now += 80_000;
    t.equal(db.get("k"), null);
  });

  test("keys that are evicted are gone for those who read them too", async (t) => {
    const db = await t.open();
    db.call("CONFIG", "SET", "maxmemory-policy", "allkeys-random");
    const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);
    for (const key of keys) db.set(key, "v".repeat(1000));
    for (const key of keys) for (let i = 0; i < 3; i++) db.get(key);
    const used = Number(/used_memory:(\d+)/.exec(String(db.call("INFO", "memory")))[1]);
    db.call("CONFIG", "SET", "maxmemory", String(used + 20_000));
    for (let i = 0; i < 200; i++) {
      db.set(`more:${i}`, "w".repeat(1000));
      for (const key of keys) db.get(key);
      for (const key of keys.filter((key) => db.call("EXISTS", key) === 0)) t.equal(db.get(key), null, key);
    }
    t.ok(keys.some((key) => db.get(key) === null), "some were evicted");
  });

  test("under an LFU policy every read counts", async (t) => {
    const db = await t.open({ config: { "lfu-log-factor": 0 } });
    db.set("k", "v");
    for (let i = 0; i < 100; i++) db.get("k");
    db.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu");
    db.set("k", "w");
    for (let i = 0; i < 100; i++) t.equal(db.get("k"), "w");
    t.ok(Number(db.call("OBJECT", "FREQ", "k")) > 90, "each read counted");
  });

  test("many more values than are kept, of every length: none is mixed up with another", async (t) => {
    const db = await t.open();
    const value = (i, round) => `${i}:${round}:`.padEnd(1 + ((i * 7919) % 60) * (i % 50 === 0 ? 120 : 1), "x");
    const count = 20_000;
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < count; i++) db.set(`k${i}`, value(i, round));
      for (let times = 0; times < 2; times++) {
        for (let i = 0; i < count; i++) if (db.get(`k${i}`) !== value(i, round)) t.equal(db.get(`k${i}`), value(i, round), `k${i}`);
      }
    }
  });

  test("memory that grows between two reads changes nothing", async (t) => {
    const db = await t.open();
    db.set("k", "v");
    for (let i = 0; i < 30; i++) {
      t.equal(db.get("k"), "v");
      t.equal(db.get("k"), "v");
      db.set(`big:${i}`, "x".repeat(1 << 20));
      t.equal(db.get("k"), "v");
      db.set("k", "v");
      db.incr("n");
      t.equal(db.get("n"), String(i + 1));
      t.equal(db.get("none"), null);
    }
    t.equal(db.get("big:0").length, 1 << 20);
  });

  test("text that is no text, wrong types, wrong arguments and closed clients answer as they do elsewhere", async (t) => {
    const db = await t.open();
    for (const value of ["\u{feff}mark", "é", "\ud800", "日本語".repeat(50), "🦀"]) {
      db.set("k", value);
      for (let i = 0; i < 3; i++) t.equal(db.get("k"), db.call("GET", "k"));
    }
    t.equal(db.get("k"), "🦀");
    db.set("k", "\u{feff}mark");
    t.equal(db.get("k"), "\u{feff}mark", "a byte order mark is a character like any other");
    db.binary().set("k", Uint8Array.of(255, 0, 13, 10));
    t.equal(db.binary().get("k"), Uint8Array.of(255, 0, 13, 10));
    db.set("\ud800", "lone");
    t.equal(db.get("\ufffd"), "lone", "what UTF-8 has no place for is one character for all");
    t.equal(db.get("\ud800"), "lone");
    db.lpush("list", "x");
    for (let i = 0; i < 2; i++) t.throws(() => db.get("list"), { code: "WRONGTYPE" });
    t.throws(() => db.get(), { name: "ReplyError" });
    t.throws(() => db.get("a", "b"), { name: "ReplyError" });
    t.equal(db.get(7), null);
    db.set("7", "seven");
    t.equal(db.get(7), "seven");
    const other = db.client();
    t.equal(other.get("7"), "seven");
    t.equal(other.get("7"), "seven");
    other.close();
    t.throws(() => other.get("7"), { name: "ClosedError" });
    t.equal(db.get("7"), "seven");
    const whole = await t.cachelet.open();
    whole.set("k", "v");
    t.equal(whole.get("k"), "v");
    t.equal(whole.get("k"), "v");
    whole.close();
    t.throws(() => whole.get("k"), { name: "ClosedError" });
  });

  test("reads that hardly ever find a copy stop making them, and begin again; what is read is right all the time", async (t) => {
    const db = await t.open();
    const { copies } = db.instance.door;
    const KEYS = 200_000;
    for (let i = 0; i < KEYS; i++) db.set(`k${i}`, `v${i}`);
    let wrong = 0;
    const read = (i, value = `v${i}`) => void (db.get(`k${i}`) === value || wrong++);
    let i = 0;
    for (; i < KEYS && (copies.map.size > 0 || i < 1000); i++) read(i);
    t.ok(copies.map.size === 0, `${copies.map.size} copies of keys that are read once`);
    db.set("k7", "new");
    read(7, "new");
    // What many are read of pays again after a while.
    for (let reads = 0; copies.map.size === 0 && reads < 1_200_000; reads++) read(8);
    t.ok(copies.map.size > 0, "no copy of a key that is read all the time");
    read(8);
    db.set("k8", "newer");
    read(8, "newer");
    t.equal(wrong, 0);
  });

  test("a key that was read holds on to nothing that it was cut out of", async (t) => {
    if (t.runtime !== "node") t.skip("needs a garbage collector that can be called");
    // Bundlers for other runtimes need not find them.
    const [v8, vm] = await Promise.all(["node:v8", "node:vm"].map((name) => import(name)));
    v8.setFlagsFromString("--expose-gc");
    const collect = vm.runInNewContext("gc");
    const db = await t.open();
    collect();
    const before = v8.getHeapStatistics().used_heap_size;
    for (let i = 0; i < 100; i++) {
      const document = Buffer.from(`session:${i}:of-somebody;`.padEnd(1 << 20, "x")).toString("latin1");
      const key = document.slice(0, 22);
      db.set(key, "v");
      db.get(key);
      db.get(key);
    }
    collect();
    const held = v8.getHeapStatistics().used_heap_size - before;
    t.ok(held < 10 << 20, `${held} bytes are held`);
  });
};
