// `npm run oracle -- --commands N --seed N`: the build, then generated commands beside a real redis-server.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "./build.mjs";
import { provide } from "./needs.mjs";
import { dependencies } from "./npm.mjs";
import { Advice, program, root } from "./shell.mjs";

await program(async () => {
  await dependencies();
  const { paths, missing } = await provide(new Set(["redis-server"]));
  if (missing["redis-server"]) throw new Advice(missing["redis-server"]);
  await build({ quiet: true });
  const env = { ...process.env, CACHELET_REDIS_SERVER: paths["redis-server"] };
  const child = spawn(process.execPath, [join(root, "tests/js/oracle/main.mjs"), ...process.argv.slice(2)], { env, stdio: "inherit" });
  return new Promise((done) => child.on("close", (code) => done(code ?? 1)));
});
