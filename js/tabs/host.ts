// The leader's side: the links of the other tabs, and their sessions on the engine of this one.
import type { Connection, Instance } from "../instance.js";
import { encodeCommand } from "../resp.js";
import { type Answer, type Ask, type Names, WINDOW } from "./protocol.js";
import type { Taken } from "./taken.js";

const HELLO = encodeCommand(["HELLO", 3]);

/** What runs commands for other tabs. */
export class Host {
  readonly #guests = new Map<string, Guest>();

  constructor(readonly instance: Instance, readonly term: string, readonly names: Names, readonly taken: Taken, readonly enter: (work: () => void) => void) {}

  /** Links a member. */
  join(member: string): void {
    if (this.#guests.has(member)) return;
    const guest = new Guest(this, member);
    this.#guests.set(member, guest);
    // Once its lock can be had, it is gone, however it went.
    navigator.locks
      .request(this.names.member(member), { signal: guest.over.signal }, () => this.leave(member))
      .catch(() => {});
  }

  /** Ends a member's sessions. */
  leave(member: string): void {
    const guest = this.#guests.get(member);
    this.#guests.delete(member);
    guest?.end();
    if (guest) this.taken.forget(member);
  }

  /** Says that the leader goes. */
  bye(clean: boolean): void {
    for (const guest of this.#guests.values()) guest.say(["bye", guest.taken, clean]);
  }

  /** Ends all links. */
  end(): void {
    for (const member of [...this.#guests.keys()]) this.leave(member);
  }
}

class Guest {
  readonly #host: Host;
  readonly #member: string;
  readonly #channel: BroadcastChannel;
  readonly #sessions = new Map<number, { connection: Connection; untaken: number }>();
  readonly over = new AbortController();
  /** The last command that came. */
  taken = 0;
  #isSilent = true;

  constructor(host: Host, member: string) {
    this.#host = host;
    this.#member = member;
    this.#channel = new BroadcastChannel(host.names.link(host.term, member));
    this.#channel.onmessage = ({ data }: MessageEvent<Ask>) => host.enter(() => !host.instance.closed && this.#hear(data));
    this.say(["welcome", host.taken.before(member)]);
  }

  say(answer: Answer): void {
    this.#isSilent = false;
    this.#channel.postMessage(answer);
  }

  #hear(ask: Ask): void {
    if (this.over.signal.aborted) return;
    this.#isSilent = true;
    switch (ask[0]) {
      case "open":
        return this.#open(ask[1]);
      case "send":
        this.taken = ask[2];
        this.#host.taken.note(this.#member, ask[2]);
        this.#sessions.get(ask[1])?.connection.receive(ask[3]);
        // Silence would make the leader a suspect.
        if (this.#isSilent) this.say(["got"]);
        return;
      case "close":
        this.#sessions.get(ask[1])?.connection.close();
        this.#sessions.delete(ask[1]);
        return;
      case "took": {
        const session = this.#sessions.get(ask[1]);
        if (!session) return;
        const wasFull = session.untaken > WINDOW;
        session.untaken -= ask[2];
        if (wasFull && session.untaken <= WINDOW) session.connection.drained();
        return;
      }
      case "ping":
        return this.say(["pong", ask[1]]);
      case "durable":
        this.#host.instance.persistence!.durable().then(
          () => this.say(["durable", ask[1]]),
          (error: unknown) => this.say(["durable", ask[1], error instanceof Error ? error.message : String(error)]),
        );
        if (this.#isSilent) this.say(["got"]);
        return;
      case "leave":
        return this.#host.leave(this.#member);
    }
  }

  #open(id: number): void {
    const transport = {
      write: (bytes: Uint8Array) => {
        // A clone of a part takes the whole along.
        this.say(["bytes", id, bytes.slice()]);
        return (session.untaken += bytes.length) <= WINDOW;
      },
      close: () => {
        if (this.#sessions.delete(id) && !this.over.signal.aborted) this.say(["ended", id]);
      },
    };
    // Within the limits of a connection: what a tab that is frozen does not take must not fill this one's memory, and where the
    // store fails under `appendfsync always` its replies are not given.
    const session = { connection: undefined as unknown as Connection, untaken: 0 };
    session.connection = this.#host.instance.connect(transport, { trusted: true });
    this.#sessions.set(id, session);
    session.connection.receive(HELLO);
  }

  end(): void {
    if (this.over.signal.aborted) return;
    this.over.abort();
    this.#channel.onmessage = null;
    this.#channel.close();
    this.say = () => {};
    for (const { connection } of [...this.#sessions.values()]) connection.close();
    this.#sessions.clear();
  }
}
