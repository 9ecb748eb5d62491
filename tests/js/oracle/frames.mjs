// RESP2/RESP3 frames as bytes: where one ends, what it holds, and how it is written down in a transcript.
// Nothing is decoded to JavaScript values: two servers agree when their bytes agree.

const AGGREGATES = { "*": 1, "~": 1, ">": 1, "%": 2, "|": 2 };
const BLOBS = "$=!";

/** Parses the frame at `at` in `bytes` (a latin1 string); null when it is not complete yet.
 *  A frame is { type, head, text, items?, body?, end }: `text` is its whole wire form, `end` where the next starts. */
export function frameAt(bytes, at = 0) {
  const type = bytes[at];
  const eol = bytes.indexOf("\r\n", at);
  if (type === undefined || eol < 0) return null;
  const head = bytes.slice(at + 1, eol);
  let end = eol + 2;
  if (BLOBS.includes(type)) {
    const length = Number(head);
    if (length < 0) return { type, head, body: null, text: bytes.slice(at, end), end };
    if (bytes.length < end + length + 2) return null;
    const body = bytes.slice(end, end + length);
    end += length + 2;
    return { type, head, body, text: bytes.slice(at, end), end };
  }
  const width = AGGREGATES[type];
  if (width === undefined) {
    if (!"+-:_#,(".includes(type)) throw new Error(`not a reply: ${escape(bytes.slice(at, at + 40))}`);
    return { type, head, body: head, text: bytes.slice(at, end), end };
  }
  const items = [];
  for (let count = Number(head) * width; count > 0; count--) {
    const item = frameAt(bytes, end);
    if (!item) return null;
    items.push(item);
    end = item.end;
  }
  return { type, head, items, text: bytes.slice(at, end), end };
}

/** Cuts frames out of bytes (latin1) that arrive in pieces. */
export class FrameReader {
  #rest = "";

  /** The frames that are whole with these bytes. */
  read(text) {
    const bytes = this.#rest + text;
    const frames = [];
    let at = 0;
    for (let frame; (frame = frameAt(bytes, at)); at = frame.end) frames.push(frame);
    this.#rest = bytes.slice(at);
    return frames;
  }
}

/** Writes latin1 bytes so that one line of a transcript holds them. */
export function escape(bytes) {
  return bytes.replace(/[\\\r\n\t]|[^\x20-\x7e]/g, (c) =>
    c === "\\" ? "\\\\" : c === "\r" ? "\\r" : c === "\n" ? "\\n" : c === "\t" ? "\\t"
      : "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
}

/** The bytes (latin1) that `text` stands for; the escapes are those of redis-cli. */
export function unescape(text) {
  return text.replace(/\\(x[0-9a-fA-F]{2}|.)/g, (_, c) =>
    c.length === 3 ? String.fromCharCode(parseInt(c.slice(1), 16))
      : { r: "\r", n: "\n", t: "\t", a: "\x07", b: "\b" }[c] ?? c);
}

/** How an expected line compares: each rule gets the expected text and the frame that came. */
const RULES = {
  set: (want, frame) => sameSet(want, frame, 1),
  pairs: (want, frame) => sameSet(want, frame, 2),
  scan: (want, frame) => sameScan(want, frame, 1),
  scanpairs: (want, frame) => sameScan(want, frame, 2),
  deep: (want, frame) => canonical(frameAt(unescape(want))) === canonical(frame),
  any: () => true,
  save: (want, frame) => frame.type === ":" || frame.type === "$",
  type: (want, frame) => frame.type === want[0],
  error: (want, frame) => frame.type === "-" && frame.head.split(" ")[0] === unescape(want).slice(1).split(/[ \r]/)[0],
  int: (want, frame) => {
    const [low, high] = want.trim().split("..").map(Number);
    return frame.type === ":" && Number(frame.head) >= low && Number(frame.head) <= high;
  },
  pattern: (want, frame) => globToRegExp(want).test(frame.text),
};

/** Whether `frame` (or null for a closed connection) is what a line with `rule` and `want` asks for. */
export function matches(rule, want, frame) {
  if (want === "(closed)") return frame === null;
  if (frame === null) return false;
  if (!rule) return unescape(want) === frame.text;
  if (!RULES[rule]) throw new Error(`no such rule: ~${rule}`);
  return RULES[rule](want, frame);
}

/** Whether the frames that came on one connection are the ones `lines` ask for. Frames of `~shuffled` lines may come
 *  in any order among themselves. */
export function allMatch(lines, frames) {
  if (lines.length !== frames.length) return false;
  const loose = lines.flatMap((line, i) => (line.rule === "shuffled" ? [i] : []));
  const wanted = loose.map((i) => unescape(lines[i].want)).sort().join("");
  if (wanted !== loose.map((i) => frames[i]?.text).sort().join("")) return false;
  return lines.every((line, i) => line.rule === "shuffled" || matches(line.rule, line.want, frames[i]));
}

/** Whether re-recording may rewrite the text of such a line: hand-written ranges and patterns stay. */
export const rewritable = (rule) => !["any", "type", "int", "pattern", "save"].includes(rule);

function sameSet(want, frame, width) {
  const expected = frameAt(unescape(want));
  return expected?.items && frame.items && expected.type === frame.type
    && sorted(expected.items, widthOf(expected, width)) === sorted(frame.items, widthOf(frame, width));
}

function sameScan(want, frame, width) {
  const expected = frameAt(unescape(want));
  if (!expected?.items || !frame.items || frame.items.length !== 2) return false;
  const [a, b] = [expected.items, frame.items];
  return (a[0].body === "0") === (b[0].body === "0")
    && sorted(a[1].items, width) === sorted(b[1].items, width);
}

const widthOf = (frame, width) => (frame.type === "%" ? 2 : width);

function sorted(items, width) {
  const groups = [];
  for (let i = 0; i < items.length; i += width) {
    groups.push(items.slice(i, i + width).map((item) => item.text).join(""));
  }
  return groups.sort().join("");
}

function canonical(frame) {
  if (!frame?.items) return frame?.text;
  const parts = frame.items.map(canonical);
  const groups = frame.type === "%" ? parts.flatMap((part, i) => (i % 2 ? [] : [part + parts[i + 1]])) : parts;
  return frame.type + frame.head + "\r\n" + groups.sort().join("");
}

/** `*` any bytes, `?` one byte, a backslash escapes as in replies (so `\*` is a star). */
function globToRegExp(pattern) {
  let out = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "*") out += "[^]*";
    else if (c === "?") out += "[^]";
    else if (c === "\\") {
      const length = pattern[i + 1] === "x" ? 4 : 2;
      out += quote(unescape(pattern.slice(i, i + length)));
      i += length - 1;
    } else out += quote(c);
  }
  return new RegExp(`^${out}$`);
}

const quote = (text) => text.replace(/[^]/g, (c) => "\\x" + c.charCodeAt(0).toString(16).padStart(2, "0"));
