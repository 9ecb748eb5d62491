// The lines typed so far, kept for the next visit where the browser allows it.

const NAME = "cachelet-console-history";
const LIMIT = 500;

export class History {
  #lines = [];
  #at;
  /** What stood on the prompt before the walk began. */
  #draft = "";

  constructor() {
    try {
      const kept = JSON.parse(localStorage.getItem(NAME) ?? "[]");
      if (Array.isArray(kept)) this.#lines = kept.filter((line) => typeof line === "string");
    } catch {
      // No storage, or something else under our name: start empty.
    }
    this.#at = this.#lines.length;
  }

  add(line) {
    // AUTH and its like do not belong into storage.
    const secret = /^\s*(auth|hello\s.*auth|config\s+set\s+requirepass|acl\s)/i.test(line);
    if (this.#lines.at(-1) !== line) this.#lines.push(line);
    this.#lines = this.#lines.slice(-LIMIT);
    this.#at = this.#lines.length;
    if (secret) return;
    try {
      localStorage.setItem(NAME, JSON.stringify(this.#lines.filter((kept) => !/auth|requirepass/i.test(kept))));
    } catch {
      // Full or forbidden: the history lasts as long as the page.
    }
  }

  /** The line `step` further; the draft comes back behind the last. */
  walk(step, current) {
    if (this.#at === this.#lines.length) this.#draft = current;
    this.#at = Math.min(Math.max(this.#at + step, 0), this.#lines.length);
    return this.#at === this.#lines.length ? this.#draft : this.#lines[this.#at];
  }
}
