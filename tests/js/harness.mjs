// The test harness that runs everywhere: in Node, Deno, workerd and Chromium. Nothing here knows a runtime.
//
// A suite is a module of suite/ whose default export registers its tests:
//
//   export default (test) => {
//     test("what holds", async (t) => { const db = await t.open(); t.equal(db.ping(), "PONG"); });
//   };
//
// `t` has the checks below; `open(options)`, whose databases are closed after the test; `cachelet`, the package's
// exports; and `runtime`, one of node, deno, workerd, chromium.

class Skipped extends Error {}
class Failed extends Error {}

/** Longest time for one test that names no other as its third argument, in milliseconds. */
const LIMIT = 20_000;

/** Runs all tests one after the other; what came of them, with the failures as text. */
export async function run(suites, cachelet, runtime) {
  const counts = { passed: 0, failed: 0, skipped: 0, failures: [] };
  for (const [suite, register] of Object.entries(suites)) {
    const tests = [];
    register((name, body, limit = LIMIT) => tests.push({ name, body, limit }));
    for (const { name, body, limit } of tests) {
      const opened = [];
      const t = {
        ...checks,
        cachelet,
        runtime,
        async open(options) {
          const db = await cachelet.open(options);
          opened.push(db);
          return db;
        },
      };
      let timer;
      try {
        const late = new Promise((_, reject) => {
          timer = setTimeout(() => reject(new Failed(`not done after ${limit / 1000} s`)), limit);
        });
        await Promise.race([body(t), late]);
        counts.passed++;
      } catch (error) {
        if (error instanceof Skipped) {
          counts.skipped++;
        } else {
          counts.failed++;
          counts.failures.push(`${suite}: ${name}\n  ${String(error?.stack ?? error).split("\n").slice(0, 8).join("\n  ")}`);
        }
      } finally {
        clearTimeout(timer);
        for (const db of opened) db.close();
      }
    }
  }
  return counts;
}

/** What a run came to, as the gate reads it. */
export function summary({ passed, failed, skipped, failures }) {
  return [...failures.map((failure) => `FAIL ${failure}`), `${passed} passed, ${failed} failed, ${skipped} skipped`].join("\n");
}

const checks = {
  skip(why) {
    throw new Skipped(why);
  },
  ok(value, why = "is not so") {
    if (!value) throw new Failed(why);
  },
  /** Equal values, however nested; prototypes do not count. */
  equal(actual, expected, why = "") {
    if (!isSame(actual, expected)) throw new Failed(`${why ? `${why}: ` : ""}got ${show(actual)}, expected ${show(expected)}`);
  },
  /** It throws an error with these properties; the error. */
  throws(body, expected) {
    let result;
    try {
      result = body();
    } catch (error) {
      fits(error, expected);
      return error;
    }
    throw new Failed(`answered ${show(result)}, expected an error with ${show(expected)}`);
  },
  /** The promise is rejected with such an error; the error. */
  async rejects(promise, expected) {
    let result;
    try {
      result = await promise;
    } catch (error) {
      fits(error, expected);
      return error;
    }
    throw new Failed(`answered ${show(result)}, expected an error with ${show(expected)}`);
  },
  /** Waits until something holds. */
  async until(holds, why = "it did not come to hold") {
    for (let i = 0; i < 500; i++) {
      if (await holds()) return;
      await new Promise((wake) => setTimeout(wake, 10));
    }
    throw new Failed(why);
  },
  pause(ms) {
    return new Promise((wake) => setTimeout(wake, ms));
  },
};

function fits(error, expected = {}) {
  for (const [name, value] of Object.entries(expected)) {
    const actual = error?.[name];
    const is = value instanceof RegExp ? value.test(String(actual)) : isSame(actual, value);
    if (!is) throw new Failed(`an error with ${name} ${show(actual)}, expected ${value instanceof RegExp ? value : show(value)}: ${error?.stack ?? error}`);
  }
}

function isSame(a, b) {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, index) => byte === b[index]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => name in b && isSame(a[name], b[name]));
}

function show(value) {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  const text = JSON.stringify(value, (_, one) => {
    if (typeof one === "bigint") return `${one}n`;
    if (one instanceof Uint8Array) return `bytes ${[...one.subarray(0, 32)].join(" ")}`;
    return one === undefined ? "undefined" : one;
  });
  return text && text.length > 400 ? `${text.slice(0, 400)}…` : text;
}
