// The end of a program that did not close its databases: what can be written without waiting is written then.
import type { Cachelet } from "../client.js";
import type { Persistence } from "../persistence.js";

const open = new Set<Persistence>();
let isListening = false;

/** Sees to a database's end; `listen` has its callback called when the program ends, and keeps no program alive. */
export function settledAtExit(db: Cachelet, listen: (end: () => void) => void): Cachelet {
  const { persistence } = db.instance;
  if (!persistence?.store.synchronous) return db;
  open.add(persistence);
  persistence.onEnd = () => open.delete(persistence);
  if (!isListening) {
    isListening = true;
    // One listener, however many databases come and go.
    listen(() => {
      for (const each of open) each.settleNow();
    });
  }
  return db;
}
