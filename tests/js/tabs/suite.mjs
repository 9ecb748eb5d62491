// What holds among tabs that share a keyspace.
//
// Counters tell: each tab increments one without pause and keeps what it was acknowledged and what it was told is unknown. Whatever
// happens to leaders, the counter is no less than all that was acknowledged, and no more than that and the unknown.

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const median = (times) => times.slice().sort((a, b) => a - b)[times.length >> 1];
const shown = (times) => `median ${median(times).toFixed(0)}, longest ${Math.max(...times).toFixed(0)} of ${times.length}`;

/** When it is asked what the pages are at, in milliseconds. */
const LONG = 15_000;

/** What each page is at: a page that does not answer is told from one that waits for others. */
const states = (pages) =>
  Promise.all(
    pages.map(async (page, index) => {
      const state = page.evaluate(async () => {
        const { held, pending } = await navigator.locks.query();
        const names = (locks) => locks.map(({ name, mode }) => `${name} ${mode}`);
        return JSON.stringify({ me: window.me, joined: !!window.db, leads: window.db?.isLeading, held: names(held), pending: names(pending) });
      });
      const told = await Promise.race([state, pause(2000).then(() => "no answer")]).catch((error) => error.message);
      return `page ${index} at ${page.url()}: ${told}`;
    }),
  );

