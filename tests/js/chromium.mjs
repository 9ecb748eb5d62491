// Chromium for tests: without a sandbox, because CI runs as root, and without calls home, because it may have no internet.
// A test that imports this where there is none ends as one that cannot run here.
import { chromium } from "playwright-core";
import { find } from "../../js/scripts/shell.mjs";

const executablePath = process.env.CACHELET_CHROMIUM ?? find("chromium", "chromium-browser", "google-chrome");
if (!executablePath) {
  console.log("there is no Chromium (Debian: apt-get install chromium)");
  process.exit(77);
}
const quiet = ["quic", "background-networking", "component-update", "sync"].map((name) => `--disable-${name}`);

/** Starts the browser. */
export const launch = () => chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", ...quiet] });
