// The portable client over the engine in this program: promises, waits, and what ends them.
export default (test) => {
  test("the same methods as promises, in the order of the calls", async (t) => {
    const db = await t.open();
    const p = db.portable();
    t.ok(p === db.portable());
    const replies = await Promise.all([p.set("k", 1), p.incr("k"), p.get("k"), p.hset("h", { a: 1 }), p.hgetall("h"), p.zadd("z", { score: 1, member: "m" })]);
    t.equal(replies, ["OK", 2, "2", 1, { a: "1" }, 1]);
    t.equal(await p.zrange("z", 0, -1, { withscores: true }), [["m", 1]]);
    t.equal(await p.binary().get("k"), Uint8Array.of(50));
    t.equal(await p.call("ECHO", "x"), "x");
    await t.rejects(p.lpush("k", 1), { code: "WRONGTYPE" });
    await t.rejects(p.get({}), { name: "TypeError" });
    await t.rejects(p.call("SUBSCRIBE", "c"), { name: "TypeError" });
    t.equal(db.get("k"), "2");
    await p.select(1);
    t.equal([db.get("k"), await p.get("k")], ["2", null], "its session is its own");
  });

  test("pipelines and transactions", async (t) => {
    const db = await t.open();
    const p = db.portable();
    t.equal(await p.pipeline().set("a", 1).incr("a").exec(), ["OK", 2]);
    t.equal(await p.multi().incr("a").get("a").exec(), [3, "3"]);
    await t.rejects(p.pipeline().lpush("a", 1).exec(), { code: "WRONGTYPE" });
    t.equal((await p.pipeline().lpush("a", 1).get("a").exec({ keepErrors: true }))[1], "3");
    await p.watch("a");
    db.set("a", 9);
    t.equal(await p.multi().incr("a").exec(), null);
    await t.rejects(p.multi().call("NOSUCH").exec(), { code: "EXECABORT" });
  });

  test("transaction: from the start again when others were quicker", async (t) => {
    const db = await t.open();
    const p = db.portable();
    await p.select(2);
    await p.set("n", 0);
    let runs = 0;
    const increment = () =>
      p.transaction("n", async (client, multi) => {
        runs++;
        const n = Number(await client.get("n"));
        await t.pause(1);
        return multi.set("n", n + 1);
      });
    await Promise.all(Array.from({ length: 5 }, increment));
    t.equal(await p.get("n"), "5");
    t.ok(runs > 5);
    t.equal(await p.transaction(["n"], async () => undefined), null);
    await t.rejects(
      p.transaction("n", async (client, multi) => (await p.incr("n"), multi.ping()), { tries: 3 }),
      { message: /3 times/ },
    );
  });

  test("waits: served when somebody pushes, first come first served, everybody else goes on", async (t) => {
    const db = await t.open();
    const p = db.portable();
    const first = p.blpop("q", 0);
    const second = p.blpop(["other", "q"], 0);
    t.equal(await p.ping(), "PONG");
    db.rpush("q", "one", "two");
    t.equal(await first, ["q", "one"]);
    t.equal(await second, ["q", "two"]);
    db.rpush("q", "there");
    t.equal(await p.brpop("q", 1), ["q", "there"]);
    const moved = p.blmove("from", "to", "LEFT", "right", 0);
    await p.rpush("from", "x");
    t.equal(await moved, "x");
    t.equal(db.lrange("to", 0, -1), ["x"]);
    const popped = p.blmpop(0, ["a", "b"], "left", { count: 2 });
    db.rpush("b", 1, 2, 3);
    t.equal(await popped, ["b", ["1", "2"]]);
    const lowest = p.bzpopmin(["z"], 0);
    const highest = p.bzpopmax("z", 0);
    const several = p.bzmpop(0, ["z"], "MIN", { count: 5 });
    db.zadd("z", 1, "a", 2, "b", 3, "c");
    t.equal(await lowest, ["z", "a", 1]);
    t.equal(await highest, ["z", "c", 3]);
    t.equal(await several, ["z", [["b", 2]]]);
    const bytes = p.binary().blpop("bytes", 0);
    db.rpush("bytes", Uint8Array.of(255));
    t.equal((await bytes)[1], Uint8Array.of(255));
    const called = p.call("BLPOP", "called", 0);
    db.rpush("called", "x");
    t.equal(await called, ["called", "x"]);
    await t.rejects(p.blpop("q", -1), { message: /timeout is negative/ });
    db.set("text", 1);
    await t.rejects(p.blpop("text", 0), { code: "WRONGTYPE" });
  });

  test("waits: give up in time, with nothing else going on", async (t) => {
    const db = await t.open();
    const p = db.portable();
    const start = Date.now();
    t.equal(await p.blpop("q", 0.05), null);
    t.equal(await Promise.all([p.bzpopmin("z", 0.03), p.blmove("a", "b", "LEFT", "LEFT", 0.06)]), [null, null]);
    const took = Date.now() - start;
    t.ok(took >= 90 && took < 5000, `it took ${took} ms`);
    db.rpush("q", "x");
    t.equal(db.llen("q"), 1);
  });

  test("waits: a signal ends them, in the engine too", async (t) => {
    const db = await t.open();
    const p = db.portable();
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const given = p.blpop("q", 0, { signal: controller.signal });
    const patient = p.blpop("q", 0);
    const sessions = db.instance.figures().sessions;
    controller.abort(reason);
    t.ok((await t.rejects(given, { message: "changed my mind" })) === reason);
    t.equal(db.instance.figures().sessions, sessions - 1);
    db.rpush("q", "for the patient");
    t.equal(await patient, ["q", "for the patient"]);
    db.rpush("q", "for nobody");
    t.equal(db.lrange("q", 0, -1), ["for nobody"]);
    await t.rejects(p.blpop("q", 0, { signal: controller.signal }), { message: "changed my mind" });
    t.equal(db.llen("q"), 1, "a signal that was given before takes nothing");
    const late = new AbortController();
    const served = p.blmpop(0, ["q"], "LEFT", { count: 1, signal: late.signal });
    late.abort();
    t.equal(await served, ["q", ["for nobody"]], "what was taken is not lost");
    await t.rejects(p.blpop("none", 0, { signal: AbortSignal.timeout(20) }), { name: "TimeoutError" });
    await t.rejects(p.blpop("none", 0, { sginal: late.signal }), { name: "TypeError" });
  });

  test("waits: in the database that is selected", async (t) => {
    const db = await t.open();
    const p = db.portable();
    await p.select(5);
    const wait = p.blpop("q", 0);
    await p.multi().select(6).exec();
    const other = p.blpop("q", 0);
    db.rpush("q", "not here");
    db.select(5);
    db.rpush("q", "here");
    db.select(6);
    db.rpush("q", "there");
    t.equal(await wait, ["q", "here"]);
    t.equal(await other, ["q", "there"]);
    await p.call("select", "0");
    t.equal(await p.blpop("q", 0), ["q", "not here"]);
  });

  test("waits: many, on sessions that are used again", async (t) => {
    const db = await t.open();
    const p = db.portable();
    const waits = Array.from({ length: 50 }, (_, index) => p.blpop(`q${index}`, 0));
    for (let i = 49; i >= 0; i--) db.rpush(`q${i}`, i);
    t.equal((await Promise.all(waits)).map(([, item]) => Number(item)), Array.from({ length: 50 }, (_, index) => index));
    await t.pause(1);
    t.ok(db.instance.figures().sessions <= 12, `${db.instance.figures().sessions} sessions are left`);
    for (let i = 0; i < 20; i++) {
      const wait = p.blpop("q", 0);
      db.rpush("q", i);
      t.equal(await wait, ["q", String(i)]);
    }
    t.ok(db.instance.figures().sessions <= 12);
  });

  test("waits: unblocked from elsewhere", async (t) => {
    const db = await t.open();
    const p = db.portable();
    const blocked = () => Number(/id=(\d+) [^\n]*cmd=blpop/.exec(db.clientList())[1]);
    const timedOut = p.blpop("q", 0);
    t.equal(db.clientUnblock(blocked()), 1);
    t.equal(await timedOut, null);
    const failed = p.blpop("q", 0);
    db.clientUnblock(blocked(), { error: true });
    await t.rejects(failed, { code: "UNBLOCKED" });
  });

  test("a work queue: two workers, each job once", async (t) => {
    const db = await t.open();
    const done = [];
    const stop = new AbortController();
    const worker = async (name) => {
      const client = db.portable().client();
      try {
        for (;;) {
          const [, job] = await client.blpop("jobs", 0, { signal: stop.signal });
          done.push([name, Number(job)]);
          await t.pause(1);
        }
      } catch (error) {
        if (error.name !== "AbortError") throw error;
      } finally {
        await client.close();
      }
    };
    const workers = [worker("a"), worker("b")];
    for (let i = 0; i < 20; i++) db.rpush("jobs", i);
    await t.until(() => done.length === 20);
    stop.abort();
    await Promise.all(workers);
    t.equal(done.map(([, job]) => job).sort((a, b) => a - b), Array.from({ length: 20 }, (_, index) => index));
    t.ok(new Set(done.map(([name]) => name)).size === 2);
  });

  test("close: ends this client and its waits, not the database", async (t) => {
    const db = await t.open();
    const p = db.portable().client();
    const wait = p.blpop("q", 0);
    const binary = p.binary().blpop("q", 0);
    await p.close();
    await t.rejects(wait, { name: "ClosedError" });
    await t.rejects(binary, { name: "ClosedError" });
    await t.rejects(p.get("k"), { name: "ClosedError" });
    await t.rejects(p.blpop("q", 0), { name: "ClosedError" });
    await t.rejects(p.subscribe("c"), { name: "ClosedError" });
    db.rpush("q", "x");
    t.equal(db.llen("q"), 1);
    const last = db.portable().blpop("other", 0);
    const further = db.portable().client().blpop("other", 0);
    db.close();
    await t.rejects(last, { name: "ClosedError" });
    await t.rejects(further, { name: "ClosedError" });
  });

  test("iterators and subscriptions", async (t) => {
    const db = await t.open();
    const p = db.portable();
    db.mset(Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`k${index}`, index])));
    db.hset("hash", { a: 1, b: 2 });
    db.zadd("zset", 1.5, "m");
    db.sadd("set", "x");
    const all = async (iterator) => {
      const items = [];
      for await (const item of iterator) items.push(item);
      return items;
    };
    t.equal((await all(p.scanIterator({ match: "k*" }))).length, 1000);
    t.equal(Object.fromEntries(await all(p.hscanIterator("hash"))), { a: "1", b: "2" });
    t.equal(await all(p.zscanIterator("zset")), [["m", 1.5]]);
    t.equal(await all(p.sscanIterator("set")), ["x"]);
    const sub = await p.subscribe("c");
    await p.publish("c", "x");
    t.equal((await sub.next()).value, { channel: "c", message: "x" });
    sub.unsubscribe();
    t.equal(await p.publish("c", "x"), 0);
  });
};
