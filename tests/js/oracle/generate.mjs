// Commands made from the declarations' grammar (js/generated/commands.json): mostly valid, often on the edge, sometimes
// wrong. All choices come from one seeded source. Two things do not, and so a seed does not repeat a run to the byte: the
// payloads for RESTORE, which a real server made, and the clocks; a sequence that failed is kept with all its arguments.

import { readFileSync } from "node:fs";

/** The commands as declared. */
export const declarations = JSON.parse(readFileSync(new URL("../../../js/generated/commands.json", import.meta.url), "utf8"));

/** A small generator of numbers from 0 to 2^32 - 1 (xorshift with a scrambled seed). */
export class Chance {
  #state;

  constructor(seed) {
    this.#state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ (seed >>> 13)) | 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  next() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    return (this.#state = x) >>> 0;
  }

  /** From 0 to `count` - 1. */
  below(count) {
    return this.next() % count;
  }

  /** True with a probability of `percent` in a hundred. */
  percent(percent) {
    return this.below(1000) < percent * 10;
  }

  pick(list) {
    return list[this.below(list.length)];
  }
}

const INT = ["9223372036854775807", "-9223372036854775808", "9223372036854775808", "2147483648", "4294967296", "-2147483649", "1.5", " 1", "+1", "01", "-0", "", "abc", "1e3", "\x001"];
const DOUBLE = ["inf", "-inf", "+inf", "nan", "1e300", "-1e-300", "1e400", "0x10", " 1", "1 ", "", "abc", "-0", "3.0000000000000004", "17976931348623157e292"];
const WORDS = ["a", "b", "c", "d", "e", "f", "g", "1", "2", "3", "-7", "10", "3.5", "", "\x00\xff", "longer than most of its kind", "9223372036854775807", "A"];
const WIDE = "x".repeat(70);
const STREAM_IDS = ["0", "0-0", "0-1", "1-1", "1-2", "2-1", "5-0", "5-3", "7", "7-1", "9-9", "10-1"];
const STREAM_ODD = ["-", "+", "$", ">", "(1-1", "(5", "5-*", "18446744073709551615-18446744073709551615", "18446744073709551616", "abc", "1-", "-1-1", "1-1-1", ""];
const FAR = 4102444800; // 2100: no run lasts that long

const KEYS = { string: ["s1", "s2", "s3"], list: ["l1", "l2", "l3"], hash: ["h1", "h2"], set: ["e1", "e2", "e3"], "sorted-set": ["z1", "z2", "z3"], stream: ["x1", "x2", "x3"], geo: ["g1", "g2"], bitmap: ["b1", "b2", "s1"], hyperloglog: ["p1", "p2", "p3"] };
const ALL_KEYS = [...Object.values(KEYS).flat(), "none", "", "\xff\x00{t}"];

/** Arguments without the options that have a token which is not among `tokens`. What must be given stays: not every server
 *  documents such words as tokens. */
function within(list, tokens) {
  const isKnown = ({ token }) => token === undefined || tokens.has(token.toUpperCase());
  return list.flatMap((argument) => {
    if (argument.optional && !isKnown(argument)) return [];
    if (!argument.arguments) return [argument];
    const inner = within(argument.type === "oneof" ? argument.arguments.filter(isKnown) : argument.arguments, tokens);
    if (inner.length > 0) return [{ ...argument, arguments: inner }];
    return argument.optional ? [] : [argument];
  });
}

/** Commands that put something there, so that the others find it. */
const FILLERS = ["set", "rpush", "lpush", "hset", "sadd", "zadd", "xadd", "geoadd", "pfadd", "setbit", "xgroup|create", "append", "xreadgroup", "xreadgroup", "xadd", "xadd", "sadd", "zadd", "hset", "rpush"];

/** Stands for the number of keys until those are known. */
const NUMKEYS = "\x00numkeys";

/** Makes commands, as arrays of latin1 strings. */
export class Generator {
  /** `known`: the commands to make, as declared (`xgroup|create`), each with the tokens that both servers know. */
  constructor(known) {
    this.commands = declarations
      .filter(({ name }) => known.has(name))
      .map((command) => ({ ...command, arguments: within(command.arguments, known.get(command.name)) }));
    this.byName = new Map(this.commands.map((command) => [command.name, command]));
    /** Payloads of DUMP that were seen, for RESTORE. */
    this.payloads = [];
  }

