// What clients that do not read may cost.

/** Bytes that all blocked sockets together may have sent without being held back. */
const HELD = 256 << 20;

/** How long a socket that is held back may take nothing, in milliseconds. */
export const PATIENCE = 60_000;

/** How long a client may take to read its last replies, in milliseconds. */
export const FAREWELL = 10_000;

/** Input of clients that do not take their output, counted over all sockets of a listener. */
export class Budget {
  held = 0;

  /** Whether blocked sockets are not to be read now. */
  get isSpent(): boolean {
    return this.held > HELD;
  }
}
