// What tests need beside Rust and npm: a real Redis to compare with, Chromium and its driver. Found in PATH, else
// installed through apt; what cannot be had is reported, so that what needs it is skipped by name.
import { install } from "./apt.mjs";
import { Advice, find, say } from "./shell.mjs";

const known = {
  "redis-server": { programs: ["redis-server"], packages: ["redis-server"], takes: "under a minute, 10 MB; Debian's package may start a server on port 6379" },
  "redis-cli": { programs: ["redis-cli"], packages: ["redis-tools"], takes: "under a minute, 10 MB" },
  chromium: { programs: ["chromium", "chromium-browser", "google-chrome"], packages: ["chromium"], takes: "one to two minutes, 0.5 GB" },
  chromedriver: { programs: ["chromedriver"], packages: ["chromium-driver"], takes: "under a minute, 20 MB" },
};

/** The names that a suite may ask for in its `// needs:` line. */
export const names = Object.keys(known);

/**
 * Find or install each; returns their paths by name, and by name the reason why one is missing.
 * @returns {Promise<{ paths: Record<string, string>, missing: Record<string, string> }>}
 */
export async function provide(wanted) {
  const paths = {};
  const missing = {};
  for (const name of wanted) {
    if (!known[name]) throw new Advice(`nothing is known of "${name}"; the names are ${names.join(", ")}.`);
    const { programs, packages, takes } = known[name];
    let path = find(...programs);
    if (!path) {
      try {
        await install(packages, { why: `The tests need ${name}.`, takes });
        path = find(...programs);
      } catch (error) {
        if (!(error instanceof Advice)) throw error;
        say(error.message);
      }
    }
    if (path) paths[name] = path;
    else missing[name] = `this machine has no ${name} (Debian: apt-get install ${packages.join(" ")})`;
  }
  return { paths, missing };
}
