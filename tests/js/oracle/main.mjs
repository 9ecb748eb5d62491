// `npm run oracle`: generated commands on Cachelet and on a real redis-server, compared reply by reply and key by key.
//
//   npm run oracle -- --commands 1000000 --seed 7 --length 150
//
// Each sequence has a seed of its own, printed when it fails; it is shrunk before it is shown, in the form of a transcript.

import { openSync } from "../../../dist/platform/node.js";
import { Parted, used } from "./compare.mjs";
import { FREE, INTENDED, LEFT_OUT } from "./differences.mjs";
import { escape } from "./frames.mjs";
import { Generator } from "./generate.mjs";
import { Difference, Lockstep, nextSteps } from "./lockstep.mjs";
import { startRedis } from "./server.mjs";
import { encode, Ours, Theirs } from "./sides.mjs";
import { frameAt } from "./frames.mjs";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where failing sequences go, as transcripts. */
const FOUND = fileURLToPath(new URL("../../../target/oracle", import.meta.url));

/** Small thresholds, so that encodings change within a sequence; 7.0 knows them all. */
const THRESHOLDS = { "hash-max-listpack-entries": "8", "hash-max-listpack-value": "40", "zset-max-listpack-entries": "8", "zset-max-listpack-value": "40", "set-max-intset-entries": "6", "list-max-listpack-size": "5", "stream-node-max-entries": "4", "hll-sparse-max-bytes": "40" };

/** Runs about `commands` commands from `seed` on; the figures. `say` gets one line a finding. */
export async function oracle({ commands, seed, length = 150, program, say = console.log, stopAfter = 40 }) {
  const redis = await startRedis(program);
  const db = openSync();
  const theirs = new Theirs(redis.port);
  const lockstep = new Lockstep(new Ours(db), theirs);
  const findings = new Map();
  let sequences = 0;
  try {
    const known = await shared(theirs);
    const names = [...known.keys()];
    await lockstep.begin(2);
    const generator = new Generator(seed, known);
    while (lockstep.ran < commands && findings.size < stopAfter) {
      const own = (seed + Math.imul(sequences, 0x9e3779b1)) >>> 0;
      const failed = await sequence(lockstep, own, length, generator);
      sequences++;
      if (!failed) continue;
      const kind = `${failed.difference.name}: ${String(failed.difference.ours).slice(0, 24)} / ${String(failed.difference.theirs).slice(0, 24)}`;
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
  const all = JSON.parse(readFileSync(new URL("../../../js/generated/commands.json", import.meta.url), "utf8"))
    .map(({ name }) => name)
    .filter((name) => !LEFT_OUT.some(({ match }) => match.test(name)));
  const known = [];
  for (const name of all) {
    theirs.send(0, encode(["COMMAND", "INFO", name]));
    await theirs.until(() => theirs.frames(0).length > 0);
    if (!frameAt(theirs.frames(0).pop()).items[0].items) continue;
    theirs.send(0, encode(["COMMAND", "DOCS", ...name.split("|", 1)]));
    await theirs.until(() => theirs.frames(0).length > 0);
    known.push([name, tokensOf(theirs.frames(0).pop(), name)]);
  }
  return new Map(known);
}

/** Every word that the server's documentation of a command has as a token: options of later versions are not among them. */
function tokensOf(docs, name) {
  const own = name.includes("|") ? docs.slice(docs.indexOf(`\r\n${name}\r\n`)) : docs;
  return new Set([...own.matchAll(/token\r\n\$\d+\r\n([^\r]*)\r\n/g)].map((found) => found[1].toUpperCase()));
}

async function prepare(lockstep, thresholds, resp) {
  await lockstep.begin(resp);
  const set = Object.entries(THRESHOLDS).flatMap(([name, value], i) => [name, thresholds ? value : ["512", "64", "128", "64", "512", "-2", "100", "3000"][i]]);
  await lockstep.both(3, "config", ["CONFIG", "SET", ...set]);
  await lockstep.flush();
}

/** One sequence; what failed, or null. */
async function sequence(lockstep, seed, length, generator) {
  const resp = seed & 1 ? 3 : 2;
  const thresholds = (seed & 6) !== 0;
  generator.chance = new generator.chance.constructor(seed);
  const steps = [];
  try {
    await prepare(lockstep, thresholds, resp);
    while (steps.length < length) {
      const next = nextSteps(generator, lockstep);
      if (!next) break;
      for (const step of next) {
        steps.push(step);
        await lockstep.step(step);
      }
    }
    const payloads = await lockstep.end();
    if (generator.payloads.length < 200) generator.payloads.push(...payloads.filter((bytes) => bytes.length < 300));
    return null;
  } catch (difference) {
    if (difference instanceof Parted) return null;
    if (!(difference instanceof Difference)) throw difference;
    return { difference, steps, resp, thresholds };
  }
}

/** Runs `steps` again; the difference or null. */
async function replay(lockstep, { resp, thresholds }, steps) {
  const before = lockstep.ran;
  try {
    await prepare(lockstep, thresholds, resp);
    for (const step of steps) await lockstep.step(step);
    await lockstep.end();
    return null;
  } catch (difference) {
    if (difference instanceof Parted) return null;
    if (!(difference instanceof Difference)) throw difference;
    return difference;
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
  const cut = (reply) => (reply === null ? "(nothing)" : escape(reply).slice(0, 600));
  const limits = failed.thresholds ? [`> CONFIG SET ${Object.entries(THRESHOLDS).flat().join(" ")}`] : [];
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
