// A client's session among tabs: it lives on when the place where its commands are run changes.
import type { Arg } from "../arguments.js";
import { ClosedError, ReplyError } from "../errors.js";
import type { Connection, Transport } from "../instance.js";
import type { Executor } from "../portable.js";
import type { Reply } from "../resp.js";
import { InterruptedError } from "./interrupted.js";
import type { Member, User } from "./member.js";
import type { Place, Session } from "./place.js";
import type { Loss } from "./protocol.js";
import { Relay } from "./relay.js";

/** Commands on their way. */
interface Task {
  readonly commands: readonly (readonly Arg[])[];
  readonly atomic: boolean;
  readonly binary: boolean;
  resolve(replies: Reply[] | null): void;
  reject(error: unknown): void;
  /** The number of its sending; 0 before. */
  number: number;
  tries: number;
}

const nameOf = (args: readonly Arg[]) => String(args[0]).toUpperCase();
const isNamed = (args: readonly Arg[], ...names: string[]) => names.includes(nameOf(args));

/** Most times that what only reads is sent again: it may be what a leader fell silent over. */
const TRIES = 2;

/** What a command does, as far as it matters when it is sent twice: asked of the engine, once for each name. */
const kinds = new Map<string, "reads" | "writes" | "other">();

/** Commands that concern their session alone, which is made anew. */
const OWN = new Set(["SELECT", "WATCH", "UNWATCH", "MULTI", "DISCARD", "PING", "ECHO", "TIME"]);

/** Whether commands without a reply may be sent again: see {@link InterruptedError}. */
export async function mayRepeat(commands: readonly (readonly Arg[])[], number: number, loss: Loss | undefined, place: Place): Promise<boolean> {
  // They had not come.
  if (loss && number > loss.taken) return true;
  const wanted = [...new Set(commands.map((args) => nameOf(args)))].filter((name) => !OWN.has(name));
  const unknown = wanted.filter((name) => !kinds.has(name));
  if (unknown.length > 0) {
    const session = place.session(() => {});
    const [infos] = (await session.perform([["COMMAND", "INFO", ...unknown]], false, false).done) ?? [];
    session.close();
    unknown.forEach((name, index) => {
      const info = (infos as Reply[] | undefined)?.[index];
      const flags = Array.isArray(info) && Array.isArray(info[2]) ? info[2] : [];
      kinds.set(name, flags.includes("readonly") ? "reads" : flags.includes("write") ? "writes" : "other");
    });
  }
  // What writes is not in what was read back.
  const isOut = number > place.most && !loss?.away;
  return wanted.every((name) => kinds.get(name) === "reads" || (isOut && kinds.get(name) === "writes"));
}

/** Runs a portable client's commands in the tab that leads. */
export class SharedExecutor implements Executor, User {
  readonly #member: Member;
  /** Called at its end: the first one ends the part of its tab. */
  readonly #closed: () => Promise<void>;
  #place: Place | undefined;
  #session: Session | undefined;
  #isReady = false;
  /** There is a place, and no session yet. */
  #isIdle = false;
  readonly #queue: Task[] = [];
  readonly #flying = new Set<Task>();
  /** What has no reply of a place that is gone. */
  #doubtful: { task: Task; loss: Loss | undefined }[] = [];
  #isClosed = false;
  /** Why a session has just ended. */
  #why: unknown;
  // What the session is to be again in the next place.
  database = 0;
  #isWatching = false;
  #isBroken = false;
  #queued: (readonly Arg[])[] | undefined;

  constructor(member: Member, closed: () => Promise<void> = async () => {}) {
    this.#member = member;
    this.#closed = closed;
    member.users.add(this);
    if (member.place) this.moved(member.place);
  }

