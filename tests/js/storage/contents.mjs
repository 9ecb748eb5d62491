// What a file holds on a machine whose power may go: what is on the disk, and what is not yet.

export class Contents {
  #disk = new Uint8Array();
  #now = new Uint8Array();
  #pending = [];
  size = 0;

  get bytes() {
    return this.#now.subarray(0, this.size);
  }

  read(bytes, at) {
    const part = this.bytes.subarray(at, at + bytes.length);
    bytes.set(part);
    return part.length;
  }

  write(bytes, at) {
    this.#pending.push({ at, bytes: bytes.slice() });
    const end = Math.max(this.size, at + bytes.length);
    if (end > this.#now.length) {
      const grown = new Uint8Array(2 * end);
      grown.set(this.bytes);
      this.#now = grown;
    }
    this.#now.set(bytes, at);
    this.size = end;
    return bytes.length;
  }

  truncate(size) {
    this.#pending.push({ size });
    this.#now = applied(this.bytes.slice(), { size });
    this.size = size;
  }

  flush() {
    this.#disk = this.bytes.slice();
    this.#pending = [];
  }

  /** The power was gone: of what was not flushed a beginning is there, or any of it, and of what was written last a part. */
  lose(random) {
    const inOrder = random(2) === 0;
    const kept = random(this.#pending.length + 1);
    this.#pending.forEach((change, index) => {
      if (inOrder ? index < kept : random(2)) this.#disk = applied(this.#disk, change);
      else if (change.bytes && (inOrder ? index === kept : random(2))) this.#disk = applied(this.#disk, { ...change, bytes: change.bytes.subarray(0, random(change.bytes.length)) });
    });
    this.#now = this.#disk.slice();
    this.size = this.#now.length;
    this.#pending = [];
  }
}

function applied(bytes, { at, bytes: part, size }) {
  const after = new Uint8Array(size ?? Math.max(bytes.length, at + part.length));
  after.set(bytes.subarray(0, Math.min(after.length, bytes.length)));
  if (part) after.set(part, at);
  return after;
}
