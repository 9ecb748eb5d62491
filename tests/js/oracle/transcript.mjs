// The transcript format: read, and written back with what a server answered. tests/transcripts/README.md describes it.

import { unescape } from "./frames.mjs";

/** Reads a transcript: { lines, sections, reasons }. Every section and step remembers its lines, so that a
 *  recording changes nothing but replies. */
export function parse(text, file = "transcript") {
  const lines = text.split("\n");
  const reasons = new Map();
  const sections = [];
  let section = null;
  let step = null;
  lines.forEach((line, at) => {
    const fail = (why) => { throw new Error(`${file}:${at + 1}: ${why}: ${line}`); };
    if (line.trim() === "" || line.startsWith("#")) return;
    let found;
    if ((found = /^reason (\S+) = (.+)$/.exec(line))) return void reasons.set(found[1], found[2]);
    if ((found = /^== (.+)$/.exec(line))) {
      sections.push((section = { title: found[1], at, steps: [], resp: 2 }));
      step = null;
      return;
    }
    if (!section) fail("before the first section");
    if ((found = /^@resp ([23])$/.exec(line))) return void (section.resp = Number(found[1]));
    if ((found = /^@(ours|later) (\S+)$/.exec(line))) {
      if (!reasons.has(found[2])) fail("no such reason");
      return void (section[found[1]] = found[2]);
    }
    if ((found = /^  7\.0 \((\S+)\)(?: (?:~([a-z]+) ?)?(.*))?$/.exec(line))) {
      const reply = step?.replies.at(-1);
      if (!reply) fail("no reply before this row");
      if (!reasons.has(found[1])) fail("no such reason");
      reply.oracle = { at, reason: found[1], rule: found[2] ?? "", want: found[3] ?? "" };
      return;
    }
    if ((found = /^\+ (\d+) ms$/.exec(line))) step = { kind: "clock", ms: Number(found[1]) };
    else if ((found = /^(\w*): (open|close)$/.exec(line))) step = { kind: found[2], who: found[1] };
    else if ((found = /^(\w*)>> (.+)$/.exec(line))) step = { kind: "send", who: found[1], raw: words(found[2], fail).join("") };
    else if ((found = /^(\w*)> (.*)$/.exec(line))) {
      step = { kind: "send", who: found[1], argv: words(found[2], fail) };
    } else if ((found = /^(\w*)<(?: ~([a-z]+))? ?(.*)$/.exec(line))) {
      if (!step) fail("a reply to nothing");
      step.replies.push({ at, who: found[1], rule: found[2] ?? "", want: found[3] });
      return;
    } else fail("not understood");
    Object.assign(step, { at, replies: [] });
    section.steps.push(step);
  });
  return { lines, sections, reasons };
}

/** The bytes of a sending step; $(NAME) stands for what a `~save NAME` line kept. */
export function bytesOf(step, saved) {
  if (step.raw !== undefined) return step.raw;
  return encode(step.argv.map((word) => word.replace(/\$\((\w+)\)/g, (whole, name) => saved.get(name) ?? whole)));
}

/** A request as clients send it. */
export function encode(argv) {
  return `*${argv.length}\r\n` + argv.map((arg) => `$${arg.length}\r\n${arg}\r\n`).join("");
}

/** Splits an argument line: bare words, "quoted" with redis-cli's escapes, 'quoted', "x"*1000 for repetition,
 *  and @each(1..3 m% v%) for m1 v1 m2 v2 m3 v3. Everything is latin1. */
export function words(line, fail = (why) => { throw new Error(why); }) {
  const bytes = Buffer.from(line, "utf8").toString("latin1");
  const out = [];
  const pattern = /\s*(?:@each\((-?\d+)\.\.(-?\d+) ([^)]*)\)|"((?:[^"\\]|\\.)*)"(?:\*(\d+))?|'((?:[^'\\]|\\.)*)'|(\S+))(?=\s|$)/y;
  while (pattern.lastIndex < bytes.trimEnd().length) {
    const found = pattern.exec(bytes);
    if (!found) fail("unbalanced quotes");
    const [, from, to, template, double, times, single, bare] = found;
    if (template !== undefined) {
      const each = template.trim().split(/\s+/);
      for (let i = Number(from); i <= Number(to); i++) for (const word of each) out.push(word.replaceAll("%", i));
    } else if (double !== undefined) out.push(unescape(double).repeat(Number(times ?? 1)));
    else out.push(single !== undefined ? single.replace(/\\'/g, "'") : bare);
  }
  return out;
}
