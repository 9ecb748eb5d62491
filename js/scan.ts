// Walking through keys and collections with the SCAN commands, for both clients.
import type { Arg } from "./resp.js";
import { textOf } from "./subscription.js";

/** What one call of a SCAN command answers: the cursor to go on from, and some items. */
type Scanned<B> = [cursor: B, items: B[]];

/** All items, call by call. */
export function* scan<B>(step: (cursor: Arg) => Scanned<B>): Generator<B, void, undefined> {
  let cursor = "0";
  do {
    const [next, items] = step(cursor);
    yield* items;
    cursor = textOf(next);
  } while (cursor !== "0");
}

/** All items, two by two. */
export function* scanPairs<B>(step: (cursor: Arg) => Scanned<B>): Generator<[B, B], void, undefined> {
  let cursor = "0";
  do {
    const [next, items] = step(cursor);
    for (let i = 0; i < items.length; i += 2) yield [items[i]!, items[i + 1]!];
    cursor = textOf(next);
  } while (cursor !== "0");
}

/** All items, call by call. */
export async function* promisedScan<B>(step: (cursor: Arg) => Promise<Scanned<B>>): AsyncGenerator<B, void, undefined> {
  let cursor = "0";
  do {
    const [next, items] = await step(cursor);
    yield* items;
    cursor = textOf(next);
  } while (cursor !== "0");
}

/** All items, two by two. */
export async function* promisedScanPairs<B>(step: (cursor: Arg) => Promise<Scanned<B>>): AsyncGenerator<[B, B], void, undefined> {
  let cursor = "0";
  do {
    const [next, items] = await step(cursor);
    for (let i = 0; i < items.length; i += 2) yield [items[i]!, items[i + 1]!];
    cursor = textOf(next);
  } while (cursor !== "0");
}

/** A score as ZSCAN tells it. */
export function scoreOf(reply: unknown): number {
  const text = textOf(reply);
  return text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
}
