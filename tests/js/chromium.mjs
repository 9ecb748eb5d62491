// Chromium for tests: without a sandbox, because CI runs as root, and without calls home, because it may have no internet.
// A test that imports this where there is none ends as one that cannot run here.
import { spawn } from "node:child_process";
import { chromium } from "playwright-core";
import { find } from "../../js/scripts/shell.mjs";

const executablePath = process.env.CACHELET_CHROMIUM ?? find("chromium", "chromium-browser", "google-chrome");
if (!executablePath) {
  console.log("there is no Chromium (Debian: apt-get install chromium)");
  process.exit(77);
}
const quiet = ["quic", "background-networking", "component-update", "sync"].map((name) => `--disable-${name}`);

const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", ...quiet];

/** Starts the browser. */
export const launch = () => chromium.launch({ executablePath, args });

/** Starts it with a profile in a folder, on the disk: without one it keeps what pages store in memory. */
export const launchIn = (profile) => chromium.launchPersistentContext(profile, { executablePath, args });

/**
 * The same, as a program that can be killed: `kill` ends it as a crash does, with everything it has started.
 * @returns {Promise<{ context: import("playwright-core").BrowserContext, kill: () => Promise<void> }>}
 */
export async function startIn(profile) {
  const child = spawn(executablePath, [...args, "--headless=new", `--user-data-dir=${profile}`, "--remote-debugging-port=0", "about:blank"], { stdio: ["ignore", "ignore", "pipe"], detached: true });
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  };
  process.once("exit", end);
  const gone = new Promise((done) => child.once("close", done));
  let told = "";
  for await (const text of child.stderr.setEncoding("utf8").iterator({ destroyOnReturn: false })) {
    told += text;
    const address = /DevTools listening on (ws:\S+)/.exec(told)?.[1];
    if (!address) continue;
    child.stderr.resume();
    const browser = await chromium.connectOverCDP(address);
    const kill = async () => {
      end();
      process.off("exit", end);
      await gone;
    };
    return { context: browser.contexts()[0], kill };
  }
  throw new Error(`Chromium did not start: ${told}`);
}
