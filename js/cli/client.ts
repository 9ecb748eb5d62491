// `cachelet cli`: a small redis-cli for those who have none.
import { createInterface } from "node:readline";
import { UsageError } from "./options.js";
import { print, printRaw } from "./print.js";
import { prompt } from "./prompt.js";
import { splitLine } from "./split.js";
import { Wire } from "./wire.js";

const HELP = `cachelet cli [options] [command]...

  -h host, -p port      where the server is; 127.0.0.1, 6380
  -u redis://...        the same as an address, with user, password and database
  -a password           authenticates; better in the environment, as REDISCLI_AUTH
  --user name           together with -a
  -n database           selects a database
  -3, -2                speaks RESP3, or RESP2
  --raw, --no-raw       prints plain text (the default when not on a terminal), or for people
  -x                    takes the last argument from standard input
  -r times, -i seconds  runs the command so many times, with a pause between
  -e                    exits with 1 when a reply is an error
  --pipe                sends standard input as it is (RESP or a command on each line) and counts the replies

Without a command it reads commands from standard input: with a prompt on a terminal, else line by line.
`;

/** What the client was asked for. */
export interface ClientOptions {
  host: string;
  port: number;
  user: string;
  password: string;
  db: number;
  protocol: 0 | 2 | 3;
  raw: boolean;
  fromInput: boolean;
  times: number;
  pause: number;
  strict: boolean;
  pipe: boolean;
  command: string[];
}

/** Runs the client; resolves with its exit code. */
export async function clientCommand(args: readonly string[]): Promise<number> {
  try {
    const options = read(args);
    if (options === "help") {
      process.stdout.write(HELP);
      return 0;
    }
    if (options.pipe) return await pipe(options);
    if (options.command.length > 0) return await once(options);
    return process.stdin.isTTY ? await prompt(options) : await lines(options);
  } catch (error) {
    const { code, message } = error as Error & { code?: string };
    process.stderr.write(code === "ECONNREFUSED" ? `cachelet: nobody listens there; start a server with: cachelet serve\n` : `cachelet: ${message}\n`);
    return 1;
  }
}

/** What holds where nothing is said. */
export function standard(): ClientOptions {
  return {
    host: "127.0.0.1",
    port: 6380,
    user: "",
    password: process.env["REDISCLI_AUTH"] ?? "",
    db: 0,
    protocol: 0,
    raw: !process.stdout.isTTY,
    fromInput: false,
    times: 1,
    pause: 0,
    strict: false,
    pipe: false,
    command: [],
  };
}

function numeric(option: string, text: string, most: number): number {
  return /^\d+(\.\d+)?$/.test(text) && Number(text) <= most ? Number(text) : usage(`${option} takes a number up to ${most}`);
}

/** Takes an option that says where a server is and who asks; false if it is another. */
export function connecting(option: string, value: () => string, options: ClientOptions): boolean {
  switch (option) {
    case "-h": case "--host": options.host = value(); return true;
    case "-p": case "--port": options.port = numeric(option, value(), 65535); return true;
    case "-a": case "--pass": options.password = value(); return true;
    case "--user": options.user = value(); return true;
    case "-u": address(value(), options); return true;
    default: return false;
  }
}

function read(args: readonly string[]): ClientOptions | "help" {
  const options = standard();
  for (let at = 0; at < args.length; at++) {
    const option = args[at]!;
    const value = () => args[++at] ?? usage(`${option} takes a value`);
    const number = (most: number) => numeric(option, value(), most);
    switch (option) {
      case "-n": options.db = number(65535); break;
      case "-2": options.protocol = 2; break;
      case "-3": options.protocol = 3; break;
      case "--raw": options.raw = true; break;
      case "--no-raw": options.raw = false; break;
      case "-x": options.fromInput = true; break;
      case "-r": options.times = number(Number.MAX_SAFE_INTEGER); break;
      case "-i": options.pause = number(86400); break;
      case "-e": options.strict = true; break;
      case "--pipe": options.pipe = true; break;
      case "--help": return "help";
      default:
        if (connecting(option, value, options)) break;
        if (option.startsWith("-") && option.length > 1) usage(`there is no option ${option}; see cachelet cli --help`);
        options.command = args.slice(at);
        return options;
    }
  }
  return options;
}

/** Says what is wrong with a command line. */
export function usage(text: string): never {
  throw new UsageError(text);
}

