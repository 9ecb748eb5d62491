// What holds where the browser freezes tabs, as it does with those that nobody has looked at for a while.

const median = (times) => times.slice().sort((a, b) => a - b)[times.length >> 1];
const shown = (times) => `median ${median(times).toFixed(0)}, longest ${Math.max(...times).toFixed(0)} of ${times.length}`;

export function frozen({ browser, url, only = [] }) {
  return (add) => {
    let count = 0;
    const test = (name, body) => {
      if (only.length > 0 && !only.some((word) => name.includes(word))) return;
      add(name, async (t) => {
        const pages = [];
        /** A page that has opened the keyspace; one that is `deaf` is not told that it will be frozen. */
        const tab = async (deaf = false) => {
          const page = await browser.page(url);
          pages.push(page);
          if (deaf) await page.evaluate(() => document.addEventListener("freeze", (event) => event.stopImmediatePropagation(), true));
          await page.evaluate((name) => window.join(name), `frozen ${count}`);
          return page;
        };
        count++;
        try {
          await body(t, tab);
        } finally {
          for (const page of pages) await page.freeze(false).then(() => page.close(), () => {});
        }
      });
    };
    const call = (page, ...args) => page.evaluate((args) => window.call(...args), args);
    const leads = (page) => page.evaluate(() => window.db.isLeading);
    const timed = (page, ...args) =>
      page.evaluate(async (args) => {
        const begun = performance.now();
        const outcome = await window.call(...args);
        return { ...outcome, ms: performance.now() - begun };
      }, args);

    for (const [name, deaf] of [["a leader that is frozen", false], ["a leader that is frozen without a word", true]]) {
      test(`takeover from ${name}; it sees the new state when it thaws`, async (t, tab) => {
        let [leader, other] = [await tab(deaf), await tab(deaf)];
        const times = [];
        let unknown = 0;
        let last = { value: 0 };
        for (let round = 0; round < (deaf ? 13 : 10); round++) {
          t.equal(await Promise.all([leads(leader), leads(other)]), [true, false]);
          await other.show();
          await t.until(() => leader.evaluate(() => document.visibilityState === "hidden"), "it is not hidden");
          const ticks = () => leader.evaluate(() => ((window.ticks ??= 0), (window.ticking ??= setInterval(() => window.ticks++, 1)), window.ticks));
          await ticks();
          await leader.freeze(true);
          // Chromium freezes what a page hears half a second later than its timers: until then it takes a command, and cannot finish it.
          const isSettled = round < 10;
          if (deaf && isSettled) await t.pause(600);
          const before = await ticks();
          const first = await timed(other, "INCR", "n");
          if (first.error === "InterruptedError" && !isSettled) unknown++;
          else t.ok(first.value > last.value, JSON.stringify(first));
          if (isSettled) times.push(first.ms);
          t.equal(await ticks(), before, "it was not frozen");
          await leader.freeze(false);
          // The first thing that it does.
          const next = await call(leader, "INCR", "n");
          const least = 2 * (round + 1) - unknown;
          t.ok(next.value >= least && next.value <= least + unknown, `${JSON.stringify(next)}, with ${unknown} unknown`);
          last = next;
          t.equal(await Promise.all([leads(leader), leads(other)]), [false, true]);
          [leader, other] = [other, leader];
        }
        console.log(`  takeover from ${name}: ${shown(times)} ms to the outcome of the first command, ${unknown} unknown`);
        t.ok(Math.max(...times) < 1000, `${Math.max(...times)} ms`);
      });
    }

    test("a tab that was frozen while it listened and waited goes on where it was", async (t, tab) => {
      const [frozen, other] = [await tab(), await tab()];
      await other.evaluate(() => window.db.close());
      const [leader, follower] = [frozen, await tab()];
      await follower.evaluate(async () => {
        window.heard = [];
        await window.db.subscribe("news", ({ message }) => window.heard.push(message));
        window.popped = window.outcome(window.db.blpop("queue", 0));
      });
      await leader.show();
      await t.until(() => follower.evaluate(() => document.visibilityState === "hidden"), "it is not hidden");
      await follower.freeze(true);
      t.equal(await call(leader, "PUBLISH", "news", "one"), { value: 1 });
      t.equal(await call(leader, "RPUSH", "queue", "job"), { value: 1 });
      await follower.freeze(false);
      t.equal(await follower.evaluate(() => window.popped), { value: ["queue", "job"] });
      t.equal(await call(leader, "PUBLISH", "news", "two"), { value: 1 });
      await t.until(async () => (await follower.evaluate(() => window.heard.length)) === 2, "it has not heard both");
    });

    test("a leader that is frozen takes its own waits and subscriptions up again when it is back", async (t, tab) => {
      const [leader, other] = [await tab(), await tab()];
      await leader.evaluate(async () => {
        window.heard = [];
        await window.db.subscribe("news", ({ message }) => window.heard.push(message));
        window.popped = window.outcome(window.db.blpop("queue", 0));
      });
      await t.until(() => leader.evaluate(() => document.visibilityState === "hidden"), "it is not hidden");
      await leader.freeze(true);
      t.equal(await call(other, "SET", "k", "v"), { value: "OK" });
      t.equal(await leads(other), true);
      await leader.freeze(false);
      await t.until(async () => (await call(other, "PUBLISH", "news", "one")).value === 1, "nobody listens");
      t.equal(await call(other, "RPUSH", "queue", "job"), { value: 1 });
      t.equal(await leader.evaluate(() => window.popped), { value: ["queue", "job"] });
    });
  };
}
