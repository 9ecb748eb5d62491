// The end of a program that did not close its databases: what can be written without waiting is written then.
import type { Cachelet } from "../client.js";
import type { Instance } from "../instance.js";

const open = new Set<Instance>();
let isListening = false;

/** Sees to a database's end; `listen` has its callback called when the program ends, and keeps no program alive. */
export function settledAtExit(db: Cachelet, listen: (end: () => void) => void): Cachelet {
  const { instance } = db;
  const { persistence } = instance;
  if (!persistence?.store.synchronous) return db;
  open.add(instance);
  persistence.onEnd = () => open.delete(instance);
  if (!isListening) {
    isListening = true;
    // One listener, however many databases come and go.
    listen(() => open.forEach(settleNow));
  }
  return db;
}

function settleNow({ closed, door, persistence }: Instance): void {
  try {
    if (!closed && (door.logs() || door.savesAtEnd())) persistence?.flush();
  } catch {
    // It ends; there is nobody to tell.
  }
}
