// Sequences of requests that caches are judged by, each from one seed: numbers of keys, as they are asked for.

/** A small generator of numbers in [0, 1) (mulberry32). */
export function chance(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let x = Math.imul(state ^ (state >>> 15), state | 1);
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Draws ranks from 0 to `count` - 1, of which rank r comes in proportion to 1 / (r + 1) ** skew, by bisection. */
function zipf(count, skew, random) {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -skew;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}

/**
 * The traces by name: functions of the number of requests, of keys in the dataset and of keys that a cache holds, which
 * return the numbers of the keys asked for. Popular keys are spread over the numbers.
 *
 * @type {Record<string, (requests: number, dataset: number, held: number) => Uint32Array>}
 */
export const traces = {
  "Zipf 0.99": (requests, dataset) => drawn(requests, dataset, 0.99, 1),
  "Zipf 0.7": (requests, dataset) => drawn(requests, dataset, 0.7, 2),
  // A tenth of all requests walks once through keys that nobody else asks for, in stretches of half a cache.
  "Zipf 0.99 and scans": (requests, dataset, held) => {
    const keys = drawn(requests, dataset, 0.99, 3);
    let cold = dataset;
    for (let at = 5 * held; at < requests; at += 5 * held) {
      for (let i = at; i < Math.min(at + held / 2, requests); i++) keys[i] = cold++;
    }
    return keys;
  },
  // Round and round through half as many keys again as fit.
  loop: (requests, _, held) => Uint32Array.from({ length: requests }, (_, i) => i % Math.floor(held * 1.5)),
  // Nine in ten requests go to half a cache of keys, which are others after every tenth of the run.
  "shifting hot set": (requests, dataset, held) => {
    const random = chance(5);
    const hot = held / 2;
    return Uint32Array.from({ length: requests }, (_, i) => {
      const base = Math.floor((i * 10) / requests) * hot;
      return Math.floor(random() < 0.9 ? base + random() * hot : random() * dataset);
    });
  },
};

function drawn(requests, dataset, skew, seed) {
  const random = chance(seed);
  const draw = zipf(dataset, skew, random);
  const order = Uint32Array.from({ length: dataset }, (_, i) => i);
  for (let i = dataset - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return Uint32Array.from({ length: requests }, () => order[draw()]);
}
