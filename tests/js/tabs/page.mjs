// What a page of these tests has: a shared keyspace, and ways to use it that are asked for from outside.
import { indexedDB } from "cachelet/storage/indexeddb";
import { InterruptedError, openShared } from "cachelet/tabs";
import { open } from "cachelet";

const compiled = fetch("/cachelet.wasm").then((response) => WebAssembly.compileStreaming(response));

window.openPlain = async (name) => (window.plain = await open({ module: await compiled, storage: indexedDB(name), takeOver: false }));

window.openStore = async (name, options) => void (window.store = await indexedDB(name).open(options));

/** Opens the keyspace as `window.db`. */
window.join = async (name, { durability = "relaxed", ...options } = {}) => {
  window.db = await openShared(name, { module: await compiled, storage: indexedDB(name, { durability }), ...options });
  return window.db.isLeading;
};

/** What became of a promise, in a form that leaves the page. */
window.outcome = (promise) =>
  promise.then(
    (value) => ({ value }),
    (error) => ({ error: error.name, command: error.command, message: error.message }),
  );

window.call = (...args) => window.outcome(window.db.call(...args));

/** Holds the page up. */
window.hold = (ms) => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};

/** Increments a counter one after the other until stopped; tells what it was acknowledged and what is unknown. */
window.count = (key) => {
  const told = { acknowledged: 0, unknown: 0, others: [], slowest: 0, highest: 0 };
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const begun = performance.now();
      try {
        told.highest = await window.db.incr(key);
        told.acknowledged++;
      } catch (error) {
        if (error instanceof InterruptedError) told.unknown++;
        else {
          told.others.push(String(error));
          return;
        }
      }
      told.slowest = Math.max(told.slowest, performance.now() - begun);
      // A count that this page has only: what it was promised survives it.
      localStorage.setItem(`${key} ${window.me}`, `${told.acknowledged} ${told.unknown}`);
    }
  })();
  window.counting = { told, stop: async () => ((isOver = true), await done, told) };
};

/** The time a command takes, one after the other, in microseconds. */
window.latency = async (command, rounds) => {
  const begun = performance.now();
  for (let i = 0; i < rounds; i++) await window.db[command](...(command === "set" ? ["latency", "value"] : ["latency"]));
  return ((performance.now() - begun) / rounds) * 1000;
};
window.me = Math.random().toString(36).slice(2);
