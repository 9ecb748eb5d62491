// What every adapter does alike: holds a write against the contract before any of it is done, so that a store never
// sees half of a write that it could not have taken.
import { StorageError, StorageTakenError } from "../errors.js";
import type { InstantStorage, Operation, Store } from "./adapter.js";

/** Whether an object can have that name. */
export const isName = (text: string) => /^[a-z][a-z0-9./-]{0,63}$/.test(text);

/** Throws a {@link StorageError} unless the store can take these operations in one write. */
export function check({ description, limits, appends }: Store, operations: readonly Operation[]): void {
  const refuse = (why: string) => {
    throw new StorageError(`${description}: ${why}`);
  };
  if (operations.length > limits.operations) refuse(`a write of ${operations.length} operations, where ${limits.operations} is most`);
  let total = 0;
  for (const operation of operations) {
    const { kind, name } = operation;
    if (!isName(name)) refuse(`"${name}" is not a name that objects can have`);
    if (kind === "append" && !appends) refuse(`nothing can be appended to "${name}" here`);
    const size = kind === "delete" ? 0 : operation.bytes.length;
    if (size > limits.object) refuse(`"${name}" of ${size} bytes, where ${limits.object} is most`);
    total += name.length + size;
  }
  if (total > limits.bytes) refuse(`a write of ${total} bytes, where ${limits.bytes} is most`);
}

/** The error for a store that was closed, or that the platform took away. */
export const closed = (description: string, cause?: unknown) => new StorageError(`${description} is closed`, cause);

/** What sorts after every name that starts with `prefix`, and before what else follows. */
export const after = (prefix: string) => `${prefix}\u{7f}`;

/** Who may write to what, where all who could are in this program: the one who opened it last. */
export class Owners<Place extends object, Owner extends Store> {
  readonly #owners = new WeakMap<Place, Owner>();

  /** The storage of a place, which `make` opens. */
  storage(place: Place, description: string, make: () => Owner): InstantStorage {
    return {
      description,
      open: ({ takeOver = false } = {}) => {
        if (this.#owners.has(place) && !takeOver) throw new StorageTakenError(`${description} is open already in this program`);
        const store = make();
        this.#owners.set(place, store);
        return store;
      },
    };
  }

  /** Throws a {@link StorageTakenError} when another has it. */
  check(place: Place, owner: Owner): void {
    if (this.#owners.get(place) !== owner) throw new StorageTakenError(`${owner.description} was taken over`);
  }

  release(place: Place, owner: Owner): void {
    if (this.#owners.get(place) === owner) this.#owners.delete(place);
  }
}
