// Where an engine's seed comes from: the platform's randomness, which nobody can guess.

type Source = () => Uint32Array | undefined;
let quicker: Source = () => undefined;

/** Has seeds read by `source`, on platforms that have something quicker to load than `crypto`; it may have none after all. */
export function setSource(source: Source): void {
  quicker = source;
}

/** Two numbers of 32 bits. */
export const chance = (): Uint32Array => quicker() ?? crypto.getRandomValues(new Uint32Array(2));