  /** Starts a sequence. */
  reseed(seed) {
    this.chance = new Chance(seed);
  }

  /** A key of any kind. */
  anyKey() {
    return this.chance.pick(ALL_KEYS);
  }

  /** Commands to begin a sequence with: groups that have read something, which chance alone brings about too rarely. */
  opening() {
    if (!this.chance.percent(50)) return [];
    const ids = STREAM_IDS.filter((id) => id.includes("-") && id !== "0-0");
    return ["x1", "x2"].flatMap((key) => [
      ...ids.slice(0, 2 + this.chance.below(6)).map((id) => ["XADD", key, id, this.chance.pick(WORDS), this.chance.pick(WORDS)]),
      ["XGROUP", "CREATE", key, "G1", "0"],
      ...["C1", "C2"].map((consumer) => ["XREADGROUP", "GROUP", "G1", consumer, "COUNT", "2", "STREAMS", key, ">"]),
    ]);
  }

  /** The next command: its declared name and its arguments. */
  command() {
    const { chance } = this;
    const filler = chance.percent(35) ? this.byName.get(chance.pick(FILLERS)) : undefined;
    const command = filler ?? chance.pick(this.commands);
    const words = command.name.split("|").map((word) => (chance.percent(70) ? word.toUpperCase() : word));
    this.context = { command, group: command.group, keys: 0, named: [], blocks: false };
    const argv = [...words];
    let parts = command.arguments.map((argument) => ({ argument, words: this.argument(argument) }));
    if (chance.percent(12)) parts = this.shuffled(parts);
    for (const part of parts) argv.push(...part.words);
    for (let i = words.length; i < argv.length; i++) if (argv[i] === NUMKEYS) argv[i] = String(this.context.keys);
    if (chance.percent(10)) this.damage(argv, words.length);
    // Minus zero stays in a large sorted set and becomes 0 in a small one, and when a set grows large is the table's to say.
    if (command.name === "zadd") argv.forEach((arg, i) => arg === "-0" && (argv[i] = "0"));
    // The order of what compares alike is the server's own, and here it would be kept.
    if (command.name === "sort" && argv.some((arg) => arg.toUpperCase() === "BY")) argv.splice(argv.findIndex((arg, i) => i > 1 && arg.toUpperCase() === "STORE") >>> 0);
    if (command.name === "zadd" && argv[1]?.startsWith("zl")) return { name: "zadd", argv: ["ZADD", argv[1], ...argv.slice(2, 8).flatMap((arg, i) => (i % 2 ? ["0", arg] : []))] };
    return { name: command.name, argv };
  }