  async run(args: readonly Arg[], binary: boolean): Promise<Reply> {
    // A transaction whose watched keys nobody watched for a while is not run.
    const isBroken = this.#isBroken && this.#queued !== undefined && isNamed(args, "EXEC");
    const reply = (await this.#perform([isBroken ? ["DISCARD"] : args], false, binary))![0]!;
    if (reply instanceof ReplyError) throw reply;
    return isBroken ? null : reply;
  }

  batch(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): Promise<Reply[] | null> {
    return this.#perform(commands, atomic, binary);
  }

  #perform(commands: readonly (readonly Arg[])[], atomic: boolean, binary: boolean): Promise<Reply[] | null> {
    if (this.#isClosed) return Promise.reject(new ClosedError("this client"));
    return new Promise((resolve, reject) => {
      const task: Task = { commands, atomic, binary, resolve, reject, number: 0, tries: 0 };
      if (this.#isReady && this.#queue.length === 0) return this.#send(task);
      this.#queue.push(task);
      if (this.#isIdle) this.moved(this.#place!);
    });
  }

  #send(task: Task): void {
    if (this.#isBroken && task.atomic) {
      this.#isBroken = this.#isWatching = false;
      return task.resolve(null);
    }
    const session = this.#session!;
    this.#flying.add(task);
    let sending: ReturnType<Session["perform"]>;
    try {
      sending = session.perform(task.commands, task.atomic, task.binary);
    } catch (error) {
      this.#flying.delete(task);
      return task.reject(error);
    }
    task.number = sending.number;
    sending.done.then(
      (replies) => {
        if (session !== this.#session || !this.#flying.delete(task)) return;
        this.#note(task, replies);
        task.resolve(replies);
      },
      (error: unknown) => {
        // Of a place that is gone: what becomes of it is found out in the next one.
        if (session !== this.#session || !this.#flying.delete(task)) return;
        task.reject(error);
      },
    );
  }

  /** Remembers what the session has become. */
  #note({ commands, atomic }: Task, replies: Reply[] | null): void {
    if (atomic) this.#isWatching = this.#isBroken = false;
    commands.forEach((args, index) => {
      const reply = replies?.[index];
      if (reply === "QUEUED") this.#queued?.push(args);
      else if (isNamed(args, "EXEC", "DISCARD", "RESET", "UNWATCH") && !(reply instanceof ReplyError && !isNamed(args, "EXEC"))) {
        this.#isWatching = this.#isBroken = false;
        if (!isNamed(args, "UNWATCH")) this.#queued = undefined;
        if (isNamed(args, "RESET")) this.database = 0;
      } else if (reply !== "OK") return;
      else if (isNamed(args, "SELECT")) this.database = Number(args[1]);
      else if (isNamed(args, "WATCH")) this.#isWatching = true;
      else if (isNamed(args, "MULTI")) this.#queued = [];
    });
  }

  lost(loss: Loss | undefined): void {
    if (loss?.away) for (const doubt of this.#doubtful) doubt.loss = loss;
    for (const task of this.#flying) this.#doubtful.push({ task, loss });
    this.#flying.clear();
    this.#place = this.#session = undefined;
    this.#isReady = this.#isIdle = false;
    if (this.#isWatching) this.#isBroken = true;
  }

  moved(place: Place): void {
    this.#place = place;
    this.#isIdle = false;
    void this.#settle(place);
  }

  /** The engine ended the session, by CLIENT KILL or because its store fails: the next command opens another. */
  #ended(session: Session): void {
    const place = this.#place;
    if (session !== this.#session) return;
    this.lost(undefined);
    this.#place = place;
    this.#isIdle = true;
    if (this.#doubtful.length > 0) this.moved(place!);
  }

  failed(error: unknown): void {
    for (const { task } of this.#doubtful.splice(0)) task.reject(new InterruptedError(nameOf(task.commands[0]!)));
    for (const task of this.#queue.splice(0)) task.reject(error);
  }

  /** Makes the session what it was, decides on what was on its way, and goes on. */
  async #settle(place: Place): Promise<void> {
    try {
      const doubtful = this.#doubtful.slice();
      const again: Task[] = [];
      // In a transaction that is open nothing was done yet. One whose EXEC was on its way is as good as gone.
      const isEnding = doubtful.some(({ task }) => task.commands.some((args) => isNamed(args, "EXEC")));
      let isOpen = this.#queued !== undefined && !isEnding;
      for (const { task, loss } of doubtful) {
        isOpen ||= !isEnding && task.commands.some((args) => isNamed(args, "MULTI"));
        const isAgain = isOpen || (task.tries < TRIES && (await mayRepeat(task.commands, task.number, loss, place)));
        if (this.#place !== place) return;
        task.tries++;
        if (isAgain) again.push(task);
        else task.reject(new InterruptedError(task.atomic ? "EXEC" : nameOf(task.commands[0]!)));
      }
      if (isEnding) this.#queued = undefined;
      this.#doubtful.splice(0, doubtful.length);
      this.#queue.unshift(...again);
      const session: Session = place.session(() => this.#ended(session));
      this.#session = session;
      const restore: (readonly Arg[])[] = [];
      if (this.database !== 0) restore.push(["SELECT", this.database]);
      if (this.#queued) restore.push(["MULTI"], ...this.#queued);
      if (restore.length > 0) session.perform(restore, false, false).done.catch(() => {});
      this.#isReady = true;
      for (let task = this.#queue.shift(); task; task = this.#queue.shift()) {
        this.#send(task);
        if (this.#place !== place) return;
      }
    } catch (error) {
      // The next place, if this one is gone.
      if (this.#place === place) this.failed(error);
    }
  }

  async durable(): Promise<void> {
    const place = this.#place;
    if (!place) throw new InterruptedError("durable");
    try {
      await place.durable();
    } catch (error) {
      throw this.#place === place ? error : new InterruptedError("durable");
    }
  }

  async arrived(): Promise<void> {
    await this.#place?.arrived().catch(() => {});
  }

  client(): Executor {
    return new SharedExecutor(this.#member);
  }

  connect(transport: Transport): Connection {
    return new Relay(this.#member, transport, (why, end) => {
      this.#why = why;
      end();
      this.#why = undefined;
    });
  }

  whyEnded(): unknown {
    return this.#why;
  }

  attend(): () => void {
    return () => {};
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#session?.close();
    this.#member.users.delete(this);
    const error = new ClosedError("this client");
    for (const task of [...this.#flying, ...this.#doubtful.map(({ task }) => task), ...this.#queue.splice(0)]) task.reject(error);
    this.#flying.clear();
    this.#doubtful = [];
    await this.#closed();
  }
}
