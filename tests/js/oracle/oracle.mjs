// Transcripts against servers.
//
//   node tests/js/oracle/oracle.mjs record [file...]             run a redis-server, fill in and renew replies
//   node tests/js/oracle/oracle.mjs check [file...]              run a redis-server, print differences
//   node tests/js/oracle/oracle.mjs check --port N [--host H] [file...]   hold a server of ours to the same files
//
// Without files: every transcript. `--only TEXT` takes the sections whose title holds it.

import { readFile, readdir, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { allMatch, escape, matches, rewritable } from "./frames.mjs";
import { shortestReply } from "./doubles.mjs";
import { Player } from "./player.mjs";
import { startRedis } from "./server.mjs";
import { parse } from "./transcript.mjs";

const FOLDER = new URL("../../transcripts/", import.meta.url);

/** Replies whose order means nothing, by command name: what a new line of a recording is marked with. */
const UNORDERED = {
  SMEMBERS: "set", SINTER: "set", SUNION: "set", SDIFF: "set", HKEYS: "set", HVALS: "set", HGETALL: "pairs",
  KEYS: "set", SCAN: "scan", SSCAN: "scan", HSCAN: "scanpairs", ZSCAN: "scanpairs",
};

/** Every transcript of the project. */
export async function transcripts() {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".transcript")).sort();
  return names.map((name) => fileURLToPath(new URL(name, FOLDER)));
}

/** Runs a transcript against a server; `oracle` says that it is Redis 7.0, whose known divergences are rows in the
 *  file. Returns { sections, steps, differences: [{ file, line, section, sent, expected, got }] }. */
export async function check(file, { port, host, oracle = false, only = "" }) {
  const { lines, sections } = parse(await readFile(file, "utf8"), file);
  const player = new Player(port, host);
  const differences = [];
  let steps = 0;
  let played = 0;
  for (const section of sections) {
    if ((oracle ? section.ours : section.later) || !section.title.includes(only)) continue;
    played++;
    await player.play(section, (step, frames) => {
      steps++;
      const names = new Set([...frames.keys(), ...step.replies.map((reply) => reply.who)]);
      for (const who of names) {
        const wanted = step.replies.filter((reply) => reply.who === who)
          .map((reply) => (oracle && reply.oracle ? reply.oracle : reply)).filter((reply) => reply.want !== "(nothing)");
        const came = frames.get(who) ?? [];
        if (allMatch(wanted, came)) continue;
        differences.push({
          file: basename(file), line: step.at + 1, section: section.title, sent: lines[step.at],
          expected: wanted.map((line) => `${who}< ${line.rule && `~${line.rule} `}${line.want}`),
          got: came.map((frame) => `${who}< ${frame ? escape(frame.text) : "(closed)"}`),
        });
      }
    });
  }
  await player.close();
  return { sections: played, steps, differences };
}

/** Runs the sending side against the oracle and renews the replies that do not match; the new text of the file. */
export async function record(file, { port, only = "" }) {
  const { lines, sections, reasons } = parse(await readFile(file, "utf8"), file);
  const player = new Player(port);
  const drop = new Set();
  const after = new Map();
  for (const section of sections) {
    if (section.ours || !section.title.includes(only)) continue;
    await player.play(section, (step, frames) => {
      const fresh = [];
      // The sender's frames stand first, then the others in the order in which they were opened.
      const names = [...frames.keys()].sort((a, b) => Number(b === step.who) - Number(a === step.who));
      for (const who of names) {
        const old = step.replies.filter((reply) => reply.who === who);
        const came = frames.get(who);
        if (old.some((reply) => reply.rule === "shuffled" && reply.want !== "") && allMatch(old, came)) {
          fresh.push(...old.map((reply) => lines[reply.at]));
          continue;
        }
        for (let i = 0; i < Math.max(old.length, came.length); i++) {
          fresh.push(...renew(step, who, old[i], came[i], lines, reasons));
        }
      }
      for (const reply of step.replies) {
        drop.add(reply.at);
        if (reply.oracle) drop.add(reply.oracle.at);
        if (frames.has(reply.who)) continue;
        if (reply.rule && !reply.oracle) {
          console.error(`no answer: ${lines[step.at]}`);
          fresh.push(lines[reply.at]);
        }
        if (reply.oracle) fresh.push(lines[reply.at], `  7.0 (${reply.oracle.reason}) (nothing)`);
      }
      after.set(step.at, fresh);
    });
  }
  await player.close();
  return lines.flatMap((line, at) => (drop.has(at) ? [] : [line, ...(after.get(at) ?? [])])).join("\n");
}

function renew(step, who, old, frame, lines, reasons) {
  if (frame === undefined) {
    if (old.oracle) return [lines[old.at], `  7.0 (${old.oracle.reason}) (nothing)`];
    if (old.rule) console.error(`no answer: ${lines[step.at]}`);
    return old.rule ? [lines[old.at]] : [];
  }
  const text = frame === null ? "(closed)" : escape(frame.text);
  if (old?.oracle) {
    const row = old.oracle;
    if (matches(row.rule, row.want, frame)) return [lines[old.at], lines[row.at]];
    return [lines[old.at], `  7.0 (${row.reason}) ${row.rule && `~${row.rule} `}${text}`];
  }
  if (old && old.want !== "" && old.rule !== "shuffled" && matches(old.rule, old.want, frame)) return [lines[old.at]];
  if (old?.rule) {
    if (old.rule === "pattern" || old.rule === "int") console.error(`does not match: ${lines[old.at]}\n            got: ${text}`);
    return [rewritable(old.rule) || old.want === "" ? `${who}< ~${old.rule} ${text}` : lines[old.at]];
  }
  const verb = step.argv?.[0]?.toUpperCase() ?? "";
  if (reasons.has("shortest") && /^B?Z/.test(verb) && frame) {
    const ours = escape(shortestReply(frame));
    if (ours !== text) return [`${who}< ${ours}`, `  7.0 (shortest) ${text}`];
  }
  const rule = UNORDERED[verb];
  const many = frame?.items?.length > (rule === "pairs" ? 2 : 1);
  return [`${who}< ${rule && many ? `~${rule} ` : ""}${text}`];
}

/** Prints differences for people. */
export function print(differences) {
  for (const { file, line, section, sent, expected, got } of differences) {
    console.log(`${file}:${line}: ${section}\n    ${sent}\n  expected ${expected.join("\n           ") || "nothing"}`
      + `\n  got      ${got.join("\n           ") || "nothing"}`);
  }
}

async function main() {
  const { values, positionals: [verb, ...files] } = parseArgs({
    allowPositionals: true,
    options: { port: { type: "string" }, host: { type: "string" }, only: { type: "string" }, redis: { type: "string" } },
  });
  if (verb !== "record" && verb !== "check") throw new Error("record or check?");
  const list = files.length > 0 ? files : await transcripts();
  const server = values.port ? null : await startRedis(values.redis);
  let failures = 0;
  try {
    const port = Number(values.port ?? server.port);
    for (const file of list) {
      if (verb === "record") {
        const text = await record(file, { port, only: values.only });
        await writeFile(file, text);
        console.log(`${basename(file)} recorded`);
        continue;
      }
      const { sections, steps, differences } = await check(file, { port, host: values.host, oracle: !!server, only: values.only });
      print(differences);
      failures += differences.length;
      console.log(`${basename(file)}: ${sections} sections, ${steps} steps, ${differences.length} differences`);
    }
  } finally {
    await server?.stop();
  }
  process.exitCode = failures > 0 ? 1 : 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
