// The suites in Chromium: the installed package, served as files, found through an import map.
// needs: chromium
import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { launch } from "./chromium.mjs";
import { summary } from "./harness.mjs";
import { entryFor, prepared } from "./package.mjs";

const folder = dirname(prepared("browser"));
const types = { ".mjs": "text/javascript", ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html" };
const map = {
  imports: {
    cachelet: join("/node_modules/cachelet", entryFor(folder, "browser")),
    "cachelet/http": "/node_modules/cachelet/dist/server/rest.js",
    "cachelet/rdb": "/node_modules/cachelet/dist/rdb.js",
  },
};
const page = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>suites</title>
<script type="importmap">${JSON.stringify(map)}</script>
<script type="module">
  import { main } from "/suite-browser/entry.mjs";
  window.outcome = main("chromium");
  window.outcome.then(() => {}, () => {});
</script>`;

const server = createServer((request, response) => {
  const path = normalize(decodeURIComponent(new URL(request.url, "http://localhost").pathname));
  if (path === "/") {
    response.setHeader("content-type", "text/html");
    response.end(page);
    return;
  }
  const file = join(folder, path);
  if (!existsSync(file) || !statSync(file).isFile()) {
    response.statusCode = 404;
    response.end();
    return;
  }
  response.setHeader("content-type", types[extname(file)] ?? "application/octet-stream");
  createReadStream(file).pipe(response);
});
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const browser = await launch();
try {
  const tab = await browser.newPage();
  tab.on("pageerror", (error) => console.log(`page: ${error.stack ?? error}`));
  tab.on("console", (message) => message.type() === "error" && console.log(`console: ${message.text()}`));
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction(() => window.outcome, undefined, { timeout: 30_000 });
  const counts = await tab.evaluate(() => window.outcome);
  console.log(summary(counts));
  process.exitCode = counts.failed > 0 ? 1 : 0;
} finally {
  await browser.close();
  server.close();
}
