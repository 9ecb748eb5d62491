// How many writes a second a store takes; runs wherever stores do.

const RECORD = 100;
const CHUNK = 65_000;

/** Writes a second: of records of 100 bytes, appended or each an object, and of objects of 65 KB; durable and not. */
export async function rates(store, ms) {
  return {
    record: await rate(store, RECORD, true, ms),
    recordLater: await rate(store, RECORD, false, ms),
    chunk: await rate(store, CHUNK, true, ms),
    chunkLater: await rate(store, CHUNK, false, ms),
  };
}

let names = 0;

/** One write after the other, each answered before the next; what is not durable is flushed at the end, within the time. */
export async function rate(store, size, durable, ms) {
  const isRecord = size === RECORD;
  const kind = isRecord && store.appends ? "append" : "put";
  const bytes = new Uint8Array(size).fill(7);
  const log = `log/${names++}`;
  // A snapshot's objects come and go: some names, written over again.
  const nameOf = (count) => (kind === "append" ? log : isRecord ? `log/${String(names++).padStart(9, "0")}` : `chunk/${count % 16}`);
  let count = 0;
  const start = performance.now();
  do {
    const done = store.write([{ kind, name: nameOf(count), bytes }], durable);
    if (done) await done;
    count++;
  } while (performance.now() - start < ms);
  if (!durable) await store.sync();
  return (count * 1000) / (performance.now() - start);
}
