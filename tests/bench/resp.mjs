// Pipelined RESP buffers run through the engine in Node, beside redis-server under redis-benchmark with the same
// requests, byte for byte: requests a second of processor time, the server's own where the system tells it and on the
// clock where not. The engine has no socket here and the server has: this is what the engine itself can do; section tcp
// compares like with like.
import { median, processorTime, ratio, table } from "./measure.mjs";
import { haveRedis, redisBenchmarkCommand, startRedis } from "./peers.mjs";
import { buffers, builds, COMMANDS, KEYS, sessionOf } from "./workloads.mjs";

const ROUNDS = 5;

/** Requests a second of a session that takes `batches`, of `pipeline` requests each. */
function rate(session, batches, pipeline) {
  const times = Math.max(1, Math.round(200_000 / (pipeline * batches.length)));
  const start = processorTime();
  for (let i = 0; i < times; i++) for (const batch of batches) session(batch);
  return (times * batches.length * pipeline) / ((processorTime() - start) / 1000);
}

export async function run(options) {
  const redis = haveRedis() ? await startRedis() : undefined;
  if (!redis) console.log("redis-server is not here: no comparison");
  const dbs = Object.entries(await builds(options)).map(([name, openSync]) => [name, openSync()]);
  const sessions = Object.fromEntries(dbs.map(([name, db]) => [name, sessionOf(db)]));
  const names = Object.keys(sessions);
  const rows = [["requests a second of processor time", ...names, "redis-server", ...(names.length > 1 ? ["Cachelet / before"] : []), "Cachelet / redis-server"]];
  const results = {};
  for (const pipeline of [1, 16, 64]) {
    for (const command of Object.keys(COMMANDS)) {
      const figures = Object.fromEntries([...names, "redis-server"].map((name) => [name, []]));
      const batches = buffers(command, { pipeline, count: Math.round(8000 / pipeline) });
      for (const name of names) rate(sessions[name], batches, pipeline);
      for (let round = 0; round < ROUNDS; round++) {
        for (const name of names) figures[name].push(rate(sessions[name], batches, pipeline));
        if (redis) {
          const requests = pipeline === 1 ? 30_000 : 300_000;
          const before = redis.processorTime();
          const onTheClock = redisBenchmarkCommand(redis.port, { command: COMMANDS[command], pipeline, requests, keys: KEYS });
          figures["redis-server"].push(before === undefined ? onTheClock : (requests / (redis.processorTime() - before)) * 1000);
        }
      }
      const medians = Object.fromEntries(Object.entries(figures).filter(([, list]) => list.length > 0).map(([name, list]) => [name, median(list)]));
      results[`${command} P=${pipeline}`] = medians;
      rows.push([
        `${command} P=${pipeline}`,
        ...names.map((name) => medians[name].toFixed(0)),
        medians["redis-server"]?.toFixed(0) ?? "",
        ...(names.length > 1 ? [ratio(medians.Cachelet, medians.before)] : []),
        redis ? ratio(medians.Cachelet, medians["redis-server"]) : "",
      ]);
    }
  }
  table(rows);
  redis?.stop();
  for (const [, db] of dbs) await db.close();
  return results;
}
