// Runs generated commands on our engine and on a real redis-server side by side, and says where they differ.
//
// Ours runs first: it is synchronous, so it tells at once how many replies a command has and on which connections. The
// real server is then waited for until it has said as much; what it says beyond that is found at the next look.

import { setTimeout as sleep } from "node:timers/promises";
import { same } from "./compare.mjs";
import { AFTER_SORT } from "./differences.mjs";
import { encode } from "./transcript.mjs";

/** Connections of a sequence, and the one beside them that sets up and compares keyspaces. */
const CONNECTIONS = 3;
export const CONTROL = CONNECTIONS;
const DATABASES = 3;

/** A difference: what was sent, and the frames that came; null for none. */
export class Difference {
  constructor(name, argv, ours, theirs) {
    Object.assign(this, { name, argv, ours, theirs });
  }
}

/** Two servers in step. `ran` and `answers` count the commands of sequences alone, not what sets them up or looks at keys. */
export class Lockstep {
  constructor(ours, theirs) {
    this.ours = ours;
    this.theirs = theirs;
    this.ran = 0;
    this.checked = 0;
    this.answers = new Map();
  }

  /** Opens connections on two empty servers. */
  async begin(resp) {
    this.ours.open(CONNECTIONS + 1);
    await this.theirs.open(CONNECTIONS + 1);
    this.tags = Array.from({ length: CONNECTIONS + 1 }, () => []);
    this.seen = new Array(CONNECTIONS + 1).fill(0);
    this.state = Array.from({ length: CONNECTIONS + 1 }, () => ({ blocked: false, multi: null }));
    this.batch = { on: -1, text: "" };
    this.sorted = false;
    await this.both(CONTROL, "flushall", ["FLUSHALL"]);
    if (resp === 3) for (let on = 0; on <= CONTROL; on++) await this.both(on, "hello", ["HELLO", "3"]);
    await this.flush();
  }

  /** Whether a connection takes a command now. */
  isFree(on) {
    return !this.state[on].blocked;
  }

  /** Sends one command to ours at once and to the other side with the next flush. */
  async both(on, name, argv) {
    if (this.batch.on !== on) await this.flush();
    this.sorted ||= name.startsWith("sort");
    const before = this.seen.map((_, i) => this.ours.frames(i).length);
    const text = encode(argv);
    this.ours.send(on, text);
    this.batch.on = on;
    this.batch.text += text;
    const state = this.state[on];
    let aside = false;
    for (let i = 0; i < before.length; i++) {
      const frames = this.ours.frames(i);
      for (let at = before[i]; at < frames.length; at++) {
        // A push does not end a wait.
        const isPush = frames[at]?.type === ">";
        this.tags[i][at] = { name: (!isPush && this.state[i].blocked) || name, argv: this.sorted && name === "object|encoding" ? [...argv, AFTER_SORT] : argv, queued: state.multi };
        if (i === on) continue;
        aside = true;
        if (!isPush) this.state[i].blocked = false;
      }
    }
    const own = this.ours.frames(on).slice(before[on]);
    const reply = own.at(-1);
    if (own.length === 0) {
      state.blocked = name;
      await this.flush();
      await this.barrier();
    } else if (aside) await this.flush();
    if (reply?.text === "+QUEUED\r\n") state.multi?.push({ name, argv });
    else if (name === "multi" && reply?.text === "+OK\r\n") state.multi = [];
    else if (name === "exec" || name === "discard") state.multi = null;
    if (this.batch.text.length > 8192) await this.flush();
    return reply;
  }

