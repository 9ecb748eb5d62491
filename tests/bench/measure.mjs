// Measuring in turns: A B C A B C ..., the median of each, ratios of medians.

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

/** Milliseconds for which this process was computing: on a machine that others use as well, what work costs. */
export function processorTime() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

/**
 * Nanoseconds a call of each subject, measured in turns. A subject is `(times) => void | Promise<void>` that does its
 * work that many times.
 *
 * @param {Record<string, (times: number) => unknown>} subjects
 * @param {{ times?: number, rounds?: number, clock?: () => number }} options `clock` in milliseconds
 * @returns {Promise<Record<string, number>>}
 */
export async function inTurns(subjects, { times = 200_000, rounds = 7, clock = () => performance.now() } = {}) {
  const figures = Object.fromEntries(Object.keys(subjects).map((name) => [name, []]));
  for (const work of Object.values(subjects)) await work(times);
  for (let round = 0; round < rounds; round++) {
    for (const [name, work] of Object.entries(subjects)) {
      const start = clock();
      await work(times);
      figures[name].push(((clock() - start) * 1e6) / times);
    }
  }
  return Object.fromEntries(Object.entries(figures).map(([name, values]) => [name, median(values)]));
}

/** Prints rows as an aligned table; the first column to the left, the others to the right. */
export function table(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  for (const row of rows) {
    console.log(row.map((cell, column) => (column === 0 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]))).join("  "));
  }
}

/** A ratio with two digits. */
export const ratio = (a, b) => (a / b).toFixed(2);
