// A database whose store fails: what is refused and in which words, what is promised and kept, what a damaged store says.
import { open, StorageError } from "cachelet";
import { Disk } from "./faulty.mjs";

const always = { save: "", appendonly: "yes", appendfsync: "always" };

/** Has every operation of `disk` from now on fail, until the function that is returned is called. */
function failing(disk) {
  const { faults } = disk;
  disk.faults = new Proxy({}, { get: () => "fail" });
  return () => (disk.faults = faults);
}

export const failures = (test) => {
  for (const synchronous of [true, false]) {
    const kind = synchronous ? "synchronous" : "asynchronous";
    const make = (more = {}) => new Disk({ seed: 3, synchronous, atomic: false, appends: true, ...more });

    test(`${kind}: a log that cannot be written refuses writes in Redis' words, and goes on when it can`, async (t) => {
      const disk = make();
      const db = await open({ storage: disk.storage, config: always });
      const client = db.portable();
      await client.set("a", "1");
      const mend = failing(disk);
      await t.rejects(client.set("a", "2"), { name: "StorageError" });
      await t.until(() => /aof_last_write_status:err/.test(db.info("persistence")));
      t.throws(() => db.set("b", "1"), { code: "MISCONF", message: /^MISCONF Errors writing to the AOF file: / });
      t.throws(() => db.ping(), { code: "MISCONF" });
      t.equal(db.get("a"), "2");
      mend();
      await t.until(() => {
        db.instance.tick();
        return /aof_last_write_status:ok/.test(db.info("persistence"));
      });
      await client.set("b", "1");
      await db.close();
      const again = await open({ storage: disk.storage, config: always });
      t.equal([again.get("a"), again.get("b"), again.recovered.lost], ["2", "1", []]);
      await again.close();
    });

    test(`${kind}: snapshots that fail refuse writes, unless stop-writes-on-bgsave-error says no`, async (t) => {
      const disk = make();
      const db = await open({ storage: disk.storage, config: { save: "900 1", appendonly: "no" } });
      db.set("a", "1");
      const mend = failing(disk);
      await t.rejects(db.portable().save(), { code: "ERR" });
      t.ok(/rdb_last_bgsave_status:err/.test(db.info("persistence")));
      t.throws(() => db.set("a", "2"), { code: "MISCONF", message: /unable to persist to disk/ });
      await t.rejects(db.durable(), StorageError);
      db.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "no");
      t.equal(db.set("a", "2"), "OK");
      mend();
      t.equal(await db.portable().save(), "OK");
      db.call("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes");
      t.equal(db.set("a", "3"), "OK");
      await db.close();
    });

    test(`${kind}: a connection whose reply waits for a write that fails is closed instead of answered`, async (t) => {
      const disk = make();
      const db = await open({ storage: disk.storage, config: always });
      let [said, closed] = ["", false];
      const text = new TextDecoder();
      const connection = db.instance.connect({ write: (bytes) => ((said += text.decode(bytes)), true), close: () => (closed = true) }, {});
      const send = (line) => connection.receive(new TextEncoder().encode(`${line}\r\n`));
      send("SET a 1");
      await t.until(() => said === "+OK\r\n");
      failing(disk);
      send("SET a 2");
      await t.until(() => closed);
      t.equal(said, "+OK\r\n");
      await db.close().catch(() => {});
    });
  }

  test("a full store: nothing acknowledged is lost, and room that is made is used", async (t) => {
    const disk = new Disk({ seed: 4, synchronous: false, atomic: true, appends: false });
    const db = await open({ storage: disk.storage, config: always });
    const client = db.portable();
    disk.capacity = 30_000;
    let acknowledged = 0;
    for (let i = 0; i < 200; i++) {
      try {
        await client.set(`key${i}`, "x".repeat(500));
        acknowledged = i + 1;
      } catch {
        break;
      }
    }
    t.ok(acknowledged > 10 && acknowledged < 200, `${acknowledged} fit`);
    disk.capacity = Infinity;
    await t.until(() => {
      db.instance.tick();
      return /aof_last_write_status:ok/.test(db.info("persistence"));
    });
    await client.set("more", "1");
    await db.close();
    const again = await open({ storage: disk.storage, config: always });
    for (let i = 0; i < acknowledged; i++) t.equal(again.strlen(`key${i}`), 500);
    t.equal(again.get("more"), "1");
    await again.close();
  });

  test("a damaged store is refused with object, offset and way out; salvaged it says what went", async (t) => {
    const { memory } = await import("cachelet/storage/memory");
    const objects = new Map();
    let db = await open({ storage: memory(objects), config: always });
    for (let i = 0; i < 100; i++) db.set(`key${i}`, "value");
    await db.portable().save();
    await db.close();
    const name = [...objects.keys()].find((name) => name.startsWith("chunk/"));
    objects.get(name)[40] ^= 1;
    await t.rejects(open({ storage: memory(objects) }), { name: "StorageError", message: new RegExp(`^memory: ${name.replaceAll(".", "\\.")} is damaged at byte \\d+: .*recover "salvage"`) });
    db = await open({ storage: memory(objects), recover: "salvage" });
    t.ok(db.recovered.lost.length > 0 && db.dbsize() > 80 && db.dbsize() < 100, `${db.dbsize()} keys`);
    const left = db.dbsize();
    await db.durable();
    await db.close();
    db = await open({ storage: memory(objects) });
    t.equal([db.dbsize(), db.recovered.lost], [left, []]);
    await db.close();
  });

  test("without storage: what is for it says so", async (t) => {
    const db = await open();
    await t.rejects(db.durable(), { name: "TypeError", message: /kept nowhere/ });
    t.throws(() => db.call("SAVE"), { message: /kept nowhere/ });
    t.throws(() => db.bgsave(), { message: /kept nowhere/ });
    t.throws(() => db.call("CONFIG", "SET", "appendonly", "yes"), { message: /kept nowhere/ });
    t.equal(db.recovered, undefined);
    await t.rejects(open({ config: { appendonly: "yes" } }), { name: "RangeError", message: /kept nowhere/ });
    await db.close();
  });
};
