// The prompt of `cachelet cli`: history that is kept, names that are completed, the state of the connection in front.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ClientOptions, LISTENING, named, open, perform, show } from "./client.js";
import type { Node } from "./print.js";
import { splitLine } from "./split.js";
import type { Wire } from "./wire.js";

const HISTORY = 1000;

/** Lines that hold a secret are not kept. */
const SECRET = /\bauth\b|requirepass|masterauth|\bacl\s+setuser\b/i;

/** Reads commands from the terminal until its end. */
export async function prompt(options: ClientOptions): Promise<number> {
  let wire = await open(options);
  const state = { db: options.db, transaction: false };
  const file = join(homedir(), ".cachelet_history");
  const history = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter(Boolean).slice(-HISTORY) : [];
  const names = await commandNames(wire);
  const terminal = createInterface({
    input: process.stdin,
    output: process.stdout,
    history: [...history].reverse(),
    historySize: HISTORY,
    removeHistoryDuplicates: true,
    completer: (line: string) => [line.includes(" ") ? [] : names.filter((name) => name.startsWith(line.toUpperCase())), line],
  });
  let interrupt = () => {};
  terminal.on("SIGINT", () => interrupt());

  const ask = () =>
    new Promise<string | undefined>((done) => {
      const where = wire.ended ? "not connected" : `${options.host}:${options.port}`;
      interrupt = () => done(undefined);
      terminal.once("close", () => done(undefined));
      terminal.question(`${where}${state.db ? `[${state.db}]` : ""}${state.transaction ? "(TX)" : ""}> `, done);
    });

  for (let line = await ask(); line !== undefined; line = await ask()) {
    const args = splitLine(line);
    if (args === undefined) {
      show("Invalid argument(s)");
      continue;
    }
    if (args.length === 0) continue;
    if (!SECRET.test(line)) history.push(line);
    const command = named(args);
    const name = String(command[0]).toLowerCase();
    if (name === "quit" || name === "exit") break;
    if (name === "clear") {
      process.stdout.write("\x1b[H\x1b[2J");
      continue;
    }
    try {
      if (wire.ended) {
        wire = await open({ ...options, db: state.db });
        state.transaction = false;
      }
      const interrupted = new Promise<void>((done) => (interrupt = done));
      const good = await perform(wire, command, show, options.raw, interrupted);
      follow(state, name, command, good);
      // A connection that listened takes no other commands: the next has one of its own.
      if (LISTENING.test(name)) wire.close();
    } catch (error) {
      show(`Error: ${(error as Error).message}`);
    }
  }
  terminal.close();
  wire.close();
  try {
    writeFileSync(file, `${history.slice(-HISTORY).join("\n")}\n`, { mode: 0o600 });
  } catch {
    // A home that cannot be written to has no history.
  }
  return 0;
}

/** What a command changed about the connection, as far as the prompt shows it. */
function follow(state: { db: number; transaction: boolean }, name: string, args: readonly (string | Uint8Array)[], good: boolean): void {
  if (name === "exec" || name === "discard" || name === "reset") state.transaction = false;
  if (name === "reset") state.db = 0;
  if (!good) return;
  if (name === "multi") state.transaction = true;
  if (name === "select" && !state.transaction) state.db = Number(new TextDecoder().decode(args[1] as Uint8Array));
}

async function commandNames(wire: Wire): Promise<string[]> {
  const decoder = new TextDecoder();
  const reply = await wire.call(["COMMAND", "LIST"]);
  const items: Node[] = reply.type === "array" || reply.type === "set" ? reply.items : [];
  return items.flatMap((item) => (item.type === "string" || item.type === "status" ? [decoder.decode(item.text).toUpperCase()] : [])).sort();
}
