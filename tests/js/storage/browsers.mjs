// What tabs do to each other's stores, and what a browser does to them that is full or killed. Runs in Node, with pages of a
// real browser.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Times that a browser is killed. */
const KILLS = Number(process.env.CACHELET_KILLS ?? 2);

/** A page that has the stores. */
async function tab(context, url) {
  const page = await context.newPage();
  await page.goto(url);
  return page;
}

const put = (page, name, length, durable) => page.evaluate(([name, length, durable]) => window.put(name, length, durable), [name, length, durable]);
const list = (page) => page.evaluate(() => window.store.list(""));
const open = (page, name, options) => page.evaluate(([name, options]) => window.attempt(() => window.open_(name, options)), [name, options]);

export const browsers = ({ context, url }) => (test) => {
  const using = (name, count, body) =>
    test(name, async (t) => {
      const pages = [];
      for (let index = 0; index < count; index++) pages.push(await tab(context, url));
      try {
        await body(t, ...pages);
      } finally {
        for (const page of pages) await page.close();
      }
    });

  using("another tab cannot open it until the first one is closed, however it goes", 2, async (t, first, second) => {
    t.equal(await open(first, "tabs"), "done");
    t.equal(await open(second, "tabs"), 'StorageTakenError: IndexedDB "tabs" is open in another tab or worker');
    t.equal(await put(first, "a", 3), "done");
    await first.close();
    await t.until(async () => (await open(second, "tabs")) === "done");
    t.equal(await list(second), ["a"]);
  });

  using("a tab that was frozen and taken over cannot write when it thaws", 2, async (t, first, second) => {
    t.equal(await open(first, "frozen"), "done");
    t.equal(await put(first, "a", 3), "done");
    const session = await context.newCDPSession(first);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    t.equal(await open(second, "frozen", { takeOver: true }), "done");
    t.equal(await put(second, "b", 3), "done");
    await session.send("Page.setWebLifecycleState", { state: "active" });
    t.equal(await put(first, "c", 3), 'StorageTakenError: IndexedDB "frozen" was taken over');
    t.equal(await list(second), ["a", "b"]);
  });

  using("without Web Locks the owner's mark alone stops the former owner, within its transaction", 2, async (t, first, second) => {
    for (const page of [first, second]) await page.evaluate(() => Object.defineProperty(Navigator.prototype, "locks", { value: undefined, configurable: true }));
    t.equal(await open(first, "unlocked"), "done");
    t.equal(await put(first, "a", 3), "done");
    t.equal(await open(second, "unlocked"), "done");
    t.equal(await put(first, "a", 4), 'StorageTakenError: IndexedDB "unlocked" was taken over');
    t.equal(await put(second, "b", 4), "done");
    t.equal(await second.evaluate(async () => (await window.store.get("a")).length), 3);
    t.equal(await list(second), ["a", "b"]);
  });

  using("deleting the database is not held up, and its owner hears of it", 2, async (t, first, second) => {
    t.equal(await open(first, "deleted"), "done");
    t.equal(await put(first, "a", 3), "done");
    const deleted = await second.evaluate(() => new Promise((done) => {
      const request = window.indexedDB.deleteDatabase("cachelet:deleted");
      request.onsuccess = () => done("deleted");
      request.onerror = () => done("failed");
    }));
    t.equal(deleted, "deleted");
    t.equal(await put(first, "b", 3), 'StorageError: IndexedDB "deleted" is closed: another tab deletes it');
    t.equal(await first.evaluate(() => window.attempt(() => window.store.get("a"))), 'StorageError: IndexedDB "deleted" is closed: another tab deletes it');
    await first.evaluate(() => window.store.close());
    t.equal(await open(second, "deleted"), "done");
    t.equal(await list(second), []);
  });

  using("when the site's data is cleared, its owner hears of it", 1, async (t, page) => {
    t.equal(await open(page, "cleared"), "done");
    const session = await context.newCDPSession(page);
    await session.send("Storage.clearDataForOrigin", { origin: new URL(url).origin, storageTypes: "indexeddb" });
    await t.until(async () => (await put(page, "a", 3)) !== "done");
    t.ok(/^StorageError: IndexedDB "cleared" is closed/.test(await put(page, "a", 3)));
  });

  using("OPFS: a worker of another tab cannot open it until the first one has ended, however it goes", 2, async (t, first, second) => {
    t.equal(await open(first, "opfs tabs"), "done");
    t.equal(await open(second, "opfs tabs"), 'StorageTakenError: OPFS "opfs tabs" is open in another tab or worker');
    t.equal(await put(first, "a", 3), "done");
    await first.evaluate(() => window.endWorker());
    t.equal(await open(first, "opfs tabs"), "done");
    t.equal(await put(first, "b", 3), "done");
    await first.close();
    await t.until(async () => (await open(second, "opfs tabs")) === "done");
    t.equal(await list(second), ["a", "b"]);
  });

  using("OPFS: an owner lets go when it is asked to, in a frozen tab too; one that does not answer keeps it", 2, async (t, first, second) => {
    t.equal(await open(first, "opfs asked"), "done");
    t.equal(await put(first, "a", 3), "done");
    const session = await context.newCDPSession(first);
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    t.equal(await open(second, "opfs asked", { takeOver: true }), "done");
    t.equal(await put(second, "b", 3), "done");
    await session.send("Page.setWebLifecycleState", { state: "active" });
    t.equal(await put(first, "c", 3), 'StorageTakenError: OPFS "opfs asked" was taken over');
    t.equal(await list(second), ["a", "b"]);
    const busy = second.evaluate(() => window.busy(3_000));
    t.equal(await open(first, "opfs asked", { takeOver: true }), 'StorageTakenError: OPFS "opfs asked" is open in another tab or worker');
    await busy;
    // It hears now what it was asked, and lets go: nobody has it.
    await t.until(async () => /was taken over$/.test(await put(second, "d", 3)));
    t.equal(await open(first, "opfs asked"), "done");
  });

  using("OPFS: where files cannot be written at once it says where they can", 1, async (t, page) => {
    const told = 'StorageError: OPFS "shared": files can be written at once in dedicated workers only; open it in one (new Worker), not in a page, a shared worker or a service worker';
    t.equal(await page.evaluate(() => window.attempt(() => window.openHere("shared"))), told);
    t.equal(await page.evaluate(() => window.openShared()), told);
  });

  using("a database of that name that is another program's is left alone", 1, async (t, page) => {
    const make = (name, version) => page.evaluate(([name, version]) => new Promise((done) => {
      const request = window.indexedDB.open(name, version);
      request.onupgradeneeded = () => request.result.createObjectStore("theirs");
      request.onsuccess = () => done(request.result.close());
    }), [name, version]);
    await make("cachelet:newer", 7);
    t.ok(/^StorageError: IndexedDB "newer": .*version/.test(await open(page, "newer")));
    await make("cachelet:other", 1);
    t.equal(await open(page, "other"), `StorageError: IndexedDB "other": it is another program's`);
    // The lock was given back.
    t.equal(await open(page, "other"), `StorageError: IndexedDB "other": it is another program's`);
  });
};

