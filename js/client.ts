// The in-process client: synchronous methods that return values directly.
import type { Instance } from "./instance.js";
import { ReplyError } from "./errors.js";
import type { Arg, Reply } from "./resp.js";

/** A database in this program. */
export class Cachelet {
  /** The engine and its sessions: what servers are started on. */
  readonly instance: Instance;
  readonly #session: number;

  constructor(instance: Instance) {
    this.instance = instance;
    this.#session = instance.door.open(true);
  }

  /** Runs any command; throws a {@link ReplyError} where Redis answers an error. */
  call(...args: Arg[]): Reply {
    const reply = this.instance.call(this.#session, args);
    if (reply instanceof ReplyError) throw reply;
    if (reply === undefined) {
      throw new TypeError("a command that waits needs the portable client");
    }
    return reply;
  }

  /** Ends every session on this database and frees its memory. */
  close(): void {
    this.instance.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
