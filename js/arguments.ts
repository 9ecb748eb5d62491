// From the arguments of a method to the arguments on the wire: the types that the generated map of commands is
// written with, and the one encoder that reads its layouts.
import type { Arg } from "./resp.js";

export type { Arg } from "./resp.js";

/** A value or several: what repeats may be given one by one or as an array. */
export type Many = Arg | readonly Arg[];

/** An integer argument. */
export type Integer = number | bigint;

/** A floating point argument; text for what numbers cannot say, such as `(5` or `-inf`. */
export type Double = number | bigint | string;

/** An integer reply without bounds: a bigint beyond 2^53, so that no digit is lost. */
export type Int = number | bigint;

/** One of several words, in either case. */
export type Word<W extends string> = W | Lowercase<W>;

/** Where a stream is cut: exactly there, or with `~` where it costs least. */
export type Trim<T> = T | readonly [operator: "=" | "~", threshold: T];

/** At most one of these options. */
export type OneOf<T> = { [K in keyof T]: { [P in K]?: T[P] } & { [P in Exclude<keyof T, K>]?: undefined } }[keyof T];

/** One of these options. */
export type ExactlyOne<T> = { [K in keyof T]: { [P in K]: T[P] } & { [P in Exclude<keyof T, K>]?: undefined } }[keyof T];

/** What every command that may wait takes. */
export interface WaitOptions {
  /** Ends the wait: it leaves the queue in the engine, and the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

/** Whether it is sent as it is. */
function isValue(given: unknown): given is Arg {
  const type = typeof given;
  return type === "string" || type === "number" || type === "bigint" || given instanceof Uint8Array;
}

/** Whether it is an object of options, or of fields. */
export function isPlain(given: unknown): given is Record<string, unknown> {
  return typeof given === "object" && given !== null && !Array.isArray(given) && !(given instanceof Uint8Array);
}

/** What a layout is made of; js/scripts/generate.mjs writes it. */
const enum Kind {
  /** `.`: a value. */
  Value,
  /** `?`: a value that may be missing. */
  Maybe,
  /** `*`: the values that remain. */
  Rest,
  /** `@`: an array. */
  List,
  /** `#`: an array behind its length; `#a,b`: groups behind their number. */
  Counted,
  /** `:a,b`: groups, or a record from the first to the second. */
  Record,
  /** `;a,b`: groups, or one. */
  Groups,
  /** `%a,b`: groups, or a record, of which all firsts come before all seconds. */
  Columns,
  /** `=WORD`: a word. */
  Word,
  /** Here the options stand. */
  Options,
}

interface Part {
  kind: Kind;
  /** The word; the names in a group. */
  names: readonly string[];
}

/** An option: its word, and what follows it: nothing, one value, several, or the word again before each. */
interface Option {
  word: string;
  takes: "" | "-" | "*" | "+";
}

/** A command of the generated table: how its method's arguments become those on the wire. */
export class Command {
  /** Method name. */
  readonly method: string;
  /** The name on the wire; two words for a subcommand. */
  readonly words: readonly string[];
  /** Values given one after another are already in the order of the wire. */
  readonly isFlat: boolean;
  /** Its reply is not text: it comes as bytes from every client. */
  readonly isBinary: boolean;
  readonly #layout: string;
  #parts: readonly Part[] | undefined;
  #options: Map<string, Option> | undefined;
  /** How many arguments come before the options at the least. */
  #least = 0;

