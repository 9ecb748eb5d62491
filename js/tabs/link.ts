// A member's side of its link to the leader: sessions over one channel, and the watch over whether the leader answers.
import { StorageError } from "../errors.js";
import { Decoder } from "../resp.js";
import { type Line, LineSession, type Place, type Session } from "./place.js";
import { type Answer, type Ask, CALM, type Loss, type Names, QUIET, SILENCE, WINDOW } from "./protocol.js";

/** What a link tells its member. */
export interface LinkOwner {
  readonly names: Names;
  readonly id: string;
  /** The number of the next sending. */
  count(): number;
  /** The leader has answered for the first time. */
  linked(link: Link): void;
  /** It says that it goes. */
  left(link: Link, loss: Loss): void;
  /** It does not answer. */
  silent(link: Link): void;
  /** It said something. */
  heard(): void;
}

interface Ends {
  /** Bytes that were taken and not yet said to be. */
  took: number;
  take(bytes: Uint8Array): void;
  ended(): void;
}

/** The way to the leader of one term. */
export class Link implements Place {
  readonly term: string;
  readonly #owner: LinkOwner;
  readonly #channel: BroadcastChannel;
  readonly #lines = new Map<number, Ends>();
  readonly #questions = new Map<number, { resolve(): void; reject(error: unknown): void }>();
  #last = 0;
  isReady = false;
  most = 0;
  /** Since when an answer is due; 0 for none. */
  #asked: number;
  #heard: number;
  /** Commands without a reply, and those who wait for what may take any time. */
  #unanswered = 0;
  #waiting = 0;
  #watch: ReturnType<typeof setInterval> | undefined;
  #watched = 0;
  #isOver = false;

  constructor(owner: LinkOwner, term: string) {
    this.#owner = owner;
    this.term = term;
    this.#asked = this.#heard = performance.now();
    this.#channel = new BroadcastChannel(owner.names.link(term, owner.id));
    this.#channel.onmessage = ({ data }: MessageEvent<Answer>) => this.#hear(data);
    this.#attend();
  }

  #hear(answer: Answer): void {
    this.#heard = performance.now();
    this.#asked = 0;
    this.#owner.heard();
    switch (answer[0]) {
      case "welcome":
        this.isReady = true;
        this.most = answer[1];
        return this.#owner.linked(this);
      case "bytes":
        return this.#take(answer[1], answer[2]);
      case "ended": {
        const ends = this.#lines.get(answer[1]);
        this.#lines.delete(answer[1]);
        return ends?.ended();
      }
      case "pong":
      case "durable": {
        const [, id, error] = answer;
        const question = this.#questions.get(id);
        this.#questions.delete(id);
        return error === undefined ? question?.resolve() : question?.reject(new StorageError(error));
      }
      case "bye":
        return this.#owner.left(this, { taken: answer[1], clean: answer[2] });
    }
  }

  #take(session: number, bytes: Uint8Array): void {
    const ends = this.#lines.get(session);
    if (!ends) return;
    ends.took += bytes.length;
    if (ends.took > WINDOW / 4) {
      this.#say(["took", session, ends.took]);
      ends.took = 0;
    }
    ends.take(bytes);
  }

  #say(ask: Ask): void {
    // Sessions on it may be used until their owners have heard of its end.
    if (this.#isOver) return;
    this.#channel.postMessage(ask);
    if (this.#asked === 0 && ask[0] !== "close" && ask[0] !== "took") this.#asked = performance.now();
    this.#attend();
  }

  /** Watches the leader while something is expected of it. */
  #attend(): void {
    if (this.#watch !== undefined || this.#isOver) return;
    this.#watched = performance.now();
    this.#watch = setInterval(() => this.#look(), 50);
  }

  #look(): void {
    const now = performance.now();
    const late = now - this.#watched > 150;
    this.#watched = now;
    const isUrgent = this.#unanswered > 0 || !this.isReady;
    // This tab was held up itself: what was said meanwhile still has to be heard.
    if (late && this.#asked > 0) this.#asked = now;
    else if (this.#asked > 0 && now - this.#asked > SILENCE) this.#owner.silent(this);
    else if (this.#asked === 0 && now - this.#heard > (isUrgent ? QUIET : CALM)) {
      if (!isUrgent && this.#waiting === 0) {
        clearInterval(this.#watch);
        this.#watch = undefined;
      } else this.#say(["ping", ++this.#last]);
    }
  }

  line(take: (bytes: Uint8Array) => void, ended: () => void): Line {
    const id = ++this.#last;
    this.#lines.set(id, { took: 0, take: skipping(1, take), ended });
    this.#say(["open", id]);
    return {
      send: (bytes) => {
        const number = this.#owner.count();
        this.#say(["send", id, number, bytes]);
        return number;
      },
      close: () => {
        if (this.#lines.delete(id)) this.#say(["close", id]);
      },
    };
  }

  session(ended: () => void): Session {
    let unanswered = 0;
    const count = (change: number) => {
      unanswered += change;
      this.#unanswered += change;
    };
    const session = new LineSession(this.line.bind(this), () => {
      count(-unanswered);
      ended();
    });
    return {
      perform: (commands, atomic, binary) => {
        count(1);
        const sending = session.perform(commands, atomic, binary);
        const answered = () => count(-1);
        sending.done.then(answered, answered);
        return sending;
      },
      close: () => {
        count(-unanswered);
        session.close();
      },
    };
  }

  #question(kind: "durable" | "ping"): Promise<void> {
    const id = ++this.#last;
    this.#unanswered++;
    const done = new Promise<void>((resolve, reject) => this.#questions.set(id, { resolve, reject }));
    const answered = () => void this.#unanswered--;
    done.then(answered, answered);
    this.#say([kind, id]);
    return done;
  }

  durable(): Promise<void> {
    return this.#question("durable");
  }

  arrived(): Promise<void> {
    return this.#question("ping");
  }

  attend(change: 1 | -1): void {
    this.#waiting += change;
    if (change > 0) this.#attend();
  }

  /** Ends it: nothing that the leader says counts from here on. */
  drop(leave: boolean): void {
    if (leave) this.#say(["leave"]);
    clearInterval(this.#watch);
    this.#isOver = true;
    this.#channel.onmessage = null;
    this.#channel.close();
    this.#lines.clear();
    for (const { reject } of this.#questions.values()) reject(new EndedError());
    this.#questions.clear();
  }
}

/** The link ended while something was asked for on it. */
class EndedError extends Error {}

/** Leaves out the first replies of a session. */
export function skipping(replies: number, take: (bytes: Uint8Array) => void): (bytes: Uint8Array) => void {
  const decoder = new Decoder();
  let held = new Uint8Array();
  return (bytes) => {
    if (replies === 0) return take(bytes);
    const whole = new Uint8Array(held.length + bytes.length);
    whole.set(held);
    whole.set(bytes, held.length);
    decoder.reset(whole);
    while (replies > 0 && decoder.next() !== undefined) replies--;
    held = whole.slice(decoder.at);
    if (replies === 0 && held.length > 0) take(held);
  };
}
