// Compares what two servers answered to the same command: by bytes first, by the table of differences where those differ.

import { FREE, INTENDED } from "./differences.mjs";
import { shortestReply } from "./doubles.mjs";

const byCommand = new Map();
for (const row of [...FREE, ...INTENDED]) for (const name of row.commands) byCommand.set(name, [...(byCommand.get(name) ?? []), row]);

/** How often each row of the tables was needed. */
export const used = new Map();

const groups = (items, width) => {
  const out = [];
  for (let i = 0; i < items.length; i += width) out.push(items.slice(i, i + width).map(shortestReply).join(""));
  return out.sort().join("");
};
const isAlike = (a, b) => a.type === b.type && (a.items === undefined) === (b.items === undefined);
const COMPACT = new Set(["listpack", "quicklist", "hashtable"]);

const RULES = {
  set: (a, b) => isAlike(a, b) && a.items !== undefined && groups(a.items, 1) === groups(b.items, 1),
  pairs: (a, b) => isAlike(a, b) && a.items !== undefined && groups(a.items, 2) === groups(b.items, 2),
  scan: (a, b) => sameScan(a, b, 1),
  scanpairs: (a, b) => sameScan(a, b, 2),
  shape: (a, b) => isAlike(a, b) && a.type !== "-" && (a.items ? a.items.length === b.items.length : (a.body === null) === (b.body === null)),
  pmessage: (a, b) => a.items?.[0].body === "pmessage" && b.items?.[0].body === "pmessage" && a.items.at(-1).text === b.items.at(-1).text,
  type: (a, b) => a.type === b.type && a.type !== "-",
  near: (a, b) => a.type === ":" && b.type === ":" && Math.abs(Number(a.head) - Number(b.head)) <= 3000 && Number(a.head) < 0 === Number(b.head) < 0,
  count: (a, b) => a.type === ":" && b.type === ":" && Math.abs(Number(a.head) - Number(b.head)) <= 2,
  groups: (a, b) => withoutCounts(a) === withoutCounts(b),
  encoding: (a, b) => COMPACT.has(a.body) && COMPACT.has(b.body),
};

const withoutCounts = (frame) => frame.text.replace(/(\r\n(?:lag|consumers|entries-read)\r\n)(?::-?\d+|\$-1|_)/g, "$1");

function sameScan(a, b, width) {
  if (!isAlike(a, b) || a.items?.length !== 2 || b.items.length !== 2) return false;
  if (a.items[0].body !== "0" || b.items[0].body !== "0") return true;
  return groups(a.items[1].items, width) === groups(b.items[1].items, width);
}

/** Two servers went apart as a row says they may: what follows in a sequence cannot be compared. */
export class Parted {}

/** Whether `ours` and `theirs` (frames, null for none) are the same answer to `name`; `queued` are the commands that EXEC ran.
 *  Throws {@link Parted} where a row of the table says that they hold different data from here on. */
export function same(ours, theirs, name, argv = [], queued = []) {
  if (ours?.text === theirs?.text) return true;
  if (ours && theirs && shortestReply(ours) === shortestReply(theirs)) return true;
  if (name === "exec" && ours?.items && theirs?.items && ours.items.length === theirs.items.length) {
    return ours.items.every((item, i) => same(item, theirs.items[i], queued[i]?.name, queued[i]?.argv));
  }
  return explained(byCommand.get(name)?.find((row) => (row.when?.(argv) ?? true) && fits(row, ours, theirs)));
}

/** Whether a row explains these frames. */
function fits(row, ours, theirs) {
  if (row.rule) return ours !== null && theirs !== null && RULES[row.rule](ours, theirs);
  const looksLike = (pattern, frame) => (pattern === null || frame === null ? pattern === frame : pattern.test(frame.text));
  return looksLike(row.ours, ours) && looksLike(row.theirs, theirs);
}

/** Counts a row that explains a difference. */
function explained(row) {
  if (!row) return false;
  used.set(row, (used.get(row) ?? 0) + 1);
  if (row.parts) throw new Parted();
  return true;
}
