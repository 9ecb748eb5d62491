// Which commands may have had an effect: with each write of the leader its store takes down how far the commands of each member had
// come. Whoever reads the store back knows that no later one is in it: those that got no reply from a leader that is gone can be
// sent again, and still happen once.
//
// A write holds effects of commands that came before it, so the record may say too much and never too little. Where a write is
// not atomic it comes first.
import { StorageTakenError } from "../errors.js";
import type { Operation, Store } from "../storage/adapter.js";

const NAME = "tabs";

/** Room for it in a write. */
const ROOM = 64 << 10;

/** The record: for each member the number of its last command that a leader has run. */
export class Taken {
  readonly #before = new Map<string, number>();
  readonly #now = new Map<string, number>();

  /** @param bytes the record that was found */
  load(bytes: Uint8Array | undefined): void {
    const found = bytes ? (JSON.parse(new TextDecoder().decode(bytes)) as Record<string, number>) : {};
    for (const [member, number] of Object.entries(found)) {
      this.#before.set(member, number);
      this.#now.set(member, number);
    }
  }

  /** How far a member's commands had come, when the store was opened. */
  before(member: string): number {
    return this.#before.get(member) ?? 0;
  }

  note(member: string, number: number): void {
    this.#now.set(member, number);
  }

  /** It is gone, and will not ask. */
  forget(member: string): void {
    this.#now.delete(member);
  }

  /** Forgets those who are gone. */
  keep(members: ReadonlySet<string>): void {
    for (const member of this.#now.keys()) if (!members.has(member)) this.#now.delete(member);
  }

  operation(): Operation {
    return { kind: "put", name: NAME, bytes: new TextEncoder().encode(JSON.stringify(Object.fromEntries(this.#now))) };
  }
}

/** The store with the record in it. `lost` is called when another took the store. */
export async function recorded(store: Store, taken: Taken, lost: () => void): Promise<Store> {
  taken.load(await store.get(NAME));
  const listed = (await store.list("")).filter((name) => name !== NAME);
  const tell = (error: unknown): never => {
    if (error instanceof StorageTakenError) lost();
    throw error;
  };
  const attempt = (write: () => void | Promise<void>) => {
    try {
      const done = write();
      return done instanceof Promise ? done.catch(tell) : done;
    } catch (error) {
      return tell(error);
    }
  };
  const { description, limits, synchronous, atomic, appends, logs, eventual } = store;
  return {
    description,
    limits: { object: limits.object, operations: limits.operations - 1, bytes: limits.bytes - ROOM },
    synchronous,
    atomic,
    appends,
    logs,
    eventual,
    get: (name) => store.get(name),
    list: (prefix) => listed.filter((name) => name.startsWith(prefix)),
    write: (operations, durable) => attempt(() => store.write([taken.operation(), ...operations], durable)),
    sync: () => attempt(() => store.sync()),
    close: () => store.close(),
  };
}
