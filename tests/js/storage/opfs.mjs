// What only the origin private file system has: its index, its space. In a dedicated worker of a real browser.
import { opfs } from "cachelet/storage/opfs";
import { bytesOf } from "./suite.mjs";

let count = 0;
const fresh = () => `own/${count++}`;
const put = (name, bytes = bytesOf(10)) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });
const remove = (name) => ({ kind: "delete", name });

/** Does something with a file of a store that is closed. */
async function using(directory, name, work) {
  let folder = await navigator.storage.getDirectory();
  for (const part of directory.split("/")) folder = await folder.getDirectoryHandle(part);
  const file = await (await folder.getFileHandle(name)).createSyncAccessHandle();
  try {
    const bytes = new Uint8Array(file.getSize());
    file.read(bytes, { at: 0 });
    return await work(file, bytes);
  } finally {
    file.close();
  }
}

export const originFiles = (test) => {
  test("room is used again, and given back at the end", async (t) => {
    const directory = fresh();
    const store = await opfs(directory).open();
    for (let round = 0; round < 100; round++) store.write([put("a", bytesOf(30_000, round)), put(`b${round % 3}`, bytesOf(1 + ((round * 7919) % 50_000), round))], round % 4 === 0);
    store.sync();
    t.equal(store.get("a"), bytesOf(30_000, 99));
    store.write([put("last", bytesOf(10))], true);
    store.write(["a", "b0", "b1", "b2"].map(remove), true);
    await store.close();
    const most = await using(directory, "objects", (_, bytes) => bytes.length);
    t.ok(most < 1_500_000, `${most} bytes`);
    const next = await opfs(directory).open();
    t.equal(next.list(""), ["last"]);
    next.write([remove("last")], true);
    await next.close();
    t.equal(await using(directory, "objects", (_, bytes) => bytes.length), 0);
  });

  test("the index is written anew before it is long, and says the same", async (t) => {
    const directory = fresh();
    const store = await opfs(directory).open();
    const long = "b".repeat(64);
    for (let round = 0; round < 4000; round++) store.write([append(`log${round % 3}`, bytesOf(1)), put(long, new Uint8Array()), remove(long)], false);
    store.write([put("a", bytesOf(179))], false);
    store.write([put("c")], true);
    await store.close();
    const generations = await Promise.all(["index-0", "index-1"].map((name) => using(directory, name, (_, bytes) => [new DataView(bytes.buffer).getUint32(4, true), bytes.length])));
    t.ok(Math.max(...generations.map(([generation]) => generation)) >= 2, JSON.stringify(generations));
    t.ok(generations.every(([, length]) => length < 500_000), JSON.stringify(generations));
    const next = await opfs(directory).open();
    t.equal(next.list(""), ["a", "c", "log0", "log1", "log2"]);
    t.equal(next.get("log1").length, 1333);
    t.equal(next.get("a"), bytesOf(179));
    await next.close();
  });

  test("an index cut anywhere shows a beginning of what was done, and can be written to", async (t) => {
    const directory = fresh();
    const steps = [[put("a", bytesOf(1))], [append("log", bytesOf(2))], [put("a", bytesOf(3))], [put("b", bytesOf(4))], [remove("a")], [remove("log")]];
    const store = await opfs(directory).open();
    // What is freed stays as it is without a flush in between.
    for (const step of steps) store.write(step, false);
    const name = "index-1";
    await store.close();
    const whole = await using(directory, name, (_, bytes) => bytes.slice());
    const end = whole.findLastIndex((byte) => byte !== 0) + 1;
    const seen = new Set();
    for (let length = end; length >= 12; length -= 3) {
      await using(directory, name, (file) => {
        file.truncate(0);
        file.write(whole.subarray(0, length), { at: 0 });
      });
      const cut = await opfs(directory).open();
      seen.add(cut.list("").join());
      cut.write([put("new", bytesOf(9))], true);
      t.equal(cut.get("new"), bytesOf(9));
      await cut.close();
      // The other index counts now, with what was cut; it goes.
      await using(directory, "index-0", (file) => file.truncate(0));
    }
    t.equal([...seen], ["b", "b,log", "a,b,log", "a,log", "a", ""]);
  });

  test("without an index that can be read nothing is opened, and nothing lost", async (t) => {
    const directory = fresh();
    const store = await opfs(directory).open();
    store.write([put("a")], true);
    await store.close();
    const header = await using(directory, "index-1", (file, bytes) => {
      file.write(Uint8Array.of(bytes[4] ^ 1), { at: 4 });
      return bytes.slice(0, 12);
    });
    await t.rejects(opfs(directory).open(), { name: "StorageError", message: `OPFS "${directory}": its index is damaged` });
    await using(directory, "index-1", (file) => file.write(header, { at: 0 }));
    const next = await opfs(directory).open();
    t.equal(next.list(""), ["a"]);
    await next.close();
  });

  test("files that are beside its own stay as they are", async (t) => {
    const directory = fresh();
    const root = await navigator.storage.getDirectory();
    const folder = await (await root.getDirectoryHandle("own", { create: true })).getDirectoryHandle(directory.slice(4), { create: true });
    await folder.getFileHandle("mine", { create: true });
    const store = await opfs(directory).open();
    t.equal(store.list(""), []);
    await store.close();
    await folder.getFileHandle("mine");
  });
};
