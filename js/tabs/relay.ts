// A connection for one command that waits, or for a subscription, which lives on when the place changes: subscriptions are made
// again, and a command that still waited waits again.
import { ClosedError, ReplyError } from "../errors.js";
import type { Connection, Transport } from "../instance.js";
import { Decoder, type Reply } from "../resp.js";
import { Inbox } from "../subscription.js";
import { mayRepeat } from "./executor.js";
import { InterruptedError } from "./interrupted.js";
import { skipping } from "./link.js";
import type { Member, User } from "./member.js";
import type { Line, Place } from "./place.js";
import type { Loss } from "./protocol.js";

/** A command as it was sent. */
interface Sent {
  readonly args: string[];
  readonly bytes: Uint8Array;
  number: number;
}

export class Relay implements Connection, User {
  readonly #member: Member;
  readonly #transport: Transport;
  readonly #end: (why: unknown, end: () => void) => void;
  #place: Place | undefined;
  #line: Line | undefined;
  /** Subscriptions, to be made again. */
  readonly #lasting: Sent[] = [];
  /** Commands without a reply. */
  #waiting: Sent[] = [];
  /** The SELECT that holds. */
  #selected: Sent | undefined;
  #counter: Inbox;
  #isOver = false;

  /** @param end ends the transport, for a reason */
  constructor(member: Member, transport: Transport, end: (why: unknown, end: () => void) => void) {
    this.#member = member;
    this.#transport = transport;
    this.#end = end;
    this.#counter = this.#count();
    member.users.add(this);
    if (member.place) this.moved(member.place);
  }

  #count(): Inbox {
    return new Inbox(false, (reply, isPush) => isPush || this.#answered(reply), () => {});
  }

  #answered(reply: Reply): void {
    // A subscription's confirmation is a push: this one was refused.
    if (this.#waiting.length === 0 && reply instanceof ReplyError) return queueMicrotask(() => this.#finish(reply));
    const sent = this.#waiting.shift();
    if (sent?.args[0] === "SELECT" && reply === "OK") this.#selected = sent;
  }

  receive(bytes: Uint8Array): void {
    const args = (new Decoder().reset(bytes).read() as Reply[]).map(String);
    args[0] = args[0]!.toUpperCase();
    const sent: Sent = { args, bytes: bytes.slice(), number: 0 };
    (/^[PS]?SUBSCRIBE$/.test(args[0]) ? this.#lasting : this.#waiting).push(sent);
    if (this.#line) sent.number = this.#line.send(sent.bytes);
  }

  drained(): void {}

  moved(place: Place): void {
    this.#place = place;
    void this.#settle(place);
  }

  lost(loss: Loss | undefined): void {
    this.#place = this.#line = undefined;
    // Of two, the first is what became of them, unless nobody will remember.
    if (!this.#loss || (loss?.away && !this.#loss.loss?.away)) this.#loss = { loss };
  }

  #loss: { loss: Loss | undefined } | undefined;

  async #settle(place: Place): Promise<void> {
    const doubtful = this.#loss ? this.#waiting.filter(({ number }) => number > 0) : [];
    const loss = this.#loss?.loss;
    for (const sent of doubtful) {
      if (loss?.clean || (await mayRepeat([sent.args], sent.number, loss, place).catch(() => false))) continue;
      if (this.#place === place) this.#finish(new InterruptedError(sent.args[0]!));
      return;
    }
    if (this.#place !== place || this.#isOver) return;
    this.#loss = undefined;
    this.#counter = this.#count();
    const take = (bytes: Uint8Array) => {
      const block = bytes.slice();
      if (this.#waiting.length > 0 || this.#lasting.length > 0) this.#counter.write(block);
      this.#transport.write(block);
    };
    const first = this.#selected;
    try {
      this.#line = place.line(first ? skipping(1, take) : take, () => this.#place === place && this.#finish(new ClosedError("this session")));
      place.attend(1);
      if (first) this.#line.send(first.bytes);
      for (const sent of [...this.#lasting, ...this.#waiting]) sent.number = this.#line.send(sent.bytes);
    } catch (error) {
      if (this.#place === place) this.#finish(error);
    }
  }

  failed(error: unknown): void {
    if (this.#waiting.length > 0) this.#finish(error);
  }

  #finish(why: unknown): void {
    if (this.#isOver) return;
    this.close();
    this.#end(why, () => this.#transport.close());
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#member.users.delete(this);
    if (this.#line) this.#place?.attend(-1);
    this.#line?.close();
  }
}
