// System packages, through Debian's apt. Everything that this installs is named before it is installed, and
// CACHELET_NO_INSTALL=1 turns the installation into instructions.
import { Advice, ask, find, noInstall, run, say } from "./shell.mjs";

/** Install packages, or say how. `takes` is the time and space to announce. */
export async function install(packages, { why, takes, otherwise = "" }) {
  const isRoot = process.getuid?.() === 0;
  const apt = find("apt-get");
  const sudo = isRoot ? null : find("sudo");
  const command = `${isRoot ? "" : "sudo "}apt-get install ${packages.join(" ")}`;
  if (!apt) {
    throw new Advice(`${why}\n  This system has no apt-get, so install the counterparts of these Debian packages yourself: ${packages.join(" ")}.${otherwise}`);
  }
  if (noInstall) {
    throw new Advice(`${why}\n  CACHELET_NO_INSTALL is set, so nothing was installed. Run:\n    ${command}\n  and start again.${otherwise}`);
  }
  if (!isRoot && !sudo) throw new Advice(`${why}\n  Installing needs root. Run as root:\n    apt-get install ${packages.join(" ")}\n  and start again.${otherwise}`);

  say(`${why}`);
  say(`installing on this system with apt-get: ${packages.join(" ")} (${takes}; CACHELET_NO_INSTALL=1 prevents this)`);
  const run_ = (args) =>
    run(isRoot ? apt : sudo, isRoot ? args : ["DEBIAN_FRONTEND=noninteractive", apt, ...args], {
      stdio: ["inherit", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    });
  const installing = ["install", "-y", "-q", "--no-install-recommends", ...packages];
  // A fresh machine has no package lists, an old one lists what the mirror has since replaced.
  const known = ask("apt-cache", ["show", "--no-all-versions", ...packages]) !== null;
  if (known && (await run_(installing))) return;
  say("fetching apt's package lists (under a minute)");
  await run_(["update", "-q"]);
  if (await run_(installing)) return;
  throw new Advice(`apt-get could not install ${packages.join(" ")}.\n  Its message stands above. Run it by hand:\n    ${command}\n  and start again.${otherwise}`);
}