  /** @param line of the table: a name, and its layout */
  constructor(line: string) {
    const blank = line.indexOf(" ");
    this.isBinary = line[0] === "!";
    const name = line.slice(this.isBinary ? 1 : 0, blank < 0 ? undefined : blank);
    this.method = name.replace(/[|-]([a-z])/g, (_, letter: string) => letter.toUpperCase());
    this.words = name.toUpperCase().split("|");
    this.#layout = blank < 0 ? "" : line.slice(blank + 1);
    this.isFlat = !/[#=%]/.test(this.#layout);
  }

  #read(): readonly Part[] {
    const parts: Part[] = [];
    for (const text of this.#layout === "" ? [] : this.#layout.split(" ")) {
      const kind = ".?*@#:;%=".indexOf(text[0]!) as Kind;
      if (kind >= 0) {
        parts.push({ kind, names: text.slice(1).split(",") });
        if (kind !== Kind.Maybe && kind !== Kind.Rest && kind !== Kind.Word) this.#least++;
        continue;
      }
      const [, name, takes] = /^([a-z]+)(.*)$/.exec(text)!;
      if (!this.#options) {
        this.#options = new Map();
        parts.push({ kind: Kind.Options, names: [] });
      }
      this.#options.set(name!, { word: name!.toUpperCase(), takes: takes as Option["takes"] });
    }
    return (this.#parts = parts);
  }

  /** The arguments on the wire. Throws a TypeError for what cannot be sent; what is missing the engine complains of. */
  encode(args: readonly unknown[]): Arg[] {
    const wire: Arg[] = this.words.slice();
    if (this.isFlat && args.every(isValue)) {
      for (const arg of args) wire.push(arg);
      return wire;
    }
    const parts = this.#parts ?? this.#read();
    let end = args.length;
    while (end > this.#least && args[end - 1] === undefined) end--;
    let options: Record<string, unknown> | undefined;
    if (this.#options && end > this.#least && isPlain(args[end - 1])) options = args[--end] as Record<string, unknown>;
    let at = 0;
    for (const { kind, names } of parts) {
      if (kind === Kind.Options) {
        if (options) this.#put(wire, options);
      } else if (kind === Kind.Word) {
        wire.push(names[0]!);
      } else if (at < end) {
        const arg = args[at++];
        if (kind === Kind.Rest) {
          at--;
          while (at < end) this.#many(wire, args[at++]);
        } else if (kind === Kind.List) {
          this.#many(wire, arg);
        } else if (kind === Kind.Counted) {
          const counted = wire.push(0);
          if (names.length > 1) this.#groups(wire, names, arg, names[1] === "value");
          else this.#many(wire, arg);
          wire[counted - 1] = (wire.length - counted) / names.length;
        } else if (kind === Kind.Value || kind === Kind.Maybe || isValue(arg)) {
          // Groups one after another are values: what is left over below.
          wire.push(this.#value(arg));
          if (kind !== Kind.Value && kind !== Kind.Maybe) while (at < end) wire.push(this.#value(args[at++]));
        } else {
          const start = wire.length;
          this.#groups(wire, names, arg, kind !== Kind.Groups);
          if (kind === Kind.Columns) {
            const pairs = wire.splice(start);
            for (const column of [0, 1]) for (let i = column; i < pairs.length; i += 2) wire.push(pairs[i]!);
          }
        }
      }
    }
    while (at < end) wire.push(this.#value(args[at++]));
    return wire;
  }

  /** Options go to the wire in the order of the layout: in a few commands one refers to the one before. */
  #put(wire: Arg[], options: Record<string, unknown>): void {
    const known = this.#options!;
    let names = Object.keys(options);
    for (const name of names) {
      if (!known.has(name)) throw new TypeError(`${this.method} has no option ${name}; it has ${[...known.keys()].join(", ")}`);
    }
    if (names.length > 1) names = [...known.keys()].filter((name) => name in options);
    for (const name of names) {
      const option = known.get(name)!;
      const given = options[name];
      if (given === undefined || given === null || given === false) continue;
      if (option.takes === "+") {
        for (const one of Array.isArray(given) ? given : [given]) wire.push(option.word, this.#value(one));
        continue;
      }
      wire.push(option.word);
      if (option.takes === "-") wire.push(this.#value(given));
      else if (option.takes === "*") this.#many(wire, given);
    }
  }

  #many(wire: Arg[], given: unknown): void {
    if (Array.isArray(given)) for (const one of given) wire.push(this.#value(one));
    else wire.push(this.#value(given));
  }

  #groups(wire: Arg[], names: readonly string[], given: unknown, isRecord: boolean): void {
    if (Array.isArray(given)) {
      for (const one of given) this.#group(wire, names, one);
    } else if (isRecord && isPlain(given)) {
      for (const name of Object.keys(given)) wire.push(name, this.#value(given[name]));
    } else {
      this.#group(wire, names, given);
    }
  }

  #group(wire: Arg[], names: readonly string[], given: unknown): void {
    if (!isPlain(given)) throw new TypeError(`${this.method} takes objects with ${names.join(" and ")}`);
    for (const name of names) wire.push(this.#value(given[name]));
  }

  #value(given: unknown): Arg {
    if (isValue(given)) return given;
    const what = given === null ? "null" : Array.isArray(given) ? "an array" : typeof given === "object" ? "an object" : String(typeof given);
    throw new TypeError(`${this.method} got ${what} where it takes a string, a number, a bigint or a Uint8Array`);
  }
}

/** The commands of a generated table. */
export function commandsOf(table: string): Command[] {
  return table.split("\n").map((line) => new Command(line));
}

/** Arguments of `call`, which may be anything in untyped programs. */
export function checkArgs(args: readonly unknown[]): readonly Arg[] {
  if (args.length === 0) throw new TypeError("call takes a command's name and its arguments");
  if (!args.every(isValue)) throw new TypeError("call takes strings, numbers, bigints and Uint8Arrays");
  const word = String(args[0]).toUpperCase();
  if (OWN.test(word) || (word === "CLIENT" && String(args[1]).toUpperCase() === "REPLY")) {
    throw new TypeError(`${word} would change the session that this client stands on${word.endsWith("SUBSCRIBE") ? ": use its subscribe methods" : ""}`);
  }
  return args;
}

/** Commands that clients do in a way of their own. */
const OWN = /^(?:[PS]?(?:UN)?SUBSCRIBE|MONITOR|QUIT|RESET|HELLO|SYNC|PSYNC)$/;
