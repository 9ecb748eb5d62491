// `npm run oracle`: generated commands on Cachelet and on a real redis-server, compared reply by reply and key by key.
//
//   npm run oracle -- --commands 1000000 --seed 7 --length 150
//
// Each sequence has a seed of its own, printed when it fails; it is shrunk before it is shown, in the form of a transcript.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Parted, used } from "./compare.mjs";
import { FREE, INTENDED, LEFT_OUT, LEFT_OUT_TOKENS } from "./differences.mjs";
import { escape } from "./frames.mjs";
import { declarations, Generator } from "./generate.mjs";
import { CONTROL, Difference, Lockstep, nextSteps } from "./lockstep.mjs";
import { anew, compareRepeated, logged, repeated } from "./repeated.mjs";
import { startRedis } from "./server.mjs";
import { Ours, Theirs } from "./sides.mjs";
import { encode } from "./transcript.mjs";

/** Where failing sequences go, as transcripts. */
const FOUND = fileURLToPath(new URL("../../../target/oracle", import.meta.url));

/** Thresholds that 7.0 knows too: Redis' own, and small ones by which encodings change within a sequence. */
const THRESHOLDS = {
  "hash-max-listpack-entries": ["512", "8"],
  "hash-max-listpack-value": ["64", "40"],
  "zset-max-listpack-entries": ["128", "8"],
  "zset-max-listpack-value": ["64", "40"],
  "set-max-intset-entries": ["512", "6"],
  "list-max-listpack-size": ["-2", "5"],
  "stream-node-max-entries": ["100", "4"],
  "hll-sparse-max-bytes": ["3000", "40"],
};

const configuration = (small) => ["CONFIG", "SET", ...Object.entries(THRESHOLDS).flatMap(([name, values]) => [name, values[Number(small)]])];

/** Runs about `commands` commands from `seed` on; the figures. `say` gets one line a finding. */
export async function oracle({ commands, seed, length = 150, program, say = console.log, stopAfter = 40 }) {
  const redis = await startRedis(program);
  const kept = logged();
  const { db } = kept;
  const theirs = new Theirs(redis.port);
  const lockstep = new Lockstep(new Ours(db), theirs);
  lockstep.kept = kept;
  const findings = new Map();
  let sequences = 0;
  try {
    const known = await shared(theirs);
    const names = [...known.keys()];
    const generator = new Generator(known);
    while (lockstep.ran < commands && findings.size < stopAfter) {
      const own = (seed + Math.imul(sequences, 0x9e3779b1)) >>> 0;
      const failed = await sequence(lockstep, own, length, generator);
      sequences++;
      if (!failed) continue;
      const kind = [failed.difference.name, failed.difference.ours?.text.slice(0, 24), failed.difference.theirs?.text.slice(0, 24)].join(" / ");
      if (findings.has(kind)) continue;
      findings.set(kind, own);
      const steps = await shrink(lockstep, failed);
      say(show(own, failed, steps, await replay(lockstep, failed, steps)));
    }
    return { ran: lockstep.ran, checked: lockstep.checked, sequences, findings, answers: lockstep.answers, names, used, version: redis.version };
  } finally {
    theirs.close();
    db.close();
    await redis.stop();
  }
}

/** The commands that both know and that are generated. */
async function shared(theirs) {
  await theirs.open(1);
  const known = new Map();
  for (const { name } of declarations) {
    if (LEFT_OUT.some(({ match }) => match.test(name))) continue;
    const info = await theirs.ask(0, encode(["COMMAND", "INFO", name]));
    if (!info.items[0].items) continue;
    const [container, subcommand] = name.split("|");
    const docs = under(await theirs.ask(0, encode(["COMMAND", "DOCS", container])), container);
    const tokens = tokensOf(subcommand ? under(under(docs, "subcommands"), name) : docs);
    for (const { token } of LEFT_OUT_TOKENS) tokens.delete(token);
    known.set(name, tokens);
  }
  return known;
}

/** The tokens in a server's documentation of a command, a flat map of names and values: options of later versions are not
 *  among them. */
function tokensOf(docs, tokens = new Set()) {
  for (let i = 0; i + 1 < docs.items.length; i += 2) {
    const [name, value] = [docs.items[i].body, docs.items[i + 1]];
    if (name === "token") tokens.add(value.body.toUpperCase());
    else if (name === "arguments") for (const argument of value.items) tokensOf(argument, tokens);
  }
  return tokens;
}

/** What stands under a name in a flat map. */
const under = (map, name) => map.items[map.items.findIndex((item) => item.body === name) + 1];

async function prepare(lockstep, thresholds, resp) {
  await lockstep.begin(resp);
  anew(lockstep.kept);
  await lockstep.both(CONTROL, "config", configuration(thresholds));
  await lockstep.flush();
}

