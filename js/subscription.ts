// Listening to channels: a session of its own whose pushes become messages, for an iterator or for a listener.
import type { Many } from "./arguments.js";
import { ClosedError, EngineLostError, ReplyError } from "./errors.js";
import type { Connection, Instance, Transport } from "./instance.js";
import { type Arg, Decoder, encodeCommand, type Reply } from "./resp.js";
import { readText } from "./text.js";

/** A message as it was published. */
export interface Message<B = string> {
  /** The channel it was published to. */
  channel: string;
  message: B;
  /** The pattern that the channel fits, when patterns are listened to. */
  pattern?: string;
}

/** Called for each message, after the code that published it has come to its end. */
export type Listener<B = string> = (message: Message<B>) => void;

/** How to listen. */
export interface SubscribeOptions {
  /** Most bytes of messages that wait for the listener; more end the subscription. 32 MiB by default. */
  limit?: number;
  /** Ends the subscription. */
  signal?: AbortSignal;
}

/** A subscription ended because its messages were not taken in time: more of them waited than its limit allows. */
export class LaggedError extends Error {
  override readonly name = "LaggedError";

  constructor(channels: string, limit: number) {
    super(`the listener of ${channels} is too slow: more than ${limit} bytes of messages waited for it`);
  }
}

const LIMIT = 32 << 20;

/** A bulk string as text. */
export const textOf = (reply: unknown): string => (reply instanceof Uint8Array ? readText(reply, 0, reply.length) : String(reply));

/** RESP out of blocks of any size. */
export class Inbox implements Transport {
  readonly #decoder = new Decoder();
  readonly #take: (reply: Reply, isPush: boolean, size: number) => void;
  readonly #ended: () => void;
  #held = new Uint8Array();
  #length = 0;

  constructor(binary: boolean, take: (reply: Reply, isPush: boolean, size: number) => void, ended: () => void) {
    this.#decoder.binary = binary;
    this.#take = take;
    this.#ended = ended;
  }

  /** Whether the replies from here on, the next one too while one is taken, come as bytes. */
  set binary(isBinary: boolean) {
    this.#decoder.binary = isBinary;
  }

  write(bytes: Uint8Array): boolean {
    let whole = bytes;
    if (this.#length > 0) {
      const length = this.#length + bytes.length;
      if (length > this.#held.length) {
        const larger = new Uint8Array(length * 2);
        larger.set(this.#held.subarray(0, this.#length));
        this.#held = larger;
      }
      this.#held.set(bytes, this.#length);
      whole = this.#held.subarray(0, length);
    }
    const decoder = this.#decoder.reset(whole);
    for (;;) {
      const start = decoder.at;
      const reply = decoder.next();
      if (reply === undefined) break;
      this.#take(reply, decoder.type === 0x3e, decoder.at - start);
    }
    const rest = whole.subarray(decoder.at);
    const isInPlace = rest.buffer === this.#held.buffer && rest.byteOffset === this.#held.byteOffset;
    if (rest.length === 0) this.#held = new Uint8Array();
    else if (!isInPlace) this.#held = rest.slice();
    this.#length = rest.length;
    return true;
  }

  close(): void {
    this.#ended();
  }
}

/** What sessions are opened on. */
export interface Sessions {
  /** Opens a session for this program that speaks RESP3 with `transport`. */
  connect(transport: Transport): Connection;
  /** Why a session of it has just ended: undefined when all was closed on purpose. */
  whyEnded(): unknown;
  /** Sees to it that time passes and the program lives on, for somebody who waits, until what it returns is called. */
  attend(): () => void;
}

/** Longest time that timers know, in milliseconds. */
const LONG = 0x7fffffff;

/** The sessions of an engine in this program. */
export function sessionsOf(instance: Instance): Sessions {
  return {
    connect: (transport) => instance.connect(transport, { internal: true }),
    whyEnded() {
      if (!instance.closed) return new ClosedError("this session");
      try {
        instance.door.nextTick();
      } catch (error) {
        if (error instanceof EngineLostError) return error;
      }
      return undefined;
    },
    attend() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      let isOver = false;
      const arm = () => {
        if (isOver || instance.closed) return;
        const at = instance.door.nextTick();
        const pass = () => {
          if (!instance.closed) instance.tick();
          arm();
        };
        try {
          // Also without a deadline: Workers cancel a request that waits for nothing of their own.
          timer = setTimeout(pass, at < 0 ? LONG : Math.min(Math.max(at - Date.now(), 1), LONG));
        } catch {
          // Outside of a request Workers have no timers.
        }
      };
      arm();
      return () => {
        isOver = true;
        clearTimeout(timer);
      };
    },
  };
}

/** Messages of some channels. Iterate over it once, or give a listener; `unsubscribe` ends it. */
export class Subscription<B = string> implements AsyncIterableIterator<Message<B>> {
  readonly #sessions: Sessions;
  readonly #channels: string;
  readonly #limit: number;
  readonly #listener: Listener<B> | undefined;
  readonly #signal: AbortSignal | undefined;
  #connection: Connection | undefined;
  #queue: { message: Message<B>; size: number }[] = [];
  #head = 0;
  #waiting: { resolve: (result: IteratorResult<Message<B>>) => void; reject: (error: unknown) => void; rest: () => void }[] = [];
  #size = 0;
  #isOver = false;
  #error: unknown;
  #isDelivering = false;
  #confirmed: Reply | undefined;
  #done: Promise<void> | undefined;
  #settle: ((error: unknown) => void) | undefined;

