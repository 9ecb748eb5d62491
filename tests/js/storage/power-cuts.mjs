// A power cut at every call that changes something, on a model of what lies below a store: nothing acknowledged is lost, and of
// a write a beginning is left.
//
//   powerCuts({ model, storage })    a suite of the harness
//
// `model(random)` puts a fresh model in place and returns it: `calls` so far, `crashAt`, `restart()` after a power cut, and
// `abandon()` for a program that ended while the machine goes on. `storage` is opened on it.
import { Crashed, Disk } from "./faulty.mjs";
import { check, work } from "./records.mjs";
import { bytesOf } from "./suite.mjs";

/** Histories for each call at which the power goes. */
const SEEDS = Number(process.env.CACHELET_SEEDS ?? 2);

/** Numbers that a seed decides. */
export const dice = (seed) => {
  const disk = new Disk({ seed });
  return (below) => disk.random(below);
};

const put = (name, bytes) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });

/** Does something that a crash may end. */
async function survived(work) {
  try {
    await work();
  } catch (error) {
    for (let cause = error; !(cause instanceof Crashed); cause = cause.cause) if (!cause) throw error;
  }
}

export const powerCuts = ({ model, storage }) => (test) => {
  // The last owner cannot have given it back.
  const open = () => storage.open({ takeOver: true });

  /** Writes until it is done or crashes; the last record acknowledged. */
  async function until(first, records) {
    let acknowledged = first - 1;
    await survived(async () => work(await open(), first, (index) => void (acknowledged = index), records));
    return acknowledged;
  }

  test("a power cut at every call, and more after it: what was acknowledged is there", async (t) => {
    const calm = model(dice(1));
    await until(0, 12);
    t.ok(calm.calls > 30, `${calm.calls}`);
    for (let at = 0; at < calm.calls; at++) {
      for (let seed = 0; seed < SEEDS; seed++) {
        const random = dice(seed * 1000 + at);
        const machine = model(random);
        const told = (error) => t.ok(false, `crash at ${at}, seed ${seed}: ${error.stack}`);
        machine.crashAt = at;
        const acknowledged = await until(0, 12);
        machine.restart();
        let found = await check(await open(), acknowledged).catch(told);
        for (let again = 0; again < 2; again++) {
          // The program ends without a word, and later the machine does.
          machine.abandon();
          machine.crashAt = machine.calls + random(30);
          const more = await until(found, 8);
          machine.restart();
          found = await check(await open(), more).catch(told);
        }
      }
    }
  }, 20_000 * SEEDS);

  for (const durable of [true, false]) test(`of a write that is ${durable ? "" : "not "}durable a beginning is left`, async (t) => {
    const seen = new Set();
    const run = () =>
      survived(async () => {
        const store = await open();
        store.write([put("first", bytesOf(10)), append("log", bytesOf(5))], true);
        store.write([append("log", bytesOf(6)), put("a", bytesOf(5000)), append("log", bytesOf(7)), append("other", bytesOf(1)), append("log", bytesOf(2)), put("b", bytesOf(3)), { kind: "delete", name: "first" }], durable);
      });
    const calm = model(dice(1));
    await run();
    for (let at = 0; at < calm.calls; at++) {
      for (let seed = 0; seed < 5 * SEEDS; seed++) {
        const machine = model(dice(seed * 1000 + at));
        machine.crashAt = at;
        await run();
        machine.restart();
        const store = await open();
        const log = store.get("log")?.length ?? 0;
        const steps = [store.get("first") !== undefined || log > 5, log >= 5, log >= 11, store.get("a") !== undefined, log >= 18, store.get("other")?.length === 1, log >= 20, store.get("b") !== undefined, log >= 20 && store.get("first") === undefined];
        const done = steps.indexOf(false) < 0 ? steps.length : steps.indexOf(false);
        t.ok(steps.slice(done).every((step) => !step), `crash at ${at}, seed ${seed}: ${steps}`);
        if (store.get("a")) t.equal(store.get("a"), bytesOf(5000));
        seen.add(done);
      }
    }
    t.ok(seen.size >= 8, [...seen].join());
  }, 20_000 * SEEDS);

  test("what a program left without flushing it is flushed by the next one, before it builds upon it", async (t) => {
    const kept = new Set();
    for (let seed = 0; seed < 20 * SEEDS; seed++) {
      const machine = model(dice(seed));
      const store = await open();
      store.write([append("log/1", bytesOf(50)), put("a", bytesOf(5000, 1))], true);
      store.write([append("log/1", bytesOf(50))], false);
      store.write([put("a", bytesOf(5000, 2))], false);
      machine.abandon();
      const next = await open();
      // What was appended outlives the program; what was put may.
      const found = [next.get("log/1").length, next.get("a")];
      t.equal(found[0], 100);
      t.ok([1, 2].some((version) => String(found[1]) === String(bytesOf(5000, version))), `seed ${seed}: torn`);
      // Where the old object was there may be room for this one.
      next.write([put("b", bytesOf(5000, 3))], false);
      if (seed % 2) next.write([append("log/2", bytesOf(3))], true);
      machine.restart();
      const last = await open();
      kept.add(last.get("log/2")?.length);
      t.equal([last.get("log/1").length, last.get("a")], found, `seed ${seed}`);
    }
    t.ok(kept.has(3));
  });

  test("what is put without being durable is there whole or not, in order, and all of it once something is durable", async (t) => {
    const objects = Array.from({ length: 40 }, (_, index) => [`chunk/${String(index).padStart(2, "0")}`, bytesOf(1000 + index, index)]);
    const run = (random, told = () => {}) =>
      survived(async () => {
        const store = await open();
        for (const [name, bytes] of objects) {
          store.write([put(name, bytes)], false);
          t.equal(store.get(name), bytes);
          // At last there is no time for anything else.
          for (let turns = name < "chunk/25" ? random(4) : 0; turns > 0; turns--) await undefined;
        }
        t.equal(store.list("chunk/"), objects.map(([name]) => name));
        store.write([put("manifest", bytesOf(10))], true);
        told();
      });
    const calm = model(dice(1));
    await run(dice(1));
    const counts = new Set();
    for (let at = 0; at < calm.calls; at += 2) {
      for (let seed = 0; seed < SEEDS; seed++) {
        const random = dice(seed * 1000 + at);
        const machine = model(random);
        machine.crashAt = at;
        let isDurable = false;
        await run(random, () => (isDurable = true));
        machine.restart();
        const store = await open();
        const names = store.list("chunk/");
        t.equal(names, objects.slice(0, names.length).map(([name]) => name), `crash at ${at}, seed ${seed}`);
        for (const [index, name] of names.entries()) t.equal(store.get(name), objects[index][1], `crash at ${at}, seed ${seed}, ${name}`);
        if (isDurable || store.get("manifest")) t.equal(names.length, objects.length, `crash at ${at}, seed ${seed}: the manifest without its chunks`);
        counts.add(names.length);
      }
    }
    t.ok(counts.size > 10, [...counts].join());
  }, 20_000 * SEEDS);

  test("a log that was deleted leaves nothing in the next one", async (t) => {
    for (let seed = 0; seed < 20 * SEEDS; seed++) {
      const machine = model(dice(seed));
      const store = await open();
      store.write([append("log/1", new Uint8Array(50).fill(1))], true);
      store.write([{ kind: "delete", name: "log/1" }], true);
      store.write([append("log/2", new Uint8Array(20).fill(2))], seed % 2 === 0);
      machine.restart();
      const log = (await open()).get("log/2");
      if (seed % 2 === 0) t.equal(log, new Uint8Array(20).fill(2));
      else t.ok(!log?.includes(1), `seed ${seed}: ${log}`);
    }
  });
};
