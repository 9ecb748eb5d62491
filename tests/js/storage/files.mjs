// What only directories of files have: locks, what lies about in them, and what the system refuses. In Node and Deno.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { files } from "cachelet/storage/files";
import { bytesOf } from "./suite.mjs";

/** Directories that do not exist yet, below `root`. */
export const placeIn = (root) => ({ fresh: () => files(join(mkdtempSync(join(root, "place-")), "a/b")), many: 150 });

const put = (name, bytes = bytesOf(10)) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });
const hidden = (directory) => readdirSync(directory).filter((name) => name.startsWith("."));

export const directories = (root) => (test) => {
  const fresh = () => mkdtempSync(join(root, "files-"));
  const lock = (directory, number, owner, ageInSeconds = 0) => {
    const path = join(directory, `.lock-${number}`);
    writeFileSync(path, typeof owner === "string" ? owner : JSON.stringify(owner));
    const then = new Date(Date.now() - ageInSeconds * 1000);
    utimesSync(path, then, then);
  };

  test("names are flat files, whatever they look like", (t) => {
    const directory = fresh();
    const store = files(directory).open();
    store.write([put("a/../../b"), put("con/x.y-z")], true);
    store.close();
    t.equal(readdirSync(directory).filter((name) => !name.startsWith(".")).sort(), ["a_.._.._b", "con_x.y-z"]);
  });

  test("a URL names a directory too", (t) => {
    const directory = fresh();
    const store = files(new URL(`file://${directory}/below`)).open();
    store.write([put("a")], true);
    store.close();
    t.ok(existsSync(join(directory, "below/a")));
  });

  test("a half-written object goes when the directory is opened, and what is none is not listed", (t) => {
    const directory = fresh();
    writeFileSync(join(directory, ".new-3"), "half");
    writeFileSync(join(directory, "README"), "no object's name");
    mkdirSync(join(directory, "folder"));
    const store = files(directory).open();
    t.equal(store.list(""), []);
    store.write([put("a")], true);
    t.equal(hidden(directory), [".lock-1"]);
    store.close();
    t.ok(existsSync(join(directory, "README")));
  });

  test("a lock whose owner is gone is no lock; numbers never go back, and old files go", (t) => {
    const directory = fresh();
    const host = JSON.parse((() => {
      const store = files(directory).open();
      const text = readFileSync(join(directory, ".lock-1"), "utf8");
      store.close();
      return text;
    })()).host;
    // No process has that number. Where processes cannot be asked for, the file's age tells.
    lock(directory, 5, { pid: 2 ** 22 + 7, started: "then", host }, 30);
    for (const expected of [6, 7]) {
      const store = files(directory).open();
      t.equal(hidden(directory), [`.lock-${expected}`]);
      store.close();
    }
  });

  test("a lock of another host counts until its owner has not touched it for a while", (t) => {
    const directory = fresh();
    lock(directory, 1, { pid: 1, started: "then", host: "elsewhere" }, 3);
    t.throws(() => files(directory).open(), { name: "StorageTakenError", message: /process 1 of elsewhere, or was 3 s ago/ });
    lock(directory, 1, { pid: 1, started: "then", host: "elsewhere" }, 30);
    files(directory).open().close();
  });

  test("a lock that does not say whose it is counts for a moment", (t) => {
    const directory = fresh();
    lock(directory, 1, "", 0);
    t.throws(() => files(directory).open(), { name: "StorageTakenError", message: /just opening it/ });
    lock(directory, 1, '{"pid": 4', 30);
    files(directory).open().close();
  });

  test("an owner is told by its process, and a number that was given out anew is another process", (t) => {
    const directory = fresh();
    const store = files(directory).open();
    const owner = JSON.parse(readFileSync(join(directory, ".lock-1"), "utf8"));
    t.equal(owner.pid, process.pid);
    t.throws(() => files(directory).open(), { name: "StorageTakenError", message: new RegExp(`is open in process ${process.pid}`) });
    store.close();
    if (t.runtime !== "node" || !owner.started) t.skip("here only a lock of the system tells");
    lock(directory, 2, { ...owner, started: `${owner.started}0` });
    files(directory).open().close();
    lock(directory, 4, owner);
    t.throws(() => files(directory).open(), { name: "StorageTakenError" });
  });

  test("many objects that need not be durable: each in its place before long, none of them left over", async (t) => {
    const directory = fresh();
    const store = files(directory).open();
    for (let index = 0; index < 60; index++) {
      store.write([put(`chunk/${index % 40}`, bytesOf(20_000, index))], false);
      t.equal(store.get(`chunk/${index % 40}`), bytesOf(20_000, index));
      if (index % 7 === 0) await t.pause(1);
    }
    t.equal(store.list("").length, 40);
    await t.until(() => hidden(directory).length === 1, `left: ${hidden(directory)}`);
    t.equal(readdirSync(directory).length, 41);
    store.write([put("a"), { kind: "delete", name: "chunk/0" }, append("a", bytesOf(3))], false);
    t.equal([store.get("a").length, store.list("chunk/").length], [13, 39]);
    store.close();
    const next = files(directory).open();
    t.equal(next.list("").length, 40);
    for (let index = 20; index < 60; index++) if (index !== 40) t.equal(next.get(`chunk/${index % 40}`), bytesOf(20_000, index));
    next.write([put("late")], false);
    next.close();
    t.ok(existsSync(join(directory, "late")));
  });

  test("who was taken over learns it before a put is in its place", (t) => {
    const directory = fresh();
    const store = files(directory).open();
    store.write([put("a", bytesOf(3))], true);
    const next = files(directory).open({ takeOver: true });
    t.throws(() => store.write([put("a", bytesOf(4))], true), { name: "StorageTakenError", message: /taken over/ });
    t.throws(() => store.sync(), { name: "StorageTakenError" });
    t.equal(next.get("a"), bytesOf(3));
    store.close();
    // What was on its way to its place does not get there.
    next.write([put("b")], false);
    const last = files(directory).open({ takeOver: true });
    t.equal(last.get("a"), bytesOf(3));
    t.throws(() => next.sync(), { name: "StorageTakenError" });
    next.close();
    t.equal(last.list(""), last.get("b") ? ["a", "b"] : ["a"]);
    last.close();
  });

  test("what the system refuses names the file", (t) => {
    const directory = fresh();
    writeFileSync(join(directory, "taken"), "");
    t.throws(() => files(join(directory, "taken")).open(), { name: "StorageError", message: /cannot make .*taken: there is a file of that name \(EEXIST\)/ });
    t.throws(() => files(join(directory, "taken/below")).open(), { name: "StorageError", message: /no directory \(ENOTDIR\)/ });
    const store = files(join(directory, "db")).open();
    mkdirSync(join(directory, "db/log_1"));
    mkdirSync(join(directory, "db/chunk"));
    t.throws(() => store.write([append("log/1", bytesOf(1))], true), { name: "StorageError", message: /cannot open .*log_1: EISDIR/ });
    t.throws(() => store.write([put("chunk")], true), { name: "StorageError", message: /cannot write .*chunk: EISDIR/ });
    t.throws(() => store.get("chunk"), { name: "StorageError", message: /cannot read .*chunk/ });
    store.write([put("other")], true);
    t.equal(store.list(""), ["other"]);
    store.close();
  });
};
