// Tabs that share one keyspace: `cachelet/tabs`, for browsers.
import { openStored, type OpenOptions, Portable, type Storage, StorageTakenError } from "../index.js";
import { engineModule } from "../platform/browser.js";
import { SharedExecutor } from "./executor.js";
import { Member, requireTabs, type User } from "./member.js";
import { recorded } from "./taken.js";

export { InterruptedError } from "./interrupted.js";

/** What a shared keyspace is opened with. */
export interface SharedOptions extends Omit<OpenOptions, "takeOver"> {
  /** Where it is kept: `indexedDB("app")`. All tabs name the same. */
  storage: Storage;
}

/** A client of a shared keyspace. */
export type Shared = Portable & {
  /** Whether this tab holds the keyspace now, for the others too. */
  readonly isLeading: boolean;
};

/**
 * Opens the keyspace that all tabs and workers of this origin share that open the same `name`. One of them leads: it has the
 * engine and the store. The others reach it without noticing; when it is closed, crashes or freezes, another takes over. One that
 * only stops answering is replaced by whoever has a command for it, after about half a second; a hidden tab, whose timers browsers
 * slow down, notices later.
 *
 * ```js
 * const db = await openShared("app", { storage: indexedDB("app") });
 * await db.incr("visits");
 * ```
 *
 * What was on its way then is sent again where that is safe: what only reads, and what certainly has not happened. The rest is
 * rejected with an {@link InterruptedError}. Subscriptions are made again (what is published meanwhile is missed, as between
 * any client and a server); a command that waits goes on waiting, or is rejected likewise; a transaction whose keys were watched
 * answers null. Selected database and open transactions are kept; names and other things that CLIENT sets are not.
 *
 * `appendfsync` is `always` unless `config` says otherwise: a tab may be closed or crash at any time, and what was promised
 * to another must outlast it. With `indexedDB(name, { durability: "relaxed" })` that costs no flush of the disk. Under
 * `everysec` what the last moments acknowledged may go with the tab that led.
 *
 * Rejects with a `StorageTakenError` when the store is open elsewhere without being shared, and with a `StorageError` where there
 * are no Web Locks: on pages that did not come over HTTPS.
 */
export async function openShared(name: string, options: SharedOptions): Promise<Shared> {
  requireTabs();
  const { storage, config, module, ...rest } = options;
  const compiled = Promise.resolve(module ?? engineModule());
  compiled.catch(() => {});
  const member = new Member(name, async ({ takeOver, taken, lost }) => {
    const open = async (force: boolean) => {
      const watched = { description: storage.description, open: async () => recorded(await storage.open({ takeOver: force }), taken, lost) };
      const db = await openStored(await compiled, { ...rest, config: { appendfsync: "always", ...config }, storage: watched });
      return db.instance;
    };
    if (takeOver) return open(true);
    // The store of a tab that was closed a moment ago.
    for (let tries = 0; ; tries++) {
      try {
        return await open(false);
      } catch (error) {
        if (!(error instanceof StorageTakenError) || tries === 5) throw error;
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  });
  const page = lifecycle(member);
  const executor = new SharedExecutor(member, async () => {
    page.abort();
    await member.close();
  });
  const ready = new Promise<void>((moved, failed) => {
    const user: User = { lost() {}, moved: () => end(moved), failed: (error) => end(() => failed(error)) };
    const end = (then: () => void) => {
      member.users.delete(user);
      then();
    };
    member.users.add(user);
  });
  await member.join();
  try {
    await ready;
  } catch (error) {
    await executor.close();
    throw error;
  }
  return Object.defineProperty(new Portable(executor), "isLeading", { get: () => member.isLeading }) as Shared;
}

/**
 * Gives leadership away when the page is frozen, closed or kept for a return, so that another takes over at once. One that is closed
 * or kept leaves altogether: a page that holds no lock may be kept. Joins again when it is back.
 */
function lifecycle(member: Member): AbortController {
  const over = new AbortController();
  const { signal } = over;
  if (typeof document === "undefined") return over;
  document.addEventListener("visibilitychange", () => member.flush(), { signal });
  addEventListener("pagehide", () => member.leave(), { signal });
  addEventListener("pageshow", (event) => event.persisted && member.wake(), { signal });
  document.addEventListener("freeze", () => member.rest(), { signal });
  document.addEventListener("resume", () => member.wake(), { signal });
  return over;
}
