// Stores on models of what lies below them. node:fs is a model where this is bundled: see run-storage-node.mjs.
import { model } from "node:fs";
import { files } from "cachelet/storage/files";
import { opfs } from "cachelet/storage/opfs";
import { Files, install } from "./opfs-model.mjs";
import { dice, powerCuts } from "./power-cuts.mjs";
import { bytesOf, conformance } from "./suite.mjs";

const origin = install();
const fresh = (random) => (origin.files = new Files(random));
fresh(dice(1));
let count = 0;

const put = (name, bytes) => ({ kind: "put", name, bytes });
const append = (name, bytes) => ({ kind: "append", name, bytes });

/** What the disk of a directory can do to it that none here does on demand. */
const failing = (test) => {
  test("after a flush that failed an object takes nothing more, and others go on, until it is put anew or deleted", (t) => {
    const machine = model(dice(1));
    const store = files("model").open();
    store.write([append("log/1", bytesOf(10)), append("log/2", bytesOf(10))], true);
    machine.failing = "flush";
    t.throws(() => store.write([append("log/1", bytesOf(20))], true), { name: "StorageError", message: "cannot flush model/log_1: the disk failed (EIO)" });
    machine.failing = "";
    // The system would say that all is well now.
    const lost = { name: "StorageError", message: /model\/log_1, of which an earlier part may be lost: the disk failed \(EIO\)$/ };
    t.throws(() => store.write([append("log/1", bytesOf(1))], false), lost);
    t.throws(() => store.write([append("log/1", bytesOf(1))], true), lost);
    store.write([append("log/2", bytesOf(1))], true);
    store.sync();
    store.write([put("log/1", bytesOf(3)), append("log/1", bytesOf(4))], true);
    t.equal(store.get("log/1").length, 7);
    machine.failing = "flush";
    t.throws(() => store.write([append("log/2", bytesOf(20))], true), { name: "StorageError" });
    machine.failing = "";
    store.write([{ kind: "delete", name: "log/2" }], true);
    store.write([append("log/2", bytesOf(2))], true);
    t.equal(store.get("log/2"), bytesOf(2));
    store.close();
  });

  test("a put whose flush failed leaves the old object", (t) => {
    const machine = model(dice(1));
    const store = files("model").open();
    store.write([put("a", bytesOf(10))], true);
    machine.failing = "flush";
    t.throws(() => store.write([put("a", bytesOf(20))], true), { name: "StorageError", message: "cannot write model/a: the disk failed (EIO)" });
    machine.failing = "";
    t.equal(store.get("a"), bytesOf(10));
    store.sync();
    store.close();
  });

  test("what another thread could not flush is told to whoever comes next, and the old object stays", async (t) => {
    const machine = model(dice(1));
    const store = files("model").open();
    store.write([put("a", bytesOf(10))], true);
    for (const turns of [0, 5]) {
      machine.failing = "flush";
      store.write([put("a", bytesOf(20))], false);
      for (let turn = 0; turn < turns; turn++) await undefined;
      if (turns > 0) machine.failing = "";
      t.throws(() => store.sync(), { name: "StorageError", message: "cannot write model/a: the disk failed (EIO)" });
      machine.failing = "";
      t.equal(store.get("a"), bytesOf(10));
      store.sync();
    }
    store.write([put("a", bytesOf(30))], false);
    t.equal(store.get("a"), bytesOf(30));
    store.close();
    t.equal(files("model").open().get("a"), bytesOf(30));
  });

  test("what a full disk took of an append is cut off", (t) => {
    const machine = model(dice(1));
    const store = files("model").open();
    store.write([append("log", bytesOf(10))], true);
    machine.failing = "write";
    t.throws(() => store.write([append("log", bytesOf(20))], true), { name: "StorageError", message: "cannot append to model/log: the disk is full (ENOSPC)" });
    machine.failing = "";
    t.equal(store.get("log"), bytesOf(10));
    store.write([append("log", bytesOf(5))], true);
    t.equal(store.get("log").subarray(10), bytesOf(5));
    store.close();
  });

  test("a directory whose last flush failed is flushed by whoever opens it next", (t) => {
    for (let seed = 0; seed < 20; seed++) {
      const machine = model(dice(seed));
      const store = files("model").open();
      store.write([append("log", bytesOf(10))], false);
      machine.failing = "flush";
      t.throws(() => store.close(), { name: "StorageError" });
      machine.failing = "";
      files("model").open();
      machine.restart();
      t.equal(files("model").open({ takeOver: true }).get("log"), bytesOf(10), `seed ${seed}`);
    }
  });
};

export const suites = {
  "files, a failing disk": failing,
  "OPFS on a model": conformance({ fresh: () => opfs(`model/${count++}`), many: 150 }),
  "OPFS, power cuts": powerCuts({ model: fresh, storage: opfs("crash") }),
  "files, power cuts": powerCuts({ model, storage: files("model") }),
};
