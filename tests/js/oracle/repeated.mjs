// The append log against the oracle's histories: what a sequence of every command left behind is left behind again by its log.

import { openSync } from "../../../dist/platform/node.js";
import { memory } from "../../../dist/storage/memory.js";
import { Difference } from "./lockstep.mjs";

/** How many keys were compared. */
export const repeated = { keys: 0, effects: 0 };

/** A database whose log can be repeated. */
export function logged() {
  const objects = new Map();
  const db = openSync({ storage: memory(objects), config: { save: "", appendonly: "yes", appendfsync: "no", "auto-aof-rewrite-percentage": 0 } });
  return { db, objects };
}

/** Has the log begin anew: what comes is all that it holds. */
export const anew = ({ db }) => db.call("SAVE");

/** What is to be the same of a key. Members without an order are put into one. */
function look(db, key) {
  const ask = (...words) => db.call(...words);
  const text = (bytes) => Buffer.from(bytes).toString("latin1");
  const type = text(ask("TYPE", key));
  const payload = ask("DUMP", key);
  const facts = [type, text(ask("OBJECT", "ENCODING", key)), String(ask("PEXPIRETIME", key))];
  // INCRBYFLOAT goes into the log as SET, which makes a number of text that reads as one: on redis-server's replicas too.
  if (type === "string") return [type, facts[2], text(ask("GET", key))];
  // LINSERT that finds no pivot has made room for it all the same.
  if (type === "list") return [type, facts[2], text(payload)];
  // When a consumer was last there, and how often and when it looked again at what it took, is in no log of Redis' either.
  if (type === "stream") {
    const plain = (name, value) => {
      if (/^(seen|active)-time$/.test(name)) return 0;
      if (/^(pel|pending)$/.test(name)) return value.map(([id, consumer]) => [id, typeof consumer === "number" ? 0 : consumer]);
      return typeof value === "bigint" ? String(value) : value;
    };
    return [type, facts[2], JSON.stringify(ask("XINFO", "STREAM", key, "FULL", "COUNT", 0), plain)];
  }
  // A small set that was made of a large one has the order in which the large one's table lay.
  if (type === "set") return [...facts, ...ask("SMEMBERS", key).map(text).sort()];
  if (facts[1] !== "hashtable") return [...facts, text(payload)];
  const fields = ask("HKEYS", key);
  return [...facts, ...fields.map((field) => `${text(field)} = ${text(ask("HGET", key, field))} until ${ask("HPEXPIRETIME", key, "FIELDS", 1, field)}`).sort()];
}

/** Throws a {@link Difference} where the log of `kept` makes something else than what is in it. `thresholds` are its settings. */
export function compareRepeated({ db, objects }, thresholds) {
  db.instance.persistence.pump();
  const config = Object.fromEntries(thresholds.map((name) => [name, String(db.call("CONFIG", "GET", name)[name])]));
  const again = openSync({ storage: memory(new Map(objects)), now: () => db.instance.door.now(), config: { ...config, save: "", appendonly: "no" } });
  const [before, after] = [db.binary(), again.binary()];
  const complain = (key, a, b) => {
    throw new Difference("log", ["(the log)", key], { text: JSON.stringify(a) }, { text: JSON.stringify(b) });
  };
  try {
    repeated.effects += again.recovered.effects;
    for (let index = 0; index < 16; index++) {
      for (const each of [before, after]) each.call("SELECT", index);
      const names = (each) => each.call("KEYS", "*").map((key) => Buffer.from(key).toString("latin1")).sort();
      const [ours, theirs] = [names(before), names(after)];
      if (ours.join("\n") !== theirs.join("\n")) complain(`db ${index}`, ours, theirs);
      for (const name of ours) {
        const key = Buffer.from(name, "latin1");
        const [a, b] = [look(before, key), look(after, key)];
        if (JSON.stringify(a) !== JSON.stringify(b)) complain(name, a, b);
        repeated.keys++;
      }
    }
  } finally {
    before.call("SELECT", 0);
    void again.close();
  }
}