function address(text: string, options: ClientOptions): void {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    usage(`'${text}' is not an address like redis://user:password@host:port/database`);
  }
  if (url.protocol !== "redis:") usage("only redis:// addresses are understood");
  options.host = url.hostname.replace(/^\[(.*)\]$/, "$1") || options.host;
  if (url.port) options.port = Number(url.port);
  options.user = decodeURIComponent(url.username);
  if (url.password) options.password = decodeURIComponent(url.password);
  if (/^\/\d+$/.test(url.pathname)) options.db = Number(url.pathname.slice(1));
}

/** Connects, authenticates and selects as the options say. */
export async function open(options: ClientOptions): Promise<Wire> {
  const wire = await Wire.connect(options.host, options.port);
  const login: string[][] = [];
  if (options.password) login.push(options.user ? ["AUTH", options.user, options.password] : ["AUTH", options.password]);
  if (options.protocol) login.push(["HELLO", String(options.protocol)]);
  if (options.db) login.push(["SELECT", String(options.db)]);
  for (const command of login) {
    const reply = await wire.call(command);
    if (reply.type === "error") process.stderr.write(`${command[0]} failed: ${print(reply)}\n`);
  }
  return wire;
}

/** Commands after which a connection only listens. */
export const LISTENING = /^[ps]?subscribe$|^monitor$/i;

/** Prints a line. */
export type Show = (line: string | Uint8Array) => void;

/** Runs one command and prints its reply; false when that is an error. After SUBSCRIBE it prints what comes, until `ended`. */
export async function perform(wire: Wire, args: readonly (string | Uint8Array)[], show: Show, raw: boolean, ended: Promise<unknown>): Promise<boolean> {
  const out = raw ? printRaw : print;
  wire.onPush = (push) => show(out(push));
  if (LISTENING.test(String(args[0])) && typeof args[0] === "string") {
    wire.send(args);
    if (!raw) show("Reading messages... (press Ctrl-C to quit)");
    await Promise.race([ended, wire.listen((message) => show(out(message)))]);
    return true;
  }
  const reply = await wire.call(args);
  show(out(reply));
  return reply.type !== "error";
}

/** Prints a line to standard output. */
export const show: Show = (line) => {
  process.stdout.write(line);
  process.stdout.write("\n");
};

async function once(options: ClientOptions): Promise<number> {
  const wire = await open(options);
  const args: (string | Uint8Array)[] = [...options.command];
  if (options.fromInput) args.push(await input());
  const interrupted = new Promise((done) => process.once("SIGINT", done));
  let good = true;
  for (let turn = 0; turn < options.times; turn++) {
    if (turn > 0 && options.pause > 0) await new Promise((wake) => setTimeout(wake, options.pause * 1000));
    good = (await perform(wire, args, show, options.raw, interrupted)) && good;
  }
  wire.close();
  return good || !options.strict ? 0 : 1;
}

async function input(): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for await (const part of process.stdin as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts);
}

/** A command on each line of standard input. */
async function lines(options: ClientOptions): Promise<number> {
  const wire = await open(options);
  const interrupted = new Promise((done) => process.once("SIGINT", done));
  let good = true;
  for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const args = splitLine(line);
    if (args === undefined) {
      show("Invalid argument(s)");
      good = false;
    } else if (args.length > 0) {
      good = (await perform(wire, named(args), show, options.raw, interrupted)) && good;
    }
  }
  wire.close();
  return good || !options.strict ? 0 : 1;
}

const decoder = new TextDecoder();

/** The arguments of a line, with the command's name as text. */
export function named(args: readonly Uint8Array[]): (string | Uint8Array)[] {
  return [decoder.decode(args[0]), ...args.slice(1)];
}

/** Sends standard input as it is; an ECHO behind it tells when the server has answered all of it. */
async function pipe(options: ClientOptions): Promise<number> {
  const first = await open(options);
  const mark = `cachelet-cli-${process.pid}-${Date.now()}`;
  let replies = 0;
  let errors = 0;
  const ended = first.listen((reply) => {
    if (reply.type === "string" && decoder.decode(reply.text) === mark) first.close();
    else replies++;
    if (reply.type === "error") {
      errors++;
      show(printRaw(reply));
    }
  });
  for await (const part of process.stdin as AsyncIterable<Buffer>) await first.sendRaw(part);
  await first.sendRaw(Buffer.from(`*2\r\n$4\r\nECHO\r\n$${mark.length}\r\n${mark}\r\n`));
  await ended;
  show(`errors: ${errors}, replies: ${replies}`);
  return errors > 0 ? 1 : 0;
}