  /** Optional parts in another order: many commands take their options in any. */
  shuffled(parts) {
    const at = parts.flatMap(({ argument }, i) => (argument.optional && (argument.token || argument.type !== "string") ? [i] : []));
    const order = at.map((i) => parts[i]);
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.chance.below(i + 1);
      [order[i], order[j]] = [order[j], order[i]];
    }
    const out = [...parts];
    at.forEach((index, i) => (out[index] = order[i]));
    return out;
  }

  /** Something wrong: an argument less, more, twice, or another's. */
  damage(argv, fixed) {
    const { chance } = this;
    const at = fixed + chance.below(Math.max(argv.length - fixed, 1));
    switch (chance.below(5)) {
      case 0: argv.splice(at, 1); break;
      case 1: argv.splice(at, 0, chance.pick(WORDS)); break;
      case 2: if (argv.length > fixed) argv.splice(at, 0, argv[at] ?? "a"); break;
      case 3: argv.length = Math.min(argv.length, at); break;
      default: if (at < argv.length) argv[at] = this.risky() ? chance.pick(WORDS) : chance.pick(INT);
    }
  }

  /** Whether a huge number could make this command allocate or loop without end, as it would in Redis. */
  risky() {
    return ["setrange", "setbit", "bitfield", "srandmember", "hrandfield", "zrandmember", "xautoclaim", "xclaim"].includes(this.context.command.name);
  }

  argument(argument) {
    const { chance } = this;
    const likely = argument.multiple || (argument.token === "MKSTREAM" && this.context.command.name === "xgroup|create");
    if (argument.optional && !chance.percent(likely ? 60 : 35)) return [];
    if (argument.token === "BLOCK") this.context.blocks = true;
    const out = [];
    let times = 1;
    if (argument.multiple) {
      times = 1 + chance.below(3);
      // Groups are rarely on all of several streams.
      if (argument.type === "key" && this.context.command.name === "xreadgroup" && chance.percent(75)) times = 1;
      // As many ids and weights as keys.
      if (["id", "weight"].includes(argument.name) && this.context.keys > 0 && !["xack", "xdel", "xclaim"].includes(this.context.command.name)) times = chance.percent(95) ? this.context.keys : times;
      if (argument.type === "key") this.context.keys = times;
      if (argument.type === "block" && chance.percent(4)) times = 12;
    }
    for (let i = 0; i < times; i++) {
      if (argument.token && (i === 0 || argument.multiple_token)) out.push(this.token(argument.token));
      out.push(...this.plain(argument));
    }
    return out;
  }

  token(token) {
    return this.chance.percent(85) ? token : token.toLowerCase();
  }

  plain(argument) {
    switch (argument.type) {
      // The token is all there is, and stands already.
      case "pure-token": return [];
      case "oneof": {
        // An id that the clock makes cannot be the same on two servers.
        const choices = argument.arguments.filter(({ token }) => token !== "*");
        return this.argument({ ...this.chance.pick(choices), optional: false });
      }
      case "block": return argument.arguments.flatMap((inner) => this.argument(inner));
      case "key": {
        const key = this.key();
        this.context.named.push(key);
        return [key];
      }
      default: return [this.scalar(argument)];
    }
  }

  key() {
    const { chance } = this;
    const { name } = this.context.command;
    // Ranges by member mean something only where all scores are equal: nothing else is written to these.
    if (this.context.keys <= 1 && (/lex$/.test(name) ? chance.percent(85) : /^z(add|rem|card|score|rank|range)$/.test(name) && chance.percent(25))) return chance.pick(["zl1", "zl2"]);
    if (name.startsWith("sort")) return chance.pick([...KEYS.list, ...KEYS.set, ...KEYS["sorted-set"], "s1", "none"]);
    // Which of two waits for the same key is served, or what a wait on a wrong type says, depends on the version.
    if (name.startsWith("xread")) return chance.pick(["x1", "x2", "x3", ...(this.context.blocks || chance.percent(75) ? [] : ["s1", "l1"])].filter((key) => !this.context.named.includes(key)));
    const own = KEYS[this.context.group];
    return own && chance.percent(88) ? chance.pick(own) : this.anyKey();
  }

  scalar({ name, type }) {
    const { chance, context } = this;
    const command = context.command.name;
    if (/min-idle/.test(name)) return chance.percent(85) ? "0" : chance.pick(["1000000000000", "abc", "-1"]);
    if (name === "numkeys") return chance.percent(92) ? NUMKEYS : chance.pick(["0", "-1", "1", "100", "abc"]);
    if (type === "pattern") {
      if (command.startsWith("sort")) return chance.pick(["s*", "h1->*", "nosort", "#", "*", "s*->a", "h*->b"]);
      return chance.pick(["*", "?1", "s*", "[a-c]*", "h?", "\\*", "[^a]*", "e[1-2]", "[", "*1*"]);
    }
    if (type === "unix-time") {
      const far = FAR + chance.below(5);
      return chance.percent(75) ? String(/milli/.test(name) || /^p/.test(command) ? far * 1000 : far) : chance.pick(["1", "0", "-1", ...INT]);
    }
    if (type === "double") return this.double(name);
    if (type === "integer") return this.integer(name, command);
    return this.string(name, command);
  }

  double(name) {
    const { chance } = this;
    if (name === "timeout") return chance.percent(85) ? "0" : chance.pick(["abc", "-1", "nan", "1e30"]);
    if (name === "longitude") return chance.percent(90) ? (chance.below(36000) / 100 - 180).toString() : chance.pick(["181", "abc", "13.361389"]);
    if (name === "latitude") return chance.percent(90) ? (chance.below(17000) / 100 - 85).toString() : chance.pick(["86", "nan", "38.115556"]);
    if (["radius", "width", "height"].includes(name)) return chance.pick(["100", "5000", "20000000", "0", "-1", "abc", "0.5"]);
    if (chance.percent(12)) return chance.pick(DOUBLE);
    return chance.pick([String(chance.below(10)), String(chance.below(40) - 20), (chance.below(80) / 8 - 5).toString(), "0.1", "1e2"]);
  }

  integer(name, command) {
    const { chance } = this;
    if (["srandmember", "hrandfield", "zrandmember"].includes(command)) return chance.pick(["0", "1", "2", "5", "50", "-1", "-5", "abc"]);
    if (["setrange", "setbit"].includes(command) && name === "offset") return chance.percent(92) ? String(chance.below(400)) : chance.pick(["-1", "4294967296", "9223372036854775807", "abc", "3000"]);
    if (command.startsWith("bitfield") && name === "offset") return chance.percent(92) ? (chance.percent(40) ? "#" : "") + chance.below(60) : chance.pick(["-1", "#-1", "abc", "9223372036854775807", "#"]);
    if (name === "timeout" || (name === "milliseconds" && command.startsWith("xread"))) return chance.percent(88) ? "0" : chance.pick(["abc", "-1"]);
    if (name === "ms" || (command === "xclaim" && name === "unix-time-milliseconds")) return chance.pick(["0", "1000000", "-1"]);
    if (/seconds|ttl|milliseconds/.test(name)) {
      if (chance.percent(20)) return chance.pick(["0", "-1", "9223372036854775807", "9223372036854775", "-9223372036854775808", "abc", ""]);
      // Rarely the same twice: which of two equal expiries is later, a millisecond between the servers decides.
      return String(1_000_000 * (1 + chance.below(9)) + 10_000 * chance.below(90));
    }
    if (name === "bit" || (command === "setbit" && name === "value")) return chance.percent(95) ? String(chance.below(2)) : chance.pick(["2", "-1", "abc"]);
    if (name === "cursor") return chance.percent(90) ? "0" : chance.pick(["abc", "-1", "18446744073709551616"]);
    if (["index", "db", "destination-db", "index1", "index2"].includes(name)) return chance.percent(85) ? String(chance.below(3)) : chance.pick(["16", "-1", "abc", "1"]);
    if (chance.percent(9)) return chance.pick(INT);
    return chance.percent(70) ? String(chance.below(8)) : String(chance.below(14) - 7);
  }

  string(name, command) {
    const { chance, context } = this;
    if (name === "id" && command === "xreadgroup" && chance.percent(75)) return ">";
    // The time is given, so that the sequence number is all that the server adds.
    if (name === "id" && command === "xadd" && chance.percent(60)) return `${10 + chance.below(50)}-*`;
    if (context.group === "stream" && /^(id|threshold|start|end|lastid|last-id|entries-read|.*-id)$/.test(name)) {
      return chance.percent(85) ? chance.pick(STREAM_IDS) : chance.pick(this.context.blocks ? ["$", ">", "abc"] : STREAM_ODD);
    }
    if (context.group === "stream" && name === "start") return chance.pick([...STREAM_IDS, "-"]);
    if (name === "group") return chance.pick(["G1", "G1", "G1", "G1", "G1", "G1", "G1", "G1", "G2", "none"]);
    if (name === "consumer") return chance.pick(["C1", "C2", "C3"]);
    if (name === "cursor") return chance.percent(90) ? "0" : chance.pick(["abc", "-1", "18446744073709551616"]);
    // A range by rank, unless an option that follows says otherwise.
    if (/^z(rev)?range(store)?$/.test(command) && chance.percent(60)) return String(chance.below(8) - 3);
    if (["min", "max", "start", "stop"].includes(name)) {
      if (/lex/.test(command) || chance.percent(15)) return chance.pick(["-", "+", "[a", "(c", "[", "(", "a", "[e", "(b"]);
      return chance.pick(["-inf", "+inf", "0", "1", "2", "3", "(2", "(1", "-3", "5", "100", "-1", "3.5", "nan", "abc", "(", "(inf"]);
    }
    if (name === "encoding") return chance.percent(92) ? chance.pick(["i", "u"]) + (1 + chance.below(63)) : chance.pick(["i64", "u64", "i65", "i0", "x8", "i", ""]);
    if (/serialized/.test(name)) return this.payloads.length > 0 && chance.percent(80) ? chance.pick(this.payloads) : chance.pick(WORDS);
    if (/unit/.test(name)) return chance.pick(["m", "km", "ft", "mi", "parsec"]);
    if (/channel|pattern/.test(name)) return chance.pick(["c1", "c2", "c*", "", "\xff"]);
    if (/^increment$|^decrement$/.test(name)) return chance.pick(["1", "-3", "2.5", ...INT]);
    if (chance.percent(4)) return WIDE + chance.below(3);
    if (chance.percent(2)) return "v".repeat(chance.below(5000));
    return chance.pick(WORDS);
  }
}
