// What every store does, as js/storage/adapter.ts has it. Runs wherever the stores do; nothing here knows one.
//
//   conformance(place)    a suite of the harness
//
// A place is where stores can be had:
//
//   fresh()               a storage with nothing in it, that no other test uses; or a promise of it
//   again(storage)        the same bytes as by another program, where that is not `storage` itself
//   exclusive             whether a second open is refused, or ends the first; false where nothing can be claimed
//   many                  how many objects are many, where each costs a flush

/** Bytes that look like nothing else's: `seed` decides. */
export function bytesOf(length, seed = length) {
  const words = new Int32Array((length + 3) >> 2);
  let state = Math.imul(seed + 1, 0x9e3779b1);
  for (let index = 0; index < words.length; index++) {
    // Xorshift: cheap, and long objects need it to be.
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

const put = (name, bytes = bytesOf(10)) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });
const remove = (name) => ({ kind: "delete", name });

/** The greatest length that is tried: the store's, or where that is beyond trying, 3 MB. */
const greatest = (limit) => (limit <= 26 << 20 ? limit : 3_000_001);

/** `t.equal` for bytes that may be many. */
function same(t, actual, expected, why = "") {
  t.ok(actual instanceof Uint8Array, `${why}: not bytes but ${actual}`);
  t.equal(actual.length, expected.length, `${why}: length`);
  for (let index = 0; index < expected.length; index++) if (actual[index] !== expected[index]) t.equal(actual[index], expected[index], `${why}: byte ${index}`);
}

/** Awaits what may be thrown at once too; the error. */
const fails = (t, work, expected) => t.rejects((async () => work())(), expected);

