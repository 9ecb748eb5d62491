// What is written while a program is killed, and how it is seen afterwards that nothing acknowledged is lost.
//
// Record `i` is written durably and then acknowledged by its number. Every one is a piece of a log (an append, or an
// object of its own where the store does not append), every tenth goes with a larger object put over its last version.
import { bytesOf } from "./suite.mjs";

const lengthOf = (index) => 8 + ((index * 31) % 200);
const recordOf = (index) => bytesOf(lengthOf(index), index + 1);
const STATE = 60_000;

/** Writes records from `first` on until it is stopped, or `count` of them; `acknowledge` hears of each that is durable. */
export async function work(store, first, acknowledge, count = Infinity) {
  for (let index = first; index < first + count; index++) {
    const operations = [];
    if (index % 10 === 0) operations.push({ kind: "put", name: "state", bytes: bytesOf(STATE, index) });
    if (store.appends) operations.push({ kind: "append", name: "log", bytes: recordOf(index) });
    else operations.push({ kind: "put", name: `log/${String(index).padStart(9, "0")}`, bytes: recordOf(index) });
    const done = store.write(operations, true);
    if (done) await done;
    const told = acknowledge(index);
    if (told) await told;
  }
}

const isPrefix = (bytes, whole) => bytes.length <= whole.length && bytes.every((byte, index) => byte === whole[index]);

/**
 * Throws where a record up to `acknowledged` is missing, or anything but the end of the log is torn; cuts a torn end off,
 * as the engine does. The number of records.
 */
export async function check(store, acknowledged) {
  let count = 0;
  if (store.appends) {
    const log = (await store.get("log")) ?? new Uint8Array();
    let at = 0;
    while (at + lengthOf(count) <= log.length && isPrefix(recordOf(count), log.subarray(at))) at += lengthOf(count++);
    // Behind the last whole record there is a beginning of one, or what a file system leaves of it; never a whole one.
    if (at < log.length) {
      if (log.length - at > lengthOf(count)) throw new Error(`the log is damaged at ${at}, record ${count}, of ${log.length} bytes`);
      await store.write([{ kind: "put", name: "log", bytes: log.slice(0, at) }], true);
    }
  } else {
    const names = await store.list("log/");
    const logs = [];
    for (const name of names) logs.push(await store.get(name));
    for (; count < names.length; count++) {
      if (names[count] !== `log/${String(count).padStart(9, "0")}`) throw new Error(`record ${count} is missing among ${names.length}`);
      if (logs[count].length !== lengthOf(count) || !isPrefix(recordOf(count), logs[count])) throw new Error(`record ${count} is damaged`);
    }
  }
  if (count <= acknowledged) throw new Error(`${count} records, where number ${acknowledged} was acknowledged`);
  const state = await store.get("state");
  if (count > 0) {
    const last = Math.floor((count - 1) / 10) * 10;
    // Its object comes before the record itself: it may be one ahead, and behind where a store does a write in no order.
    const versions = store.eventual && last > acknowledged ? [last, count, last - 10] : [last, count];
    const fits = versions.some((index) => index % 10 === 0 && state?.length === STATE && isPrefix(bytesOf(STATE, index), state));
    if (!fits) throw new Error(`the object put with record ${last} is torn or missing: ${state?.length} bytes`);
  }
  return count;
}
