// RESP over TCP under redis-benchmark: `cachelet serve` in Node beside redis-server, requests a second.
import { median, ratio, table } from "./measure.mjs";
import { haveRedis, redisBenchmarkRun, startCachelet, startRedis } from "./peers.mjs";

const ROUNDS = 5;

export async function run() {
  if (!haveRedis()) {
    console.log("redis-server and redis-benchmark are not here: skipped");
    return {};
  }
  const redis = await startRedis();
  const cachelet = await startCachelet();
  const rows = [["requests a second", "cachelet serve", "redis-server", "ratio"]];
  const results = {};
  for (const pipeline of [1, 16, 64]) {
    const requests = pipeline === 1 ? 50_000 : 300_000;
    const runs = { ours: [], theirs: [] };
    for (let round = 0; round < ROUNDS; round++) {
      runs.ours.push(redisBenchmarkRun(cachelet.port, { pipeline, requests }));
      runs.theirs.push(redisBenchmarkRun(redis.port, { pipeline, requests }));
    }
    for (const command of ["SET", "GET"]) {
      const ours = median(runs.ours.map((figures) => figures[command]));
      const theirs = median(runs.theirs.map((figures) => figures[command]));
      results[`${command} P=${pipeline}`] = { ours, theirs };
      rows.push([`${command} P=${pipeline}`, ours.toFixed(0), theirs.toFixed(0), ratio(ours, theirs)]);
    }
  }
  table(rows);
  redis.stop();
  cachelet.stop();
  return results;
}