export const conformance = (place) => (test) => {
  const exclusive = place.exclusive ?? true;
  const again = place.again ?? ((storage) => storage);
  /** A test with a fresh store, that is closed after it. */
  const using = (name, body) =>
    test(name, async (t) => {
      const storage = await place.fresh();
      const store = await storage.open();
      try {
        await body(t, store, storage);
      } finally {
        await store.close();
      }
    });

  using("it says what it is and what it takes", async (t, store, storage) => {
    t.ok(storage.description.length > 0 && typeof store.description === "string");
    for (const limit of ["object", "operations", "bytes"]) t.ok(Number.isSafeInteger(store.limits[limit]) && store.limits[limit] > 0, limit);
    t.ok(store.limits.bytes >= store.limits.object + 64, "one object of the greatest length fits into a write");
    for (const flag of ["synchronous", "atomic", "appends", "logs", "eventual"]) t.equal(typeof store[flag], "boolean", flag);
  });

  using("a synchronous store promises nothing, any other everything", async (t, store) => {
    const answers = [store.write([put("a")], false), store.write([put("b")], true), store.get("a"), store.list(""), store.sync()];
    const promised = answers.map((answer) => answer instanceof Promise);
    await Promise.all(answers);
    t.equal(promised, answers.map(() => !store.synchronous));
  });

  using("what was never written is not there", async (t, store) => {
    t.equal(await store.get("none"), undefined);
    t.equal(await store.list(""), []);
    await store.write([remove("none")], true);
    t.equal(await store.list(""), []);
  });

  using("put, get, overwrite by less and by more, delete", async (t, store) => {
    for (const length of [10, 3, 0, 5000, 1]) {
      await store.write([put("a/b.c-1", bytesOf(length))], true);
      same(t, await store.get("a/b.c-1"), bytesOf(length), `${length}`);
    }
    await store.write([remove("a/b.c-1")], true);
    t.equal(await store.get("a/b.c-1"), undefined);
    t.equal(await store.list(""), []);
  });

  using("an empty object is there", async (t, store) => {
    await store.write([put("empty", new Uint8Array())], false);
    same(t, await store.get("empty"), new Uint8Array());
    t.equal(await store.list("e"), ["empty"]);
  });

  using("every byte, and bytes that are a part of more", async (t, store) => {
    const all = Uint8Array.from({ length: 1024 }, (_, index) => index & 255);
    await store.write([put("all", all), put("part", all.subarray(65, 300))], false);
    same(t, await store.get("all"), all);
    same(t, await store.get("part"), all.subarray(65, 300));
  });

  using("what is answered and what was handed over belong to the caller", async (t, store) => {
    const bytes = bytesOf(100);
    await store.write([put("a", bytes)], true);
    bytes.fill(0);
    const got = await store.get("a");
    same(t, got, bytesOf(100), "written");
    got.fill(1);
    same(t, await store.get("a"), bytesOf(100), "got");
  });

  using("names: every character, the longest, sorted as text, found by their beginning", async (t, store) => {
    const names = ["a", "a-1", "a.1", "a/", "a/b", "a/b/c", "a0", "a9", "aa", "ab", "b", "b/../c", "con", "log/000000000009", "log/000000000010", "z".repeat(64), "z/a-b.c/0123456789"];
    const shuffled = names.map((_, index) => names[(index * 5 + 3) % names.length]);
    for (const name of shuffled) await store.write([put(name, new TextEncoder().encode(name))], false);
    const sorted = [...names].sort((a, b) => (a < b ? -1 : 1));
    t.equal(await store.list(""), sorted);
    for (const prefix of ["a", "a/", "a/b", "a/b/", "log/", "log/00000000001", "b/../", "z", "z".repeat(64), "y", "a1"]) {
      t.equal(await store.list(prefix), sorted.filter((name) => name.startsWith(prefix)), prefix);
    }
    for (const name of names) t.equal(new TextDecoder().decode(await store.get(name)), name);
  });

  using("many names, more than any store lists at once", async (t, store) => {
    const count = place.many ?? 1200;
    const names = Array.from({ length: count }, (_, index) => `chunk/${String(index * 7919 % 100_000).padStart(5, "0")}`);
    for (let at = 0; at < count; at += 30) await store.write(names.slice(at, at + 30).map((name) => put(name, bytesOf(8, at))), false);
    await store.sync();
    t.equal(await store.list("chunk/"), [...names].sort());
  });

  using("what no object can be called, or take, is refused, and nothing of such a write is done", async (t, store) => {
    const wrong = ["", "A", "1a", ".a", "/a", "a b", "a_b", "ä", "a\0", "a\\b", "x".repeat(65)];
    for (const name of wrong) await fails(t, () => store.write([put("good"), put(name)], true), { name: "StorageError", message: new RegExp(`^${store.description.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}: `) });
    if (!store.appends) await fails(t, () => store.write([put("good"), append("a", bytesOf(1))], true), { name: "StorageError" });
    t.equal(await store.list(""), []);
  });

  using("an object of the greatest length, and one byte more", async (t, store) => {
    const most = greatest(store.limits.object);
    await store.write([put("large", bytesOf(most))], true);
    same(t, await store.get("large"), bytesOf(most));
    await store.write([put("large", bytesOf(most - 1))], true);
    same(t, await store.get("large"), bytesOf(most - 1));
    if (most < store.limits.object) return;
    await fails(t, () => store.write([put("small"), put("large", new Uint8Array(most + 1))], true), { name: "StorageError", message: /bytes/ });
    same(t, await store.get("large"), bytesOf(most - 1));
    t.equal(await store.get("small"), undefined);
  });

  using("as many operations as a write takes, and one more", async (t, store) => {
    const most = Math.min(store.limits.operations, place.many ?? 1000);
    const name = (index) => `${"n".repeat(54)}/${String(index).padStart(9, "0")}`;
    const all = (count) => Array.from({ length: count }, (_, index) => put(name(index), bytesOf(3, index)));
    await store.write(all(most), true);
    t.equal((await store.list("n")).length, most);
    same(t, await store.get(name(most - 1)), bytesOf(3, most - 1));
    await store.write(all(most).map(({ name }) => remove(name)), true);
    t.equal(await store.list(""), []);
    if (most < store.limits.operations) return;
    await fails(t, () => store.write(all(most + 1), true), { name: "StorageError", message: /operations/ });
    t.equal(await store.list(""), []);
  });

  using("as many bytes as a write takes", async (t, store) => {
    let left = greatest(store.limits.bytes);
    const operations = [];
    while (left > 200 && operations.length < store.limits.operations) {
      const name = `${"b".repeat(54)}/${String(operations.length).padStart(9, "0")}`;
      const size = Math.min(store.limits.object, left - name.length);
      operations.push(put(name, bytesOf(size, operations.length)));
      left -= size + name.length;
    }
    await store.write(operations, true);
    for (const { name, bytes } of operations) same(t, await store.get(name), bytes, name);
  });

  using("more bytes than a write takes are refused", async (t, store) => {
    const { object, bytes } = store.limits;
    if (bytes > 64 << 20 || Math.ceil(bytes / object) + 1 > store.limits.operations) t.skip("too many to try");
    const large = new Uint8Array(object);
    const operations = Array.from({ length: Math.ceil(bytes / object) + 1 }, (_, index) => put(`b${index}`, large));
    await fails(t, () => store.write(operations, true), { name: "StorageError", message: /bytes/ });
    t.equal(await store.list(""), []);
  });

  using("operations of a write are done in order", async (t, store) => {
    await store.write([put("a", bytesOf(1)), remove("a"), put("a", bytesOf(2)), put("a", bytesOf(3)), put("b"), remove("b")], true);
    same(t, await store.get("a"), bytesOf(3));
    t.equal(await store.list(""), ["a"]);
  });

  using("writes that are not waited for are done in order, and seen by the durable one", async (t, store, storage) => {
    const writes = [];
    for (let index = 0; index < 20; index++) writes.push(store.write([put("same", bytesOf(20, index)), put(`each/${index}`)], false));
    writes.push(store.write([put("last")], true));
    await writes.at(-1);
    same(t, await store.get("same"), bytesOf(20, 19));
    t.equal((await store.list("each/")).length, 20);
    await Promise.all(writes);
    await store.close();
    const next = await again(storage).open();
    t.equal((await next.list("")).length, 22);
    await next.close();
  });

  using("append makes an object and goes on at its end", async (t, store, storage) => {
    if (!store.appends) t.skip("it does not append");
    const pieces = [bytesOf(0), bytesOf(1), bytesOf(300), bytesOf(70_000), bytesOf(5)];
    for (const piece of pieces) await store.write([append("log/1", piece)], false);
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of pieces) whole.set(piece, at), (at += piece.length);
    same(t, await store.get("log/1"), whole);
    await store.write([append("log/2", bytesOf(4)), append("log/2", bytesOf(6))], true);
    t.equal((await store.get("log/2")).length, 10);
    t.equal(await store.list("log/"), ["log/1", "log/2"]);
    await store.close();
    const next = await again(storage).open();
    await next.write([append("log/1", bytesOf(2))], true);
    t.equal((await next.get("log/1")).length, whole.length + 2);
    same(t, (await next.get("log/1")).subarray(whole.length), bytesOf(2));
    await next.close();
  });

  using("append to what was put; put over and delete what was appended", async (t, store) => {
    if (!store.appends) t.skip("it does not append");
    await store.write([put("a", bytesOf(7))], true);
    await store.write([append("a", bytesOf(9))], true);
    same(t, (await store.get("a")).subarray(7), bytesOf(9));
    await store.write([put("a", bytesOf(3)), append("a", bytesOf(2))], true);
    t.equal((await store.get("a")).length, 5);
    await store.write([append("a", bytesOf(8)), put("a", bytesOf(4))], true);
    same(t, await store.get("a"), bytesOf(4));
    await store.write([append("b", bytesOf(1)), remove("b"), append("b", bytesOf(2))], false);
    same(t, await store.get("b"), bytesOf(2));
    await store.write([remove("a"), remove("b")], true);
    t.equal(await store.list(""), []);
  });

  using("many small appends, to more logs than are kept open", async (t, store) => {
    if (!store.appends) t.skip("it does not append");
    const lengths = new Map();
    for (let index = 0; index < 2000; index++) {
      const name = `log/${index % 20}`;
      const length = 1 + (index % 97);
      await store.write([append(name, new Uint8Array(length).fill(index % 20))], false);
      lengths.set(name, (lengths.get(name) ?? 0) + length);
    }
    await store.sync();
    for (const [name, length] of lengths) same(t, await store.get(name), new Uint8Array(length).fill(Number(name.slice(4))), name);
  });

  using("an appended object grows past the longest that can be put", async (t, store) => {
    if (!store.appends) t.skip("it does not append");
    if (store.limits.object > 4 << 20) t.skip("too long to try");
    const piece = bytesOf(store.limits.object);
    for (let index = 0; index < 3; index++) await store.write([append("log", piece)], false);
    await store.write([append("log", bytesOf(1))], true);
    const whole = await store.get("log");
    t.equal(whole.length, 3 * piece.length + 1);
    for (let index = 0; index < 3; index++) same(t, whole.subarray(index * piece.length, (index + 1) * piece.length), piece, `${index}`);
  });

  using("what is durable is there for the next one to open", async (t, store, storage) => {
    await store.write([put("a", bytesOf(1)), put("b", bytesOf(1000)), put("gone")], true);
    await store.write([remove("gone")], false);
    await store.write([put("c", bytesOf(3))], false);
    await store.sync();
    await store.close();
    const next = await again(storage).open();
    t.equal(await next.list(""), ["a", "b", "c"]);
    same(t, await next.get("b"), bytesOf(1000));
    await next.close();
  });

  using("reads while a write goes on see the old object or the new one", async (t, store) => {
    const size = Math.min(store.limits.object, 200_000);
    await store.write([put("a", new Uint8Array(size).fill(1))], true);
    const writing = [];
    const reading = [];
    for (let value = 2; value < 6; value++) {
      writing.push(store.write([put("a", new Uint8Array(size).fill(value))], value % 2 === 0));
      for (let reads = 0; reads < 3; reads++) reading.push(store.get("a"), store.list(""));
    }
    const seen = await Promise.all(reading);
    await Promise.all(writing);
    for (const one of seen) {
      if (Array.isArray(one)) t.equal(one, ["a"]);
      else same(t, one, new Uint8Array(size).fill(one[0]));
    }
    t.equal((await store.get("a"))[0], 5);
  });

  using("several databases side by side do not see each other", async (t, store) => {
    const other = await (await place.fresh()).open();
    await store.write([put("a")], true);
    t.equal(await other.list(""), []);
    await other.close();
  });

  using("closed, it does nothing more and says so; closing twice is closing once", async (t, store) => {
    await store.write([put("a")], true);
    await store.close();
    await store.close();
    for (const work of [() => store.get("a"), () => store.list(""), () => store.write([put("a")], false), () => store.sync()]) {
      await fails(t, work, { name: "StorageError", message: /closed/ });
    }
  });

  using("where it is open it cannot be opened; once closed it can", async (t, store, storage) => {
    if (!exclusive) t.skip("it cannot be claimed");
    await fails(t, () => again(storage).open(), { name: "StorageTakenError" });
    await store.write([put("a")], true);
    await store.close();
    for (let times = 0; times < 3; times++) {
      const next = await again(storage).open();
      t.equal(await next.list(""), ["a"]);
      await fails(t, () => storage.open(), { name: "StorageTakenError" });
      await next.close();
    }
  });

  using("taken over, the former owner cannot write, and nothing of what it tries is there", async (t, store, storage) => {
    if (!exclusive) t.skip("it cannot be claimed");
    await store.write([put("a", bytesOf(1)), put("log", bytesOf(3))], false);
    await store.sync();
    const next = await again(storage).open({ takeOver: true });
    t.equal(await next.list(""), ["a", "log"]);
    await fails(t, () => store.write([put("b")], true), { name: "StorageTakenError" });
    await fails(t, () => store.write([put("a", bytesOf(2))], false), { name: "StorageTakenError" });
    await fails(t, () => store.write([remove("a")], false), { name: "StorageTakenError" });
    if (store.appends) await fails(t, () => store.write([append("log", bytesOf(2))], false), { name: "StorageTakenError" });
    await next.write([put("c")], true);
    // That it goes takes nothing from the new owner.
    await store.close();
    await next.write([put("d")], true);
    same(t, await next.get("a"), bytesOf(1));
    same(t, await next.get("log"), bytesOf(3));
    t.equal(await next.list(""), ["a", "c", "d", "log"]);
    await fails(t, () => storage.open(), { name: "StorageTakenError" });
    await next.close();
    const last = await storage.open();
    t.equal(await last.list(""), ["a", "c", "d", "log"]);
    await last.close();
  });

  test("taking over what nobody has is opening it", async (t) => {
    const storage = await place.fresh();
    const store = await storage.open({ takeOver: true });
    await store.write([put("a")], true);
    await store.close();
  });

  using("of several that open it at once one succeeds", async (t, store, storage) => {
    if (!exclusive) t.skip("it cannot be claimed");
    await store.close();
    const tries = await Promise.allSettled(Array.from({ length: 5 }, async () => again(storage).open()));
    const opened = tries.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
    for (const { reason } of tries) if (reason) t.equal(reason.name, "StorageTakenError", reason.stack);
    t.equal(opened.length, 1);
    await opened[0].close();
  });
};