export function tabs({ context, url, only = [] }) {
  return (add) => {
    let last = 0;
    let opened;
    const test = (name, body) => {
      if (only.length > 0 && !only.some((word) => name.includes(word))) return;
      add(name, async (t) => {
        const begun = performance.now();
        opened = [];
        const pages = opened;
        const late = setTimeout(() => void states(pages).then((told) => console.log(`  ${name} takes long:\n    ${told.join("\n    ")}`)), LONG);
        try {
          await body(t, `tabs ${++last}`);
        } finally {
          clearTimeout(late);
          await Promise.all(pages.map((page) => Promise.race([page.close(), pause(2_000)]).catch(() => {})));
          console.log(`  ${name}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
        }
      });
    };
    /** A page that has opened the keyspace. */
    const tab = async (name, options) => {
      const page = await context.newPage();
      opened.push(page);
      page.on("pageerror", (error) => console.log(`page: ${error.stack ?? error}`));
      await page.goto(url);
      if (name) await page.evaluate(([name, options]) => window.join(name, options), [name, options]);
      return page;
    };
    const several = async (count, name, options) => {
      const pages = [];
      for (let i = 0; i < count; i++) pages.push(await tab(name, options));
      return pages;
    };
    const call = (page, ...args) => page.evaluate((args) => window.call(...args), args);
    const leads = (page) => page.evaluate(() => window.db.isLeading);
    const leaderOf = async (pages) => {
      const all = await Promise.all(pages.map(leads));
      return pages.filter((_, index) => all[index]);
    };
    const cdp = async (page) => context.newCDPSession(page);
    /** Time from a command to its reply, in the page's own milliseconds. */
    const timed = (page, ...args) =>
      page.evaluate(async (args) => {
        const begun = performance.now();
        const outcome = await window.call(...args);
        return { ...outcome, ms: performance.now() - begun };
      }, args);
    const counters = (pages, key) => Promise.all(pages.map((page) => page.evaluate((key) => window.count(key), key)));
    const stopped = (pages) => Promise.all(pages.map((page) => page.evaluate(() => window.counting.stop())));
    const exact = async (t, page, key, told) => {
      const value = Number((await call(page, "GET", key)).value);
      const acknowledged = told.reduce((sum, one) => sum + one.acknowledged, 0);
      const unknown = told.reduce((sum, one) => sum + one.unknown, 0);
      for (const one of told) t.equal(one.others, []);
      t.ok(value >= acknowledged && value <= acknowledged + unknown, `${key} is ${value}, with ${acknowledged} acknowledged and ${unknown} unknown`);
      return { value, acknowledged, unknown };
    };

    test("all see each other's writes, whoever leads", async (t, name) => {
      const pages = await several(3, name);
      t.equal(await Promise.all(pages.map(leads)), [true, false, false]);
      for (const [index, page] of pages.entries()) t.equal(await call(page, "SET", `from ${index}`, `é${index}`), { value: "OK" });
      for (const page of pages) t.equal(await call(page, "MGET", "from 0", "from 1", "from 2"), { value: ["é0", "é1", "é2"] });
      t.equal((await call(pages[1], "INCR", "from 0")).error, "ReplyError");
    });

    test("replies come as they do in one tab: bytes, maps, big integers, errors in pipelines", async (t, name) => {
      const [, page] = await several(2, name);
      const seen = await page.evaluate(async () => {
        const { db } = window;
        await db.set("bytes", new Uint8Array([0, 255, 13, 10]));
        const bytes = db.binary().get("bytes");
        const text = db.get("missing");
        await db.set("big", "9007199254740993");
        await db.hset("hash", { a: "1", b: "2" });
        const piped = await db.pipeline().get("big").incr("hash").incr("big").exec({ keepErrors: true });
        return [[...(await bytes)], await text, String(await db.incr("big")), { ...(await db.hgetall("hash")) }, piped[1].code, String(piped[2]), (await db.set("large", "x".repeat(3 << 20)), (await db.get("large")).length)];
      });
      t.equal(seen, [[0, 255, 13, 10], null, "9007199254740995", { a: "1", b: "2" }, "WRONGTYPE", "9007199254740994", 3 << 20]);
    });

    test("sessions are apart: databases, transactions and watches of a tab are its own", async (t, name) => {
      const [leader, page] = await several(2, name);
      const seen = await page.evaluate(async () => {
        const { db } = window;
        const other = db.client();
        await other.select(3);
        await other.set("k", "three");
        await db.watch("w");
        const first = await db.multi().set("w", "1").get("w").exec();
        await db.watch("w");
        await other.select(0);
        await other.set("w", "other");
        const second = await db.multi().set("w", "2").exec();
        return [await db.get("k"), first, second, await db.get("w")];
      });
      t.equal(seen, [null, ["OK", "1"], null, "other"]);
      t.equal(await call(leader, "GET", "w"), { value: "other" });
    });

    test("subscriptions and waits cross tabs, and live on when the leader is closed", async (t, name) => {
      const pages = await several(3, name);
      const [leader, listener, talker] = pages;
      await listener.evaluate(async () => {
        window.heard = [];
        await window.db.subscribe("news", ({ message }) => window.heard.push(message));
        window.popped = window.outcome(window.db.blpop("queue", 0));
      });
      t.equal(await call(talker, "PUBLISH", "news", "one"), { value: 1 });
      await leader.close({ runBeforeUnload: false });
      const told = await talker.evaluate(async () => {
        for (let tries = 0; tries < 100; tries++) {
          if ((await window.db.publish("news", "two")) === 1) return tries;
          await new Promise((done) => setTimeout(done, 20));
        }
      });
      t.ok(told !== undefined, "nobody listens any more");
      t.equal(await call(talker, "RPUSH", "queue", "job"), { value: 1 });
      t.equal(await listener.evaluate(() => window.popped), { value: ["queue", "job"] });
      await listener.waitForFunction(() => window.heard.length === 2);
      t.equal(await listener.evaluate(() => window.heard), ["one", "two"]);
      t.equal(await call(talker, "LLEN", "queue"), { value: 0 });
    });

    test("a wait that is given up leaves its queue in the leader, and one whose tab is gone takes nothing", async (t, name) => {
      const [leader, waiter, gone] = await several(3, name);
      t.equal((await waiter.evaluate(() => window.outcome(window.db.blpop("queue", 0, { signal: AbortSignal.timeout(50) })))).error, "TimeoutError");
      await gone.evaluate(() => void window.outcome(window.db.blpop("queue", 0)));
      await pause(50);
      await gone.close();
      for (let tries = 0; tries < 50; tries++) {
        if (!/cmd=blpop/.test((await call(leader, "CLIENT", "LIST")).value)) break;
        await pause(20);
      }
      t.equal(await call(leader, "RPUSH", "queue", "job"), { value: 1 });
      t.equal(await call(leader, "LLEN", "queue"), { value: 1 });
    });

    test("selected database and watched keys outlive the leader: the watch breaks", async (t, name) => {
      const [leader, page] = await several(2, name);
      await page.evaluate(async () => {
        await window.db.select(2);
        await window.db.set("k", "two");
        await window.db.watch("k");
      });
      await leader.close();
      t.equal(await page.evaluate(() => window.db.multi().set("k", "lost").exec()), null);
      t.equal(await call(page, "GET", "k"), { value: "two" });
      t.equal(await page.evaluate(() => window.db.multi().set("k", "kept").exec()), ["OK"]);
    });

    test("an open transaction goes on under another leader", async (t, name) => {
      const [leader, page] = await several(2, name);
      t.equal(await call(page, "MULTI"), { value: "OK" });
      t.equal(await call(page, "INCR", "n"), { value: "QUEUED" });
      await leader.close();
      t.equal(await call(page, "INCR", "n"), { value: "QUEUED" });
      t.equal(await call(page, "EXEC"), { value: [1, 2] });
    });

    test("ten tabs at once elect one leader", async (t, name) => {
      const pages = await Promise.all(Array.from({ length: 10 }, () => tab()));
      await Promise.all(pages.map((page) => page.evaluate((name) => window.join(name), name)));
      t.equal((await leaderOf(pages)).length, 1);
      await Promise.all(pages.map((page) => page.evaluate(() => Promise.all(Array.from({ length: 50 }, () => window.db.incr("n"))))));
      t.equal(await call(pages[0], "GET", "n"), { value: "500" });
    });

    test("a tab that hears of the leader before it holds its own lock reaches it all the same", async (t, name) => {
      await several(1, name);
      const [page] = await several(1);
      await page.evaluate((name) => {
        const { locks } = navigator;
        const request = locks.request.bind(locks);
        locks.request = async (lock, ...rest) => {
          if (/:[0-9a-f]{8}-/.test(lock)) await new Promise((done) => setTimeout(done, 300));
          return request(lock, ...rest);
        };
        window.joined = window.join(name);
      }, name);
      // It asks who leads, and all hear the answer.
      await several(1, name);
      t.equal(await page.evaluate(() => window.joined), false);
      t.equal(await call(page, "INCR", "n"), { value: 1 });
    });

    test("leaders closed while all write: nothing acknowledged is lost, nothing happens twice", async (t, name) => {
      const pages = await several(4, name);
      const told = [];
      const key = "n";
      await counters(pages, key);
      const times = [];
      while (pages.length > 1) {
        await pause(300);
        const [leader] = await leaderOf(pages);
        pages.splice(pages.indexOf(leader), 1);
        // What it was promised stands in the storage that pages of an origin share.
        const me = await leader.evaluate(() => window.me);
        await leader.close();
        const begun = performance.now();
        await call(pages[0], "PING");
        times.push(performance.now() - begun);
        const [acknowledged, unknown] = (await pages[0].evaluate((item) => localStorage.getItem(item), `${key} ${me}`)).split(" ").map(Number);
        // One more may have been acknowledged, or not, when it ended.
        told.push({ acknowledged, unknown: unknown + 1, others: [] });
      }
      await pause(300);
      const rest = await stopped(pages);
      const { value, acknowledged, unknown } = await exact(t, pages[0], key, [...told, ...rest]);
      console.log(`  leaders closed: ${value} increments, ${acknowledged} acknowledged, at most ${unknown} unknown; first reply after ${shown(times)} ms`);
    });

    test("takeover after a close", async (t, name) => {
      const pages = await several(2, name);
      const times = [];
      for (let round = 0; round < 10; round++) {
        const [leader] = await leaderOf(pages);
        pages.splice(pages.indexOf(leader), 1);
        pages.push(await tab(name));
        // From the last reply of the old leader to the first of the new one.
        await pages[0].evaluate(() => {
          window.gap = 0;
          window.stop = false;
          window.running = (async () => {
            for (let last = performance.now(); !window.stop; ) {
              await window.outcome(window.db.incr("n"));
              const now = performance.now();
              window.gap = Math.max(window.gap, now - last);
              last = now;
            }
          })();
        });
        await pause(100);
        await leader.close();
        await pages[0].waitForFunction(() => window.db.isLeading);
        await pause(50);
        times.push(await pages[0].evaluate(async () => ((window.stop = true), await window.running, window.gap)));
      }
      console.log(`  takeover after a close: ${shown(times)} ms without a reply`);
      t.ok(Math.max(...times) < 1000, `${Math.max(...times)} ms`);
    });

    test("takeover from a leader that is held up: under a second, and it writes nothing when it goes on", async (t, name) => {
      const pages = await several(2, name);
      const times = [];
      for (let round = 0; round < 10; round++) {
        const [leader] = await leaderOf(pages);
        const other = pages.find((page) => page !== leader);
        const held = leader.evaluate(() => {
          const { db } = window;
          window.hold(1300);
          // Before anything else can tell it.
          return window.outcome(db.incr("n"));
        });
        await pause(50);
        const first = await timed(other, "INCR", "n");
        times.push(first.ms);
        t.equal(first.value, 2 * round + 1);
        t.equal(await held, { value: 2 * round + 2 });
        t.equal(await Promise.all([leads(leader), leads(other)]), [false, true]);
        t.equal(await call(leader, "GET", "n"), { value: String(2 * round + 2) });
      }
      console.log(`  takeover from a leader that is held up: ${shown(times)} ms to the reply of the first command`);
      t.ok(Math.max(...times) < 1000, `${Math.max(...times)} ms`);
    });

    test("a leader that was held up in the middle of its writes is the leader no more: what it had not stored never happened", async (t, name) => {
      const [leader, other] = await several(2, name, { config: { appendfsync: "everysec" } });
      t.equal(await call(leader, "SET", "k", "before"), { value: "OK" });
      await leader.evaluate(() => window.db.durable());
      const held = leader.evaluate(() => {
        // In its engine at once, in its store not before it goes on.
        const lost = window.outcome(window.db.set("k", "lost").then(() => window.db.durable()));
        window.hold(1300);
        return lost;
      });
      await pause(50);
      const after = await timed(other, "SET", "k", "after");
      t.equal(after.value, "OK");
      t.ok(after.ms < 1000, `a write that waits for its page holds others up: ${after.ms} ms`);
      const lost = await held;
      t.ok(lost.error === "InterruptedError" || lost.error === "StorageError", JSON.stringify(lost));
      t.equal(await call(leader, "GET", "k"), { value: "after" });
      t.equal(await call(other, "GET", "k"), { value: "after" });
    });

    test("whoever lost its store without hearing of it writes nothing: the database refuses the whole write", async (t, name) => {
      const [first, second] = await several(2);
      await first.evaluate((name) => window.openStore(name), name);
      const held = first.evaluate(() => {
        const put = (name) => ({ kind: "put", name, bytes: new Uint8Array([1]) });
        window.hold(800);
        // In the same turn: that its lock was stolen it cannot know.
        return window.outcome(window.store.write([put("a"), put("b")], true));
      });
      await pause(50);
      await second.evaluate((name) => window.openStore(name, { takeOver: true }), name);
      t.equal((await held).error, "StorageTakenError");
      t.equal(await second.evaluate(() => window.store.list("")), []);
      t.equal(await second.evaluate(() => window.outcome(window.store.write([{ kind: "put", name: "c", bytes: new Uint8Array([1]) }], true).then(() => window.store.list("")))), { value: ["c"] });
    });

    test("a leader that crashes while all write: what was acknowledged is there", async (t, name) => {
      const pages = await several(3, name);
      await counters(pages, "n");
      await pause(300);
      const [leader] = await leaderOf(pages);
      pages.splice(pages.indexOf(leader), 1);
      const me = await leader.evaluate(() => window.me);
      const crash = await cdp(leader);
      const crashed = new Promise((done) => leader.once("crash", done));
      crash.send("Page.crash").catch(() => {});
      await crashed;
      const begun = performance.now();
      await call(pages[0], "PING");
      const ms = performance.now() - begun;
      await pause(300);
      const rest = await stopped(pages);
      const kept = (await pages[0].evaluate((item) => localStorage.getItem(item), `n ${me}`)) ?? "0 0";
      const [acknowledged] = kept.split(" ").map(Number);
      const value = Number((await call(pages[0], "GET", "n")).value);
      const sure = rest.reduce((sum, one) => sum + one.acknowledged, acknowledged);
      for (const one of rest) t.equal(one.others, []);
      t.ok(value >= sure, `${value} of ${sure}`);
      console.log(`  a leader crashed: first reply after ${ms.toFixed(0)} ms; ${value} increments, ${sure} known to be acknowledged`);
    });

    test("what a leader published and did not answer is not published twice: it is reported", async (t, name) => {
      const [leader, other] = await several(2, name);
      t.equal(await call(other, "PING"), { value: "PONG" });
      const held = leader.evaluate(() => window.hold(1300));
      await pause(50);
      const outcomes = await other.evaluate(() => Promise.all([window.call("PUBLISH", "c", "m"), window.call("SET", "k", "v"), window.call("GET", "k"), window.call("BLPOP", "none", "0.01")]));
      t.equal(outcomes.map(({ error, command, value }) => [error, command, value]), [["InterruptedError", "PUBLISH", undefined], [undefined, undefined, "OK"], [undefined, undefined, "v"], [undefined, undefined, null]]);
      await held;
      t.equal(await call(leader, "GET", "k"), { value: "v" });
    });

    test("a listener that does not listen does not fill the leader's memory", async (t, name) => {
      const [leader, listener] = await several(2, name);
      await listener.evaluate(() => window.db.subscribe("flood", () => {}).then((subscription) => void (window.done = window.outcome(subscription.done))));
      const held = listener.evaluate(() => window.hold(4000));
      await pause(50);
      const published = await leader.evaluate(async () => {
        const block = "x".repeat(1 << 20);
        const counts = [];
        for (let i = 0; i < 48; i++) counts.push(await window.db.publish("flood", block));
        return counts;
      });
      // Redis' limit for listeners, 32 MB, ends it.
      t.equal([published[0], published.at(-1)], [1, 0]);
      await held;
      t.equal((await listener.evaluate(() => window.done)).error, "ClosedError");
      t.equal(await call(listener, "PING"), { value: "PONG" });
    });

    test("a damaged store is refused in each tab, by what is damaged", async (t, name) => {
      const [page] = await several(1, name);
      await page.evaluate(async (name) => {
        await window.db.set("k", "v");
        await window.db.close();
        const db = await new Promise((done) => (indexedDB.open(`cachelet:${name}`).onsuccess = ({ target }) => done(target.result)));
        const objects = db.transaction("objects", "readwrite").objectStore("objects");
        const keys = await new Promise((done) => (objects.getAllKeys().onsuccess = ({ target }) => done(target.result)));
        const manifest = keys.find((key) => key.startsWith("manifest"));
        await new Promise((done) => (objects.put(new Uint8Array([1, 2, 3]), manifest).onsuccess = done));
        db.close();
      }, name);
      for (let i = 0; i < 2; i++) {
        const outcome = await page.evaluate((name) => window.outcome(window.join(name)), name);
        t.equal(outcome.error, "StorageError");
        t.ok(/manifest/.test(outcome.message), outcome.message);
      }
      t.equal((await page.evaluate((name) => window.outcome(window.join(name, { recover: "salvage" })), name)).value, true);
    });

    test("a storm of reloads", async (t, name) => {
      const pages = await several(4, name);
      const steady = pages[3];
      await counters([steady], "n");
      for (let round = 0; round < 8; round++) {
        await Promise.all(
          pages.slice(0, 3).map(async (page, index) => {
            await pause(index * 40);
            await page.reload();
            await page.evaluate((name) => window.join(name), name);
            await page.evaluate(() => window.db.incr("reloads"));
          }),
        );
      }
      const told = await stopped([steady]);
      await exact(t, steady, "n", told);
      t.equal(await call(steady, "GET", "reloads"), { value: "24" });
      t.equal((await leaderOf(pages)).length, 1);
      console.log(`  reloads: slowest increment ${told[0].slowest.toFixed(0)} ms`);
    });

    test("a store that another program has open is refused; a client that is closed lets go", async (t, name) => {
      const [first] = await several(1);
      await first.evaluate(async (name) => void (await window.openPlain(name)), name);
      const second = await tab();
      t.equal((await second.evaluate((name) => window.outcome(window.join(name)), name)).error, "StorageTakenError");
      await first.evaluate(() => window.plain.set("k", "plain"));
      await first.evaluate(() => window.plain.close());
      t.equal((await second.evaluate((name) => window.outcome(window.join(name)), name)).value, true);
      t.equal(await call(second, "GET", "k"), { value: "plain" });
      await second.evaluate(() => window.db.close());
      t.equal((await first.evaluate((name) => window.outcome(window.join(name)), name)).value, true);
      t.equal((await call(second, "GET", "k")).error, "ClosedError");
    });

    test("a page alone that is left has what it was told a moment ago", async (t, name) => {
      const [page] = await several(1);
      const leave = (key) =>
        page.evaluate(
          async ([name, key]) => {
            await window.openPlain(name);
            await new Promise((done) => setTimeout(done, 300));
            window.plain.set(key, "v");
            location.reload();
          },
          [name, key],
        );
      for (const key of ["a", "b"]) {
        const loaded = page.waitForEvent("load");
        await leave(key).catch(() => {});
        await loaded;
      }
      const seen = await page.evaluate(async (name) => (await window.openPlain(name), window.plain.mget("a", "b")), name);
      t.equal(seen, ["v", "v"]);
    });

    test("workers share it, too", async (t, name) => {
      const [page] = await several(1, name);
      const seen = await page.evaluate(async (name) => {
        const asked = (port) => {
          let last = 0;
          return (...message) =>
            new Promise((done) => {
              const id = ++last;
              const listen = ({ data }) => {
                if (data[0] !== id) return;
                port.removeEventListener("message", listen);
                done(data[1]);
              };
              port.addEventListener("message", listen);
              port.postMessage([id, ...message]);
            });
        };
        const dedicated = asked(new Worker("/worker.js"));
        const shared = new SharedWorker("/worker.js");
        shared.port.start();
        const third = asked(shared.port);
        const joined = [await dedicated("join", name), await third("join", name)];
        await dedicated("SET", "k", "worker");
        return [...joined, await third("APPEND", "k", "s"), await window.db.get("k")];
      }, name);
      t.equal(seen, [false, false, 7, "workers"]);
      await page.evaluate(() => window.db.close());
    });

    test("what a command costs", async (t, name) => {
      const [leader, other] = await several(2, name);
      const figures = [];
      for (const command of ["get", "set"]) {
        for (const [who, page] of [["leader", leader], ["other", other]]) {
          const us = await page.evaluate(([command]) => window.latency(command, 400), [command]);
          t.ok(us > 0, "no time");
          figures.push(`${command} ${who} ${us.toFixed(0)}`);
        }
      }
      console.log(`  microseconds, mean of 400 one after the other: ${figures.join(", ")}`);
    });
  };
}
