// Where commands are run: the engine in this tab, or that of the tab that leads.
import { transact } from "../chain.js";
import { ReplyError } from "../errors.js";
import type { Instance } from "../instance.js";
import { LocalExecutor } from "../portable.js";
import { type Arg, concat, encodeCommand, type Reply } from "../resp.js";
import { Inbox } from "../subscription.js";

/** A session's bytes. */
export interface Line {
  /** Sends commands; answers the number of this sending. */
  send(bytes: Uint8Array): number;
  close(): void;
}

/** Who runs commands now. */
export interface Place {
  /** No sending of this tab above that number had an effect on what was read back when that place began. */
  readonly most: number;
  /** A session that speaks RESP3. What comes of it goes to `take`; `ended` is called when the engine ends it. */
  line(take: (bytes: Uint8Array) => void, ended: () => void): Line;
  /** A session for commands with replies; `ended` is called when the engine ends it. */
  session(ended: () => void): Session;
  durable(): Promise<void>;
  /** Resolves when all that was sent so far has arrived. */
  arrived(): Promise<void>;
  /** Called when somebody begins or ends to wait for what may take any time. */
  attend(change: 1 | -1): void;
}

/** A session of commands with their replies. */
export interface Session {
  /** Runs commands, as a transaction where `atomic`; errors are among the replies. Answers at once the number of the sending. */
  perform(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): { number: number; done: Promise<Reply[] | null> };
  close(): void;
}

/** The engine of this tab. `enter` runs work once it is certain that this tab leads. */
export class LocalPlace implements Place {
  /** @param count counts a sending, which is taken when it is let in */
  constructor(
    readonly instance: Instance,
    readonly most: number,
    readonly enter: (work: () => void) => void,
    readonly count: () => number,
    readonly take: (number: number) => void,
  ) {}

  line(take: (bytes: Uint8Array) => void, ended: () => void): Line {
    const transport = { write: (bytes: Uint8Array) => (take(bytes), true), close: ended };
    const connection = this.instance.connect(transport, { internal: true });
    return {
      send: (bytes) => {
        const number = this.count();
        this.enter(() => {
          this.take(number);
          connection.receive(bytes);
        });
        return number;
      },
      close: () => connection.close(),
    };
  }

  session(): Session {
    const executor = new LocalExecutor(this.instance);
    return {
      perform: (commands, atomic, binary) => {
        const number = this.count();
        const done = new Promise<Reply[] | null>((resolve, reject) =>
          this.enter(() => {
            this.take(number);
            const [first] = commands;
            if (atomic || commands.length !== 1) executor.batch(commands, atomic, binary).then(resolve, reject);
            else executor.run(first!, binary).then((reply) => resolve([reply]), (error: unknown) => (error instanceof ReplyError ? resolve([error]) : reject(error)));
          }),
        );
        return { number, done };
      },
      close: () => void executor.close(),
    };
  }

  durable(): Promise<void> {
    return this.instance.persistence!.durable();
  }

  arrived(): Promise<void> {
    return new Promise((resolve) => this.enter(resolve));
  }

  attend(): void {}
}

/** Sendings whose replies are not all there. */
interface Expected {
  count: number;
  binary: boolean;
  replies: Reply[];
  resolve(replies: Reply[]): void;
}

/** A session over a line: replies belong to commands by their order. */
export class LineSession implements Session {
  readonly #line: Line;
  readonly #inbox: Inbox;
  #expected: Expected[] = [];

  /** @param ended called when the engine ends the session; who waits for replies gets none. */
  constructor(open: Place["line"], ended: () => void) {
    this.#inbox = new Inbox(false, (reply, isPush) => isPush || this.#take(reply), ended);
    this.#line = open((bytes) => void this.#inbox.write(bytes), ended);
  }

  #take(reply: Reply): void {
    const first = this.#expected[0];
    if (!first) return;
    if (first.replies.push(reply) < first.count) return;
    this.#expected.shift();
    this.#inbox.binary = this.#expected[0]?.binary ?? false;
    first.resolve(first.replies);
  }

  perform(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): { number: number; done: Promise<Reply[] | null> } {
    const wire = atomic ? [["MULTI"], ...commands, ["EXEC"]] : commands;
    if (wire.length === 0) return { number: 0, done: Promise.resolve([]) };
    const bytes = wire.length === 1 ? encodeCommand(wire[0]!) : concat(wire.map((args) => encodeCommand(args)));
    const done = new Promise<Reply[]>((resolve) => {
      if (this.#expected.length === 0) this.#inbox.binary = binary;
      this.#expected.push({ count: wire.length, binary, replies: [], resolve });
    });
    const number = this.#line.send(bytes);
    if (!atomic) return { number, done };
    // As a transaction it is read by the same rules as one in this tab.
    return { number, done: done.then((replies) => transact(() => replies.shift()!, commands)) };
  }

  close(): void {
    this.#line.close();
  }
}
