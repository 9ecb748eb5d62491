// What can go wrong, as the three kinds a caller has to tell apart.

/** An error that a command answered. `code` is its first word: `ERR`, `WRONGTYPE`, `NOAUTH`, ... */
export class ReplyError extends Error {
  override readonly name = "ReplyError";
  readonly code: string;

  /** @param text the whole error text, code included, as Redis writes it */
  constructor(text: string) {
    super(text);
    this.code = text.split(" ", 1)[0] ?? "ERR";
  }
}

/** The client, or the database behind it, was closed. */
export class ClosedError extends Error {
  override readonly name = "ClosedError";

  constructor(what = "the database") {
    super(`${what} is closed`);
  }
}

/**
 * The engine broke one of its own invariants and was thrown away. What was not in storage is gone with it; open the
 * database again. `cause` has the engine's message: please report it.
 */
export class EngineLostError extends Error {
  override readonly name = "EngineLostError";

  constructor(message: string, cause: unknown) {
    super(`the engine stopped: ${message}`, { cause });
  }
}

/** A store failed: it is full, gone, or answered an error. `cause` has the platform's. */
export class StorageError extends Error {
  override readonly name: string = "StorageError";

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** Another program has the store, or took it over. */
export class StorageTakenError extends StorageError {
  override readonly name = "StorageTakenError";
}