  /** @internal */
  constructor(sessions: Sessions, command: string, channels: Many, binary: boolean, listener?: Listener<B>, options: SubscribeOptions = {}) {
    const names = Array.isArray(channels) ? (channels as readonly Arg[]) : [channels as Arg];
    this.#sessions = sessions;
    this.#channels = names.map(textOf).join(", ");
    this.#limit = options.limit ?? LIMIT;
    this.#listener = listener;
    this.#signal = options.signal;
    options.signal?.throwIfAborted();
    const inbox = new Inbox(binary, (reply, isPush, size) => this.#take(reply, isPush, size), () => this.#end(sessions.whyEnded()));
    const connection = sessions.connect(inbox);
    this.#connection = connection;
    connection.receive(encodeCommand([command, ...names]));
    if (this.#confirmed instanceof ReplyError) {
      this.unsubscribe();
      throw this.#confirmed;
    }
    if (listener) void this.done;
    this.#signal?.addEventListener("abort", this.#abort);
  }

  /** Settles when the subscription ends: with a rejection when it was not by `unsubscribe`, the signal or `close`. */
  get done(): Promise<void> {
    this.#done ??= new Promise<void>((resolve, reject) => {
      this.#settle = (error) => (error === undefined ? resolve() : reject(error));
      if (this.#isOver) this.#settle(this.#error);
    });
    return this.#done;
  }

  /** Ends the subscription. Messages that came before can still be iterated over. */
  unsubscribe(): void {
    this.#end(undefined);
  }

  [Symbol.dispose](): void {
    this.unsubscribe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.unsubscribe();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The next message. Throws {@link LaggedError} behind the last one of a subscription that lagged. */
  next(): Promise<IteratorResult<Message<B>>> {
    if (this.#listener) return Promise.reject(new TypeError("a subscription with a listener is not iterated over"));
    const message = this.#shift();
    if (message) return Promise.resolve({ value: message, done: false });
    if (!this.#isOver) return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject, rest: this.#sessions.attend() }));
    if (this.#error === undefined) return Promise.resolve({ value: undefined, done: true });
    const error = this.#error;
    this.#error = undefined;
    return Promise.reject(error);
  }

  /** Ends the subscription: what leaving a `for await` does. */
  return(): Promise<IteratorResult<Message<B>>> {
    this.unsubscribe();
    this.#queue = [];
    this.#head = 0;
    return Promise.resolve({ value: undefined, done: true });
  }

  #abort = () => this.unsubscribe();

  #take(reply: Reply, isPush: boolean, size: number): void {
    if (!isPush) {
      this.#confirmed = reply;
      return;
    }
    if (this.#isOver) return;
    const items = reply as Reply[];
    const kind = textOf(items[0]);
    if (kind === "message" || kind === "smessage") this.#put({ channel: textOf(items[1]), message: items[2] as B }, size);
    else if (kind === "pmessage") this.#put({ channel: textOf(items[2]), message: items[3] as B, pattern: textOf(items[1]) }, size);
  }

  #put(message: Message<B>, size: number): void {
    const waiting = this.#waiting.shift();
    if (waiting) {
      waiting.rest();
      waiting.resolve({ value: message, done: false });
      return;
    }
    if (this.#size + size > this.#limit) {
      // Not while the engine hands out its output: ending a session there would change what it walks over.
      this.#finish(new LaggedError(this.#channels, this.#limit));
      return;
    }
    this.#size += size;
    this.#queue.push({ message, size });
    if (this.#listener && !this.#isDelivering) {
      this.#isDelivering = true;
      queueMicrotask(() => this.#deliver());
    }
  }

  #shift(): Message<B> | undefined {
    if (this.#head === this.#queue.length) return undefined;
    const { message, size } = this.#queue[this.#head]!;
    this.#size -= size;
    this.#head++;
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  #deliver(): void {
    this.#isDelivering = false;
    for (let message = this.#shift(); message; message = this.#shift()) {
      try {
        this.#listener!(message);
      } catch (error) {
        // The listener's own failure is its program's to see; the messages behind it still come.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #end(error: unknown): void {
    if (this.#isOver) return;
    this.#finish(error);
  }

  #finish(error: unknown): void {
    this.#isOver = true;
    this.#error = error;
    this.#signal?.removeEventListener("abort", this.#abort);
    const connection = this.#connection;
    this.#connection = undefined;
    if (error instanceof LaggedError) queueMicrotask(() => connection?.close());
    else connection?.close();
    for (const { resolve, reject, rest } of this.#waiting.splice(0)) {
      rest();
      if (error === undefined) resolve({ value: undefined, done: true });
      else reject(error);
    }
    this.#settle?.(error);
  }
}