/** One sequence; what failed, or null. */
async function sequence(lockstep, seed, length, generator) {
  const resp = seed & 1 ? 3 : 2;
  const thresholds = (seed & 6) !== 0;
  generator.reseed(seed);
  const steps = [];
  try {
    await prepare(lockstep, thresholds, resp);
    for (const argv of generator.opening()) {
      steps.push({ on: 0, name: argv[0] === "XGROUP" ? "xgroup|create" : argv[0].toLowerCase(), argv });
      await lockstep.step(steps.at(-1));
    }
    while (steps.length < length) {
      const next = nextSteps(generator, lockstep);
      if (!next) break;
      for (const step of next) {
        steps.push(step);
        await lockstep.step(step);
      }
    }
    const payloads = await lockstep.end();
    compareRepeated(lockstep.kept, Object.keys(THRESHOLDS));
    if (generator.payloads.length < 200) generator.payloads.push(...payloads.filter((bytes) => bytes.length < 300));
    return null;
  } catch (thrown) {
    const difference = found(thrown);
    return difference && { difference, steps, resp, thresholds };
  }
}

/** The difference that was thrown, null where the servers parted as they may; anything else is thrown on. */
function found(thrown) {
  if (thrown instanceof Parted) return null;
  if (thrown instanceof Difference) return thrown;
  throw thrown;
}

/** Runs `steps` again; the difference or null. */
async function replay(lockstep, { resp, thresholds }, steps) {
  const before = lockstep.ran;
  try {
    await prepare(lockstep, thresholds, resp);
    for (const step of steps) await lockstep.step(step);
    await lockstep.end();
    compareRepeated(lockstep.kept, Object.keys(THRESHOLDS));
    return null;
  } catch (thrown) {
    return found(thrown);
  } finally {
    lockstep.ran = before;
  }
}

/** The fewest steps that still differ in the same command. */
async function shrink(lockstep, failed) {
  let steps = failed.steps;
  const fails = async (some) => (await replay(lockstep, failed, some))?.name === failed.difference.name;
  for (let size = Math.ceil(steps.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < steps.length;) {
      const fewer = [...steps.slice(0, at), ...steps.slice(at + size)];
      if (await fails(fewer)) steps = fewer;
      else at += size;
    }
  }
  return steps;
}

function show(seed, failed, steps, again) {
  const difference = again ?? failed.difference;
  const quoted = (arg) => `"${escape(arg).replaceAll('"', '\\"')}"`;
  const line = (step) => (step.sleep ? `+ ${step.sleep} ms` : `${"abc"[step.on]}> ${step.argv.map(quoted).join(" ")}`);
  const cut = (reply) => (reply ? escape(reply.text).slice(0, 600) : "(nothing)");
  const limits = failed.thresholds ? [`> ${configuration(true).join(" ")}`] : [];
  const transcript = [`== seed ${seed}: ${difference.name}`, ...(failed.resp === 3 ? ["@resp 3"] : []), ...limits, ...steps.map(line), ""].join("\n");
  // Replies are filled in by `oracle.mjs record`; a name for what it means is for whoever mends it.
  mkdirSync(FOUND, { recursive: true });
  const file = join(FOUND, `seed-${seed}.transcript`);
  writeFileSync(file, transcript);
  return [`\n--- ${file}${again ? "" : ", not repeated"}`, transcript.slice(0, 4000),
    `differs: ${difference.name} ${difference.argv.map((arg) => JSON.stringify(arg.slice(0, 60))).join(" ")}`, `  ours   ${cut(difference.ours)}`, `  redis  ${cut(difference.theirs)}`].join("\n");
}

/** Prints what a run found; the exit code. */
export function report({ ran, checked, sequences, findings, answers, names, used: rows, version }, seconds) {
  console.log(`\n${ran} commands in ${sequences} sequences beside redis-server ${version}, ${checked} keys compared whole, ${Math.round(ran / seconds)} commands a second`);
  console.log(`their logs repeated: ${repeated.effects} effects, ${repeated.keys} keys as they were`);
  console.log(`${names.length} of the commands that both know; answered well / with an error:`);
  console.log(names.map((name) => `${name} ${answers.get(name)?.ok ?? 0}/${answers.get(name)?.error ?? 0}`).join(", "));
  console.log("free order and chance, rows used:");
  for (const row of FREE) console.log(`  ${String(rows.get(row) ?? 0).padStart(7)}  ${row.commands.join(" ")}: ${row.reason}`);
  console.log("intended differences:");
  for (const row of INTENDED) console.log(`  ${String(rows.get(row) ?? 0).padStart(7)}  ${row.commands.join(" ")}: ${row.reason}`);
  console.log(`${findings.size} unexplained differences`);
  return findings.size === 0 ? 0 : 1;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const option = (name, fallback) => {
    const at = process.argv.indexOf(`--${name}`);
    return at < 0 ? fallback : Number(process.argv[at + 1]);
  };
  const start = performance.now();
  const figures = await oracle({ commands: option("commands", 1_000_000), seed: option("seed", 1), length: option("length", 150), program: process.env.CACHELET_REDIS_SERVER });
  process.exit(report(figures, (performance.now() - start) / 1000));
}