  /** Counts a command of a sequence. One that waits, or is queued, has not answered well yet. */
  #note(name, reply) {
    this.ran++;
    const counts = this.answers.get(name) ?? { ok: 0, error: 0 };
    this.answers.set(name, counts);
    if (reply?.type === "-") counts.error++;
    else if (reply && reply.text !== "+QUEUED\r\n") counts.ok++;
  }

  /** Sends what is gathered, waits, compares. Throws a {@link Difference}. */
  async flush() {
    const { on, text } = this.batch;
    if (text === "") return;
    this.batch = { on: -1, text: "" };
    this.theirs.send(on, text);
    const done = () => this.seen.every((_, i) => this.theirs.frames(i).length >= this.ours.frames(i).length);
    await this.theirs.until(done);
    this.compare();
  }

  /** Compares what has come since the last look. Connections are served one after another: where the servers part on one
   *  of them, what differs on the others follows from that, whichever is looked at first. */
  compare() {
    let difference = null;
    for (let i = 0; i < this.seen.length; i++) {
      const [ours, theirs] = [this.ours.frames(i), this.theirs.frames(i)];
      pushesFirst(theirs, this.seen[i]);
      pushesFirst(ours, this.seen[i], this.tags[i]);
      for (let at = this.seen[i]; at < Math.max(ours.length, theirs.length); at++) {
        const tag = this.tags[i][at] ?? { name: this.state[i].blocked || "(nothing)", argv: [] };
        const [a, b] = [ours[at] ?? null, theirs[at] ?? null];
        if (!same(a, b, tag.name, tag.argv, tag.queued ?? [])) difference ??= new Difference(tag.name, tag.argv, a, b);
      }
      this.seen[i] = ours.length;
    }
    if (difference) throw difference;
  }

  /** Waits until the real server has read and run what was sent on any connection: it has no more to say then. */
  async barrier() {
    for (let i = 0; i < 3; i++) {
      await this.theirs.ask(CONTROL, "PING\r\n");
    }
    this.compare();
  }

  /** Takes a step of a sequence, `{ on, name, argv }` or `{ sleep: ms }`; nothing where the connection waits. */
  async step(step) {
    if (step.sleep) {
      await this.flush();
      await sleep(step.sleep);
      return;
    }
    if (!this.isFree(step.on)) return;
    this.#note(step.name, await this.both(step.on, step.name, step.argv));
    // What chance took must not stay behind on one side only.
    if (step.name === "spop" && !this.state[step.on].multi) {
      await this.both(step.on, "del", ["DEL", step.argv[1] ?? ""]);
      await this.flush();
    }
  }

  /** Compares every key of every database; the payloads seen. */
  async end() {
    await this.flush();
    await this.barrier();
    const payloads = [];
    for (let db = 0; db < DATABASES; db++) {
      await this.both(CONTROL, "select", ["SELECT", String(db)]);
      const listing = await this.both(CONTROL, "keys", ["KEYS", "*"]);
      const keys = listing.items.map(({ body }) => body);
      for (const key of keys) {
        const type = (await this.both(CONTROL, "type", ["TYPE", key])).head;
        await this.both(CONTROL, "object|encoding", ["OBJECT", "ENCODING", key]);
        await this.both(CONTROL, "pttl", ["PTTL", key]);
        for (const [name, ...argv] of READ[type] ?? []) await this.both(CONTROL, name, argv.map((arg) => arg ?? key));
        this.checked++;
      }
      await this.flush();
      for (const key of keys) payloads.push(await this.payload(key));
    }
    return payloads;
  }

  /** A payload of the real server's that ours restores to the same value; its bytes. */
  async payload(key) {
    const theirs = await this.theirs.ask(CONTROL, encode(["DUMP", key]));
    const ask = (...argv) => {
      this.ours.send(CONTROL, encode(argv));
      return this.ours.frames(CONTROL).pop();
    };
    const ours = ask("DUMP", key);
    const bytes = theirs?.body ?? null;
    if (bytes === null || ours.body === null) throw new Difference("dump", ["DUMP", key], ours, theirs ?? null);
    // Version and checksum apart, most payloads are the same bytes.
    if (ours.body.slice(0, -10) !== bytes.slice(0, -10)) {
      const copy = "\x00restored";
      ask("DEL", copy);
      const restored = ask("RESTORE", copy, "0", bytes);
      if (restored.head !== "OK") throw new Difference("restore", ["RESTORE", key, "0", bytes], restored, null);
      const type = ask("TYPE", key).head;
      for (const [name, ...argv] of READ[type] ?? []) {
        const [a, b] = [key, copy].map((each) => ask(...argv.map((arg) => arg ?? each)));
        if (!same(a, b, name)) throw new Difference(`restored ${name}`, argv.map((arg) => arg ?? key), a, b);
      }
      ask("DEL", copy);
    }
    return bytes;
  }
}

/** From 7.2 on a push follows the reply of the command that set it off; 7.0 sends it ahead. So pushes are compared with
 *  pushes and replies with replies, each in their order. */
function pushesFirst(frames, from, tags) {
  const isPush = (i) => frames[i]?.type === ">";
  const order = Array.from(frames.keys()).slice(from);
  if (!order.some(isPush)) return;
  const sorted = [...order.filter(isPush), ...order.filter((i) => !isPush(i))];
  for (const list of tags ? [frames, tags] : [frames]) list.splice(from, order.length, ...sorted.map((i) => list[i]));
}

/** What shows a whole value; null stands for the key. */
const READ = {
  string: [["get", "GET", null]],
  list: [["lrange", "LRANGE", null, "0", "-1"]],
  hash: [["hgetall", "HGETALL", null], ["hlen", "HLEN", null]],
  set: [["smembers", "SMEMBERS", null], ["scard", "SCARD", null]],
  zset: [["zrange", "ZRANGE", null, "0", "-1", "WITHSCORES"]],
  stream: [["xrange", "XRANGE", null, "-", "+"], ["xinfo|groups", "XINFO", "GROUPS", null], ["xlen", "XLEN", null]],
};

/** The next steps of a sequence; null when every connection waits. Beside the grammar's commands: transactions,
 *  subscriptions, a key that is due soon. */
export function nextSteps(generator, lockstep) {
  const { chance } = generator;
  const free = Array.from({ length: CONNECTIONS }, (_, i) => i).filter((on) => lockstep.isFree(on));
  if (free.length === 0) return null;
  const last = lockstep.batch.on;
  const on = free.includes(last) && chance.percent(93) ? last : chance.pick(free);
  const multi = lockstep.state[on].multi;
  const step = (...argv) => ({ on, name: argv[0].toLowerCase(), argv });
  if (multi && (multi.length > 6 || chance.percent(15))) return [step(chance.percent(85) ? "EXEC" : "DISCARD")];
  if (chance.percent(1)) return [step(chance.pick(["MULTI", "MULTI", "EXEC", "DISCARD"]))];
  if (chance.percent(1)) return [step("WATCH", generator.anyKey()), ...(multi ? [] : [step("MULTI")])];
  if (on === 2 && chance.percent(2)) return [step(chance.pick(["SUBSCRIBE", "PSUBSCRIBE"]), chance.pick(["c1", "c2", "c*"]))];
  if (!multi && chance.percent(0.1)) {
    const key = generator.anyKey();
    // Whoever asks for it removes it: when a server does so on its own account is its own affair.
    return [step("PEXPIRE", key, "1"), { sleep: 12 }, step("EXISTS", key)];
  }
  const { name, argv } = generator.command();
  // Their replies are pushes, or chance: within EXEC they would hide what stands beside them.
  if (multi && /^(spop|hello|s?publish|[ps]?unsubscribe)$/.test(name)) return [];
  return [{ on, name, argv }];
}
