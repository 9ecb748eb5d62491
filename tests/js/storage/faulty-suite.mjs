// The faulty disk itself: without faults it is a store like any other, and a crash leaves what the contract allows.
import { check, work } from "./records.mjs";
import { Crashed, Disk } from "./faulty.mjs";
import { bytesOf, conformance } from "./suite.mjs";

/** Kinds of stores that crash tests go through. */
export const KINDS = [
  {},
  { scattered: true },
  { atomic: true, appends: false },
  { atomic: true, synchronous: false },
  { synchronous: false, appends: false },
];

export const kindOf = (kind) => Object.entries(kind).map(([name, value]) => `${value ? "" : "not "}${name}`).join(", ") || "like files";

export const conforming = Object.fromEntries(KINDS.filter(({ scattered }) => !scattered).map((kind) => [`faulty disk, ${kindOf(kind)}`, conformance({ fresh: () => new Disk(kind).storage })]));

const put = (name, bytes) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });

/** Writes records until the disk crashes; the last one that was acknowledged. */
async function until(disk, count) {
  let acknowledged = -1;
  try {
    await work(await disk.storage.open(), 0, (index) => void (acknowledged = index), count);
  } catch (error) {
    if (!(error instanceof Crashed)) throw error;
  }
  return acknowledged;
}

export const faults = (test) => {
  for (const kind of KINDS) {
    test(`${kindOf(kind)}: a crash at every operation loses nothing that was acknowledged`, async (t) => {
      const calm = new Disk(kind);
      await until(calm, 15);
      t.ok(calm.count >= 15);
      const lost = new Set();
      for (let at = 0; at < calm.count; at++) {
        for (let seed = 0; seed < 6; seed++) {
          const disk = new Disk({ ...kind, seed, faults: { [at]: "crash" } });
          const acknowledged = await until(disk, 15);
          disk.crash();
          const found = await check(await disk.storage.open(), acknowledged).catch((error) => t.ok(false, `seed ${seed}: ${error.message}\n${disk.trace.join("\n")}`));
          lost.add(found - acknowledged);
        }
      }
      // What was under way is there after some crashes, and is not after others.
      t.equal([...lost].sort(), [1, 2]);
    });
  }

  test("the same seed gives the same bytes, another gives others", async (t) => {
    const left = [];
    for (const seed of [3, 3, 4, 5, 6]) {
      const disk = new Disk({ seed });
      const store = disk.storage.open();
      for (let index = 0; index < 20; index++) store.write([append("log", bytesOf(50, index))], false);
      left.push([...disk.crash()].map(([name, bytes]) => `${name} ${bytes.length}`).join());
    }
    t.equal(left[0], left[1]);
    t.ok(new Set(left).size > 2, left.join(" | "));
  });

  test("what was not flushed goes with the machine, not with the program", (t) => {
    let kept = 0;
    let cut = 0;
    for (let seed = 0; seed < 40; seed++) {
      for (const machine of [true, false]) {
        const disk = new Disk({ seed });
        const store = disk.storage.open();
        store.write([put("a", bytesOf(5)), append("log", bytesOf(100))], true);
        store.write([put("a", bytesOf(6)), append("log", bytesOf(100))], false);
        const left = disk.crash({ machine });
        const length = left.get("log").length;
        t.ok(length >= 100 && length <= 200);
        t.ok([5, 6].includes(left.get("a").length));
        if (!machine) t.equal([left.get("a").length, length], [6, 200]);
        else if (length === 200) kept++;
        else if (length > 100) cut++;
      }
    }
    t.ok(kept > 3 && cut > 3, `${kept} kept, ${cut} cut`);
  });

  test("scattered, one object may have lost what another has kept", (t) => {
    const seen = new Set();
    for (let seed = 0; seed < 40; seed++) {
      const disk = new Disk({ seed, scattered: true });
      const store = disk.storage.open();
      store.write([put("a", bytesOf(1))], false);
      store.write([put("b", bytesOf(1))], false);
      seen.add([...disk.crash().keys()].join());
    }
    t.equal([...seen].sort(), ["", "a", "a,b", "b"]);
  });

  test("a failure does nothing, and what follows it is done", (t) => {
    const disk = new Disk({ faults: { 1: "fail", 4: "fail" } });
    const store = disk.storage.open();
    t.throws(() => store.write([put("a", bytesOf(1)), put("b", bytesOf(1)), put("c", bytesOf(1))], true), { name: "StorageError", message: /operation 1 failed/ });
    t.equal(store.list(""), ["a"]);
    // Operations 2 and 3, then a flush that fails.
    t.throws(() => store.write([put("b", bytesOf(1)), put("c", bytesOf(1))], true), { name: "StorageError", message: /operation 4 failed/ });
    t.equal(store.list(""), ["a", "b", "c"]);
    store.sync();
    t.equal([...disk.crash().keys()], ["a", "b", "c"]);
    const atomic = new Disk({ atomic: true, faults: { 0: "fail" } });
    const other = atomic.storage.open();
    t.throws(() => other.write([put("a", bytesOf(1)), put("b", bytesOf(1))], true), { name: "StorageError" });
    t.equal(other.list(""), []);
  });

  test("full, it takes what makes it smaller", (t) => {
    const disk = new Disk({ capacity: 100 });
    const store = disk.storage.open();
    store.write([put("a", bytesOf(60))], true);
    t.throws(() => store.write([append("b", bytesOf(50))], true), { name: "StorageError", message: /full/ });
    store.write([put("a", bytesOf(40)), append("b", bytesOf(50))], true);
    t.equal(store.list(""), ["a", "b"]);
  });

  test("crashed, it answers nothing until the program is another", async (t) => {
    const disk = new Disk({ faults: { 0: "crash" } });
    const store = disk.storage.open();
    t.throws(() => store.write([put("a", bytesOf(1))], true), { name: "Crashed" });
    for (const work of [() => store.get("a"), () => store.list(""), () => store.sync(), () => store.write([], false)]) t.throws(work, { name: "Crashed" });
    disk.crash();
    disk.storage.open().write([put("a", bytesOf(1))], true);
  });
};
