// Several commands as one: a pipeline, or a transaction. A chain only gathers; `exec` sends.
import { checkArgs, Command, commandsOf } from "./arguments.js";
import { ReplyError } from "./errors.js";
import { COMMANDS, type Commands } from "./generated/commands.js";
import type { Arg, Reply } from "./resp.js";

/** The commands as methods that return their reply. */
export type Sync<C> = { [K in keyof C]: Direct<C[K]> };
type Direct<F> = F extends readonly [infer First, ...infer Rest] ? Direct<First> & Direct<Rest> : F extends Method ? F : unknown;

/** The commands as methods that promise their reply. */
export type Promised<C> = { [K in keyof C]: Promising<C[K]> };
type Promising<F> = F extends readonly [infer First, ...infer Rest]
  ? Promising<First> & Promising<Rest>
  : F extends (...args: infer A) => infer R
    ? (...args: A) => Promise<R>
    : unknown;

type Method = (...args: never[]) => unknown;

/** What distinguishes chains: whether they are transactions, whether they promise. */
export interface ChainKind {
  atomic: boolean;
  promised: boolean;
}

/** Replies in the order of the commands. A chain that was built in a loop does not know their types. */
export type Replies<T extends unknown[]> = T extends [] ? Reply[] : T;

/** The same, with errors in their places. */
export type RepliesOrErrors<T extends unknown[]> = T extends [] ? Reply[] : { [I in keyof T]: T[I] | ReplyError };

type Outcome<R, K extends ChainKind> = K["promised"] extends true ? Promise<K["atomic"] extends true ? R | null : R> : K["atomic"] extends true ? R | null : R;

type Step<F, B, K extends ChainKind, T extends unknown[]> = F extends readonly [infer First, ...infer Rest]
  ? Step<First, B, K, T> & Step<Rest, B, K, T>
  : F extends (...args: infer A) => infer R
    ? (...args: A) => Chain<B, K, [...T, R]>
    : unknown;

/** Commands gathered to be run together: every command method of the client, and `exec`. */
export interface Chain<in out B, in out K extends ChainKind, in out T extends unknown[] = []> extends Steps<B, K, T> {
  /** Number of commands gathered. */
  readonly length: number;
  /** Adds any command. */
  call(...args: Arg[]): Chain<B, K, [...T, Reply]>;
  /** Forgets what was gathered. */
  clear(): Chain<B, K>;
  /**
   * Runs the commands and answers their replies in order. All of them run; then the first error among the replies is
   * thrown, unless `keepErrors` leaves errors in their places. A transaction answers null, and nothing ran, when a
   * watched key has changed; when one of its commands could not be queued it throws EXECABORT, and nothing ran
   * (`cause` has that command's error). Afterwards the chain is empty.
   */
  exec(options: { keepErrors: boolean }): Outcome<RepliesOrErrors<T>, K>;
  exec(): Outcome<Replies<T>, K>;
}

// The variances above are given because finding them out costs compilers seconds.
type Steps<B, K extends ChainKind, T extends unknown[]> = { [Name in keyof Commands<B>]: Step<Commands<B>[Name], B, K, T> };

/** Commands sent together. */
export type Pipeline<B = string, T extends unknown[] = []> = Chain<B, { atomic: false; promised: false }, T>;
/** Commands that run as one, or not at all. */
export type Multi<B = string, T extends unknown[] = []> = Chain<B, { atomic: true; promised: false }, T>;
/** Commands sent together, through the portable client. */
export type PortablePipeline<B = string, T extends unknown[] = []> = Chain<B, { atomic: false; promised: true }, T>;
/** Commands that run as one, or not at all, through the portable client. */
export type PortableMulti<B = string, T extends unknown[] = []> = Chain<B, { atomic: true; promised: true }, T>;

/** Runs commands; errors are among the replies, null says that a watched key changed. */
export type Runner = (commands: readonly (readonly Arg[])[]) => (Reply[] | null) | Promise<Reply[] | null>;

class Gathered {
  #commands: Arg[][] = [];
  readonly #run: Runner;
  readonly #isBinary: boolean;

  constructor(run: Runner, isBinary: boolean) {
    this.#run = run;
    this.#isBinary = isBinary;
  }

  get length(): number {
    return this.#commands.length;
  }

  call(...args: unknown[]): this {
    this.#commands.push(checkArgs(args).slice());
    return this;
  }

  /** Adds a command with its arguments. */
  add(command: Command, args: readonly unknown[]): this {
    // The replies of a chain are decoded alike.
    if (command.isBinary && !this.#isBinary) throw new TypeError(`${command.method} answers bytes: in a chain it needs one of binary()`);
    this.#commands.push(command.encode(args));
    return this;
  }

  clear(): this {
    this.#commands = [];
    return this;
  }

  exec({ keepErrors = false } = {}): unknown {
    const commands = this.#commands;
    this.#commands = [];
    const finish = (replies: Reply[] | null) => {
      const error = keepErrors ? undefined : replies?.find((reply) => reply instanceof ReplyError);
      if (error) throw error;
      return replies;
    };
    const replies = this.#run(commands);
    return replies instanceof Promise ? replies.then(finish) : finish(replies);
  }
}

/** A chain whose commands `run` runs. */
export function chain<B, K extends ChainKind>(isBinary: boolean, run: Runner): Chain<B, K> {
  return new Gathered(run, isBinary) as unknown as Chain<B, K>;
}

/** Gives `prototype` a method for each command, which does with it what `make` says. */
export function install(prototype: object, commands: readonly Command[], make: (command: Command, place: number) => (...args: never[]) => unknown): void {
  commands.forEach((command, place) => {
    Object.defineProperty(prototype, command.method, { value: make(command, place), writable: true, configurable: true });
  });
}

/** The commands that do not wait. */
export const commands: readonly Command[] = commandsOf(COMMANDS);

install(Gathered.prototype, commands, (command) => function (this: Gathered, ...args: unknown[]) {
  return this.add(command, args);
});

/** Runs commands as a transaction on a session that `call` stands for. */
export function transact(call: (args: readonly Arg[]) => Reply, commands: readonly (readonly Arg[])[]): Reply[] | null {
  const opened = call(["MULTI"]);
  if (opened instanceof ReplyError) throw opened;
  let refused: ReplyError | undefined;
  for (const args of commands) {
    const queued = call(args);
    if (queued instanceof ReplyError) refused ??= queued;
  }
  const replies = call(["EXEC"]);
  if (replies instanceof ReplyError) {
    if (refused) replies.cause = refused;
    throw replies;
  }
  return replies as Reply[] | null;
}