/** Whole browsers; `kinds` are those of stores that the page knows. */
export const wholeBrowsers = ({ root, url, kinds, launchIn, startIn }) => (test) => {
  test("without room a write fails whole and says so; what makes room is done", async (t) => {
    const profile = join(root, "small");
    mkdirSync(profile);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=80m", "none", profile]).status !== 0) t.skip("no small file system can be mounted here");
    try {
      const context = await launchIn(profile);
      try {
        for (const kind of kinds) {
          const page = await tab(context, url);
          t.equal(await open(page, `${kind} full`), "done");
          let written = 0;
          let told;
          while ((told = await put(page, `n${written}`, 4_000_000)) === "done" && written < 30) written++;
          t.ok(/^StorageError: .*full": the browser gives it no more room$/.test(told), told);
          t.ok(written > 2, `${written}`);
          t.equal((await list(page)).length, written);
          t.equal(await page.evaluate((name) => window.attempt(() => window.store.write([{ kind: "delete", name: "n0" }, { kind: "delete", name: "n1" }], true)), kind), "done");
          t.equal(await put(page, "n0", 1_000_000), "done");
          t.equal((await list(page)).length, written - 1);
          await page.evaluate(async () => {
            for (const name of await window.store.list("")) await window.store.write([{ kind: "delete", name }], true);
            await window.store.close();
          });
          await page.close();
        }
      } finally {
        await context.close();
      }
    } finally {
      spawnSync("umount", [profile]);
    }
  });

  test("IndexedDB: that the browser deleted what it found damaged is said by the first to open it", async (t) => {
    const profile = mkdtempSync(join(root, "damaged-"));
    const within = async (work) => {
      const context = await launchIn(profile);
      try {
        await work(await tab(context, url));
      } finally {
        await context.close();
      }
    };
    await within(async (page) => {
      t.equal(await open(page, "damaged"), "done");
      t.equal(await put(page, "a", 3000), "done");
    });
    const folder = join(profile, "Default/IndexedDB");
    const database = readdirSync(folder).find((name) => name.endsWith(".indexeddb.leveldb"));
    if (!database) t.skip("this Chromium keeps IndexedDB in other files");
    writeFileSync(join(folder, database, "CURRENT"), "damaged");
    await within(async (page) => {
      const told = await open(page, "damaged");
      t.ok(/^StorageError: IndexedDB "damaged": the browser found its files damaged and deleted them: .*opened again it is empty$/.test(told), told);
      t.equal(await open(page, "damaged"), "done");
      t.equal(await list(page), []);
    });
  });

  test(`killed ${KILLS} times while pages write: what was acknowledged is there, nothing that was put is torn`, async (t) => {
    const profile = mkdtempSync(join(root, "killed-"));
    const acknowledged = Object.fromEntries(kinds.map((kind) => [kind, -1]));
    for (let kills = 0; kills <= KILLS; kills++) {
      const { context, kill } = await startIn(profile);
      try {
        const writing = [];
        for (const kind of kinds) {
          const page = await tab(context, url);
          if (kills === KILLS) {
            await page.evaluate(([name, last]) => window.checkRecords(name, last), [`${kind} killed`, acknowledged[kind]]);
            continue;
          }
          let isOpen;
          const opened = new Promise((done) => (isOpen = done));
          await page.exposeFunction("acknowledge", (index) => (index === "open" ? isOpen() : void (acknowledged[kind] = index)));
          const told = await open(page, `${kind} killed`);
          if (/the browser found its files damaged and deleted them/.test(told)) {
            // Not ours to prevent, and not silent: see indexeddb.ts.
            console.log(`after kill ${kills} and record ${acknowledged[kind]}: ${told}`);
            acknowledged[kind] = -1;
          } else {
            t.equal(told, "done");
            await page.evaluate(() => window.store.close());
          }
          writing.push(page.evaluate(([name, last]) => window.write(name, last), [`${kind} killed`, acknowledged[kind]]).catch((error) => error));
          await Promise.race([opened, writing.at(-1).then((error) => t.ok(false, String(error)))]);
        }
        if (kills < KILLS) await t.pause(300 + Math.random() * 300);
      } finally {
        await kill();
      }
    }
    for (const kind of kinds) t.ok(acknowledged[kind] > 3, `${kind}: only ${acknowledged[kind]} records`);
  }, 20_000 + 10_000 * KILLS);
};
