// needs: redis-server
// Every transcript against a real redis-server: what we are held to is what it says, save for rows with a reason.

import { basename } from "node:path";
import { check, print, transcripts } from "./oracle/oracle.mjs";
import { startRedis } from "./oracle/server.mjs";

const server = await startRedis(process.env.CACHELET_REDIS_SERVER);
const counts = { passed: 0, failed: 0 };
try {
  for (const file of await transcripts()) {
    const { sections, steps, differences } = await check(file, { port: server.port, oracle: true });
    const failed = new Set(differences.map(({ section }) => section)).size;
    counts.passed += sections - failed;
    counts.failed += failed;
    print(differences);
    console.log(`${basename(file)}: ${sections} sections, ${steps} steps, ${differences.length} differences`);
  }
} finally {
  await server.stop();
}
console.log(`${counts.passed} passed, ${counts.failed} failed, 0 skipped`);
process.exitCode = counts.failed > 0 ? 1 : 0;
