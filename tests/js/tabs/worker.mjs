// A worker, dedicated or shared, that shares the keyspace with pages and does what it is told.
import { indexedDB } from "cachelet/storage/indexeddb";
import { openShared } from "cachelet/tabs";

let db;
const answer = (port) => async ({ data: [id, command, ...args] }) => {
  try {
    if (command === "join") {
      const module = await WebAssembly.compileStreaming(fetch("/cachelet.wasm"));
      db = await openShared(args[0], { module, storage: indexedDB(args[0], { durability: "relaxed" }) });
      port.postMessage([id, db.isLeading]);
    } else port.postMessage([id, await db.call(command, ...args)]);
  } catch (error) {
    port.postMessage([id, String(error)]);
  }
};
if (globalThis.onconnect !== undefined || "SharedWorkerGlobalScope" in globalThis) {
  globalThis.onconnect = ({ ports: [port] }) => {
    port.onmessage = answer(port);
  };
} else globalThis.onmessage = answer(globalThis);
