// What people use a Redis for, written once and run through every door.
//
// A door is what a test hands in:
//   call(...argv)              one command, a promise of its reply (RESP2 or RESP3 shapes)
//   multi([argv, ...])         a transaction, a promise of the replies, or of null when a watched key was written
//   session()                  another door with a session of its own (WATCH, blocking pops), or undefined where the
//                              protocol has no sessions
//   subscribe(channel, heard)  calls heard(message) for each; a promise of a function that ends it
//   close()
// Runs in Node, Deno, workerd and Chromium: nothing here but the language.

/** Players on the leaderboard. */
const PLAYERS = 100_000;

function check(condition, what) {
  if (!condition) throw new Error(what);
}

function same(actual, expected, what) {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A hash's or a scored range's reply as pairs, whether it came as a map, as pairs or flat. */
function pairs(reply) {
  if (reply instanceof Map) return [...reply];
  if (!Array.isArray(reply)) return Object.entries(reply);
  if (reply.length > 0 && Array.isArray(reply[0])) return reply;
  return Array.from({ length: reply.length / 2 }, (_, i) => [reply[2 * i], reply[2 * i + 1]]);
}

const sorted = (reply) => [...reply].map(String).sort();

/** A session with sliding expiry: each visit moves its end. */
async function sessions(door, name) {
  const key = name("session:42");
  same(await door.call("SET", key, JSON.stringify({ user: 42 }), "PX", "400"), "OK", "SET with expiry");
  for (let visit = 0; visit < 3; visit++) {
    await pause(200);
    const found = await door.call("GETEX", key, "PX", "400");
    // @upstash/redis decodes JSON by itself.
    same(typeof found === "string" ? JSON.parse(found) : found, { user: 42 }, "the session while it is used");
  }
  check(Number(await door.call("PTTL", key)) > 200, "a visit moves the end");
  await pause(600);
  same(await door.call("GET", key), null, "an idle session is gone");
}

async function counters(door, name) {
  const page = name("views:/home");
  for (let i = 1; i <= 10; i++) same(Number(await door.call("INCR", page)), i, "INCR");
  same(Number(await door.call("INCRBY", page, "90")), 100, "INCRBY");
  same(Number(await door.call("DECR", page)), 99, "DECR");
  same(Number(await door.call("INCRBYFLOAT", name("price"), "0.1")), 0.1, "INCRBYFLOAT");
  same(String(await door.call("INCRBYFLOAT", name("price"), "0.2")), "0.3", "tenths add up as people expect");
}

async function profile(door, name) {
  const key = name("user:42");
  same(Number(await door.call("HSET", key, "name", "Ada", "city", "Zürich", "visits", "1")), 3, "HSET");
  same(Number(await door.call("HINCRBY", key, "visits", "4")), 5, "HINCRBY");
  same(Object.fromEntries(pairs(await door.call("HGETALL", key)).map(([field, value]) => [field, String(value)])), { name: "Ada", city: "Zürich", visits: "5" }, "HGETALL");
  same((await door.call("HMGET", key, "name", "none")).map((value) => value ?? null), ["Ada", null], "HMGET");
  same(Number(await door.call("HDEL", key, "city")), 1, "HDEL");
}

async function tags(door, name) {
  const [red, round] = [name("tag:red"), name("tag:round")];
  await door.call("SADD", red, "apple", "cherry", "brick");
  await door.call("SADD", round, "apple", "cherry", "ball");
  same(sorted(await door.call("SINTER", red, round)), ["apple", "cherry"], "SINTER");
  same(sorted(await door.call("SDIFF", red, round)), ["brick"], "SDIFF");
  same(Number(await door.call("SUNIONSTORE", name("tag:any"), red, round)), 4, "SUNIONSTORE");
  same(Number(await door.call("SINTERCARD", "2", red, round)), 2, "SINTERCARD");
}

async function leaderboard(door, name) {
  const board = name("board");
  const score = (player) => (player * 7919) % PLAYERS;
  for (let from = 0; from < PLAYERS; from += 1000) {
    const argv = ["ZADD", board];
    for (let player = from; player < from + 1000; player++) argv.push(String(score(player)), `player:${player}`);
    same(Number(await door.call(...argv)), 1000, "ZADD of a thousand");
  }
  same(Number(await door.call("ZCARD", board)), PLAYERS, "ZCARD");
  const top = pairs(await door.call("ZRANGE", board, "0", "99", "REV", "WITHSCORES"));
  same(top.length, 100, "the top hundred");
  top.forEach(([, points], place) => same(Number(points), PLAYERS - 1 - place, `place ${place}`));
  for (const player of [0, 1, 777, 99_999]) {
    same(Number(await door.call("ZREVRANK", board, `player:${player}`)), PLAYERS - 1 - score(player), `the rank of player ${player}`);
  }
  await door.call("ZINCRBY", board, String(PLAYERS * 2), "player:777");
  same(Number(await door.call("ZREVRANK", board, "player:777")), 0, "a new leader");
  same(Number(await door.call("ZCOUNT", board, "0", "99")), 100 - (score(777) < 100 ? 1 : 0), "ZCOUNT");
}

/** At most five in a window that starts with the first. */
async function fixedWindow(door, name) {
  const key = name("rate:fixed");
  const allowed = async () => {
    const [count] = await door.multi([["INCR", key], ["PEXPIRE", key, "300", "NX"]]);
    return Number(count) <= 5;
  };
  const verdicts = [];
  for (let i = 0; i < 7; i++) verdicts.push(await allowed());
  same(verdicts, [true, true, true, true, true, false, false], "five of seven");
  await pause(500);
  check(await allowed(), "the next window is open");
}

/** At most five within any stretch of 300 ms: a sorted set of instants. */
async function slidingWindow(door, name) {
  const key = name("rate:sliding");
  let serial = 0;
  const allowed = async () => {
    const now = Date.now();
    const [, count] = await door.multi([["ZREMRANGEBYSCORE", key, "0", String(now - 300)], ["ZCARD", key]]);
    if (Number(count) >= 5) return false;
    await door.multi([["ZADD", key, String(now), `${now}-${serial++}`], ["PEXPIRE", key, "300"]]);
    return true;
  };
  let granted = 0;
  for (let i = 0; i < 8; i++) granted += (await allowed()) ? 1 : 0;
  check(granted >= 5 && granted <= 8, `${granted} of eight`);
  await pause(450);
  check(await allowed(), "the window has slid on");
}

/** A lock that only its holder can release. Without sessions (REST) there is no WATCH; see the caller. */
async function lock(door, name) {
  const key = name("lock");
  const acquire = (token) => door.call("SET", key, token, "NX", "PX", "5000");
  const release = async (session, token) => {
    await session.call("WATCH", key);
    if ((await session.call("GET", key)) !== token) {
      await session.call("UNWATCH");
      return false;
    }
    return (await session.multi([["DEL", key]])) !== null;
  };
  same(await acquire("mine"), "OK", "the lock is free");
  same(await acquire("yours"), null, "the lock is held");
  const session = await door.session();
  if (!session) return "no WATCH through this door: safe release is not shown";
  check(!(await release(session, "yours")), "another's token does not release");
  check(await release(session, "mine"), "the holder's does");
  same(await acquire("yours"), "OK", "free again");
  await session.close();
}

/** Jobs moved to a worker's own list while in work: none is lost, none is done twice. */
async function workQueue(door, name) {
  const queue = name("jobs");
  const jobs = Array.from({ length: 40 }, (_, i) => `job:${i}`);
  const done = [];
  const worker = async (id) => {
    const session = await door.session();
    const own = name(`jobs:worker:${id}`);
    for (;;) {
      let job;
      if (session) job = await session.call("BLMOVE", queue, own, "RIGHT", "LEFT", "1");
      else {
        job = await door.call("LMOVE", queue, own, "RIGHT", "LEFT");
        if (job === null && done.length < jobs.length) {
          await pause(20);
          continue;
        }
      }
      if (job === null || job === "stop") break;
      done.push(job);
      await (session ?? door).call("LREM", own, "1", job);
    }
    const left = await door.call("LRANGE", own, "0", "-1");
    same([...left].filter((job) => job !== "stop"), [], "nothing is left in work");
    await session?.close();
  };
  const workers = [worker(1), worker(2)];
  for (const job of jobs) await door.call("LPUSH", queue, job);
  await door.call("LPUSH", queue, "stop", "stop");
  await Promise.all(workers);
  same(sorted(done), sorted(jobs), "every job done once");
}

async function chat(door, name) {
  const room = name("room");
  const heard = [];
  const leave = await door.subscribe(room, (message) => heard.push(String(message)));
  for (let tries = 0; tries < 100 && Number(pairs(await door.call("PUBSUB", "NUMSUB", room))[0]?.[1] ?? 0) === 0; tries++) await pause(20);
  for (const words of ["hello", "grüezi", "bye"]) same(Number(await door.call("PUBLISH", room, words)), 1, "one listener");
  for (let tries = 0; tries < 100 && heard.length < 3; tries++) await pause(20);
  same(heard, ["hello", "grüezi", "bye"], "in the order they were said");
  await leave();
}

/** A transfer that tries again when somebody else moved money meanwhile. */
async function retrying(door, name) {
  const [from, to] = [name("account:1"), name("account:2")];
  await door.call("MSET", from, "100", to, "0");
  const session = await door.session();
  if (!session) return "no WATCH through this door";
  let tries = 0;
  for (;;) {
    tries++;
    await session.call("WATCH", from);
    const balance = Number(await session.call("GET", from));
    if (tries === 1) await door.call("DECRBY", from, "10");
    const result = await session.multi([["SET", from, String(balance - 30)], ["INCRBY", to, "30"]]);
    if (result !== null) break;
  }
  same(tries, 2, "the first try failed, the second went through");
  same((await door.call("MGET", from, to)).map(Number), [60, 30], "no money was lost");
  await session.close();
}

/** The parts by name, for suites that report each. Each takes a door and returns a remark or nothing. */
export const parts = { sessions, counters, profile, tags, leaderboard, fixedWindow, slidingWindow, lock, workQueue, chat, retrying };

/** Runs every part on fresh keys; `report(name, remark?)` hears of each that passed. The first failure is thrown. */
export async function scenario(door, { prefix = "scenario:", report = () => {} } = {}) {
  const name = (key) => `${prefix}${key}`;
  for (const [part, run] of Object.entries(parts)) {
    try {
      report(part, await run(door, name));
    } catch (error) {
      throw new Error(`${part}: ${error.message}`, { cause: error });
    }
  }
}
