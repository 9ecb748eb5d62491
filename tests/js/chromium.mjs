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

/**
 * The same, over a pipe and without Playwright, which has every page believe that it is seen: only one that is hidden can be frozen.
 * A page here has `evaluate` and `close` as there, `show`, and `freeze(is)`.
 * @returns {Promise<{ page: (url: string) => Promise<object>, kill: () => Promise<void> }>}
 */
export async function pipedIn(profile) {
  const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"];
  const child = spawn(executablePath, [...args, "--headless=new", `--user-data-dir=${profile}`, "--remote-debugging-pipe", "about:blank"], { stdio, detached: true });
  const end = () => {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It is gone.
    }
  };
  process.once("exit", end);
  const gone = new Promise((done) => child.once("close", done));
  const waiting = new Map();
  let [last, held] = [0, ""];
  child.stdio[4].setEncoding("utf8").on("data", (text) => {
    const messages = (held + text).split("\0");
    held = messages.pop();
    for (const message of messages.map((each) => JSON.parse(each))) waiting.get(message.id)?.(message);
  });
  const send = (method, params, sessionId) =>
    new Promise((done, fail) => {
      const id = ++last;
      waiting.set(id, ({ result, error }) => {
        waiting.delete(id);
        if (error) fail(new Error(`${method}: ${error.message}`));
        else done(result);
      });
      child.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  const page = async (url) => {
    const { targetId } = await send("Target.createTarget", { url });
    const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
    const evaluate = async (work, given) => {
      const expression = `(${work})(${JSON.stringify(given)})`;
      const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true }, sessionId);
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    };
    while (!(await evaluate(() => document.readyState === "complete" && location.href !== "about:blank"))) await new Promise((done) => setTimeout(done, 20));
    return {
      evaluate,
      close: () => send("Target.closeTarget", { targetId }),
      show: () => send("Target.activateTarget", { targetId }),
      freeze: (is) => send("Page.setWebLifecycleState", { state: is ? "frozen" : "active" }, sessionId),
    };
  };
  const kill = async () => {
    end();
    process.off("exit", end);
    await gone;
  };
  return { page, kill };
}
