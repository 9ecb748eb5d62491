// Reading a store back in fewer turns: where a log is kept in pieces there is an object for each of many writes, and fetched one by
// one they would make a takeover last.
import type { Store } from "../storage/adapter.js";

/** Whoever asks for an object this small gets those behind it sooner, in bytes. */
const SMALL = 4096;

/** So many are fetched at once, as soon as half of them are left. */
const WINDOW = 128;

/** `get` of a store, which fetches small objects ahead in the order of their names until `stop` is called. */
export function readingAhead(store: Store, listed: readonly string[]): { get: Store["get"]; stop(): void } {
  const places = new Map(listed.map((name, index) => [name, index]));
  const ahead = new Map<string, Promise<Uint8Array | undefined>>();
  let until = 0;
  const fetch = (from: number) => {
    for (until = Math.max(until, from); until < Math.min(from + WINDOW, listed.length); until++) {
      const coming = Promise.resolve(store.get(listed[until]!));
      coming.catch(() => {});
      ahead.set(listed[until]!, coming);
    }
  };
  const get: Store["get"] = (name) => {
    const found = ahead.get(name) ?? store.get(name);
    ahead.delete(name);
    const at = places.get(name);
    if (at === undefined || store.synchronous) return found;
    return Promise.resolve(found).then((bytes) => {
      if (bytes && bytes.length <= SMALL && at + 1 + WINDOW / 2 > until) fetch(at + 1);
      return bytes;
    });
  };
  const stop = () => {
    places.clear();
    ahead.clear();
  };
  return { get, stop };
}
