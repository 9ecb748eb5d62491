// The error of a command whose fate another tab took along.

/**
 * The tab that held the keyspace went away while a command was on its way, and whether it happened is unknown. What certainly did
 * not happen, or only read, was sent again without a word.
 */
export class InterruptedError extends Error {
  override readonly name = "InterruptedError";
  /** The command's name; `EXEC` for a transaction. */
  readonly command: string;
  readonly outcome = "unknown";

  constructor(command: string) {
    super(`the tab that holds the keyspace went away while ${command} was on its way: whether it happened is unknown`);
    this.command = command;
  }
}
