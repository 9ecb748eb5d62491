// A line typed by a person, split into arguments as redis-cli does: blanks part them, "..." knows escapes, '...' only
// its own quote. The engine does the same for inline requests; here it serves prompts, which need the words
// before anything is sent.

const encoder = new TextEncoder();

const ESCAPES: Record<string, number> = { n: 10, r: 13, t: 9, b: 8, a: 7 };

/** The arguments of a line, or `undefined` when its quotes do not balance. */
export function splitLine(line: string): Uint8Array[] | undefined {
  const args: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    while (at < line.length && /\s/.test(line[at]!)) at++;
    if (at >= line.length) return args;
    const bytes: number[] = [];
    let quote = "";
    for (;;) {
      if (at >= line.length) {
        if (quote) return undefined;
        break;
      }
      const char = String.fromCodePoint(line.codePointAt(at)!);
      if (!quote) {
        if (/\s/.test(char)) break;
        if (char === '"' || char === "'") quote = char;
        else bytes.push(...encoder.encode(char));
        at += char.length;
      } else if (char === quote) {
        at++;
        if (at < line.length && !/\s/.test(line[at]!)) return undefined;
        break;
      } else if (char === "\\" && quote === '"' && at + 1 < line.length) {
        const hex = /^x([0-9a-fA-F]{2})/.exec(line.slice(at + 1, at + 4));
        if (hex) {
          bytes.push(parseInt(hex[1]!, 16));
          at += 4;
        } else {
          const next = String.fromCodePoint(line.codePointAt(at + 1)!);
          const escape = ESCAPES[next];
          if (escape === undefined) bytes.push(...encoder.encode(next));
          else bytes.push(escape);
          at += 1 + next.length;
        }
      } else if (char === "\\" && quote === "'" && line[at + 1] === "'") {
        bytes.push(0x27);
        at += 2;
      } else {
        bytes.push(...encoder.encode(char));
        at += char.length;
      }
    }
    args.push(Uint8Array.from(bytes));
  }
}
