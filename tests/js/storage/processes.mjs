// Whole programs on directories of files: killed while they write, starting at once, on a full disk, without permission.
// Runs in Node; `command` starts a program of Node or Deno.
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { bytesOf } from "./suite.mjs";

/** Times that a writing program is killed. */
const KILLS = Number(process.env.CACHELET_KILLS ?? 6);

const imports = `import { check, work } from "./js/storage/records.mjs";
import { bytesOf } from "./js/storage/suite.mjs";
import process from "node:process";
`;

/**
 * Programs that write and are killed. `source` is the beginning of a module that has `open(path)`, which promises a store
 * that is this program's; `fresh` makes paths.
 */
export const killing = ({ folder, command, source, fresh, name = "writer" }) => (test) => {
  const writer = join(folder, `${name}.mjs`);
  writeFileSync(
    writer,
    `${imports}${source}
const store = await open(process.argv[2]);
const first = await check(store, Number(process.argv[3]));
console.log("open");
if (process.argv[4]) {
  await store.close();
  process.exit(0);
}
await work(store, first, (index) => void console.log(String(index)));
`,
  );

  test(`killed ${KILLS} times while it writes: what was acknowledged is there, nothing that was put is torn`, async (t) => {
    const path = fresh();
    let acknowledged = -1;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(command[0], [...command.slice(1), writer, path, String(acknowledged)], { stdio: ["ignore", "pipe", "inherit"], cwd: folder });
      const ended = new Promise((done) => child.once("close", (code, signal) => done(signal ?? code)));
      let timer;
      for await (const line of createInterface({ input: child.stdout })) {
        if (line === "open") timer = setTimeout(() => child.kill("SIGKILL"), Math.random() * 300);
        else acknowledged = Number(line);
      }
      clearTimeout(timer);
      t.equal(await ended, "SIGKILL");
    }
    t.ok(acknowledged > 3 * KILLS, `only ${acknowledged} records in ${KILLS} runs`);
    const last = spawnSync(command[0], [...command.slice(1), writer, path, String(acknowledged), "only check"], { encoding: "utf8", cwd: folder });
    t.equal([last.status, last.stderr], [0, ""]);
  }, 20_000 + 5_000 * KILLS);
};

export const processes = ({ root, folder, command }) => (test) => {
  const fresh = () => mkdtempSync(join(root, "killed-"));
  const source = 'import { files } from "cachelet/storage/files";\n';
  const program = (name, text) => {
    const path = join(folder, `${name}.mjs`);
    writeFileSync(path, `${imports}${source}${text}`);
    return path;
  };
  const start = (path, args) => spawn(command[0], [...command.slice(1), path, ...args], { stdio: ["ignore", "pipe", "inherit"], cwd: folder });

  killing({ folder, command, source: `${source}const open = (path) => files(path).open();`, fresh })(test);

  test("of programs that open an abandoned directory at once, one has it at a time", async (t) => {
    const directory = fresh();
    const opener = program(
      "opener",
      `import { existsSync, readFileSync, writeFileSync } from "node:fs";
let opened = 0;
console.log("ready");
while (!existsSync(process.argv[2] + "/go")) {}
const until = Date.now() + 1000;
while (Date.now() < until) {
  let store;
  try {
    store = files(process.argv[2] + "/db").open();
  } catch (error) {
    if (error.name !== "StorageTakenError") throw error;
    continue;
  }
  // Who has it alone reads what it wrote.
  const mine = new TextEncoder().encode(String(process.pid));
  store.write([{ kind: "put", name: "owner", bytes: mine }], false);
  for (let times = 0; times < 20; times++) if (new TextDecoder().decode(store.get("owner")) !== String(process.pid)) throw new Error("not alone");
  opened++;
  store.close();
}
console.log(String(opened));
`,
    );
    mkdirSync(join(directory, "db"));
    writeFileSync(join(directory, "db/.lock-3"), JSON.stringify({ pid: 2 ** 22 + 7, host: "gone" }));
    utimesSync(join(directory, "db/.lock-3"), 0, 0);
    const children = [0, 1, 2].map(() => start(opener, [directory]));
    const lines = children.map((child) => {
      const told = [];
      createInterface({ input: child.stdout }).on("line", (line) => told.push(line));
      return told;
    });
    const codes = children.map((child) => new Promise((done) => child.once("close", done)));
    await t.until(() => lines.every((told) => told.includes("ready")));
    writeFileSync(join(directory, "go"), "");
    t.equal(await Promise.all(codes), [0, 0, 0]);
    const opened = lines.map((told) => Number(told.at(-1)));
    t.ok(opened.reduce((sum, count) => sum + count, 0) > 10, `opened ${opened}`);
  });

  const filler = program(
    "filler",
    `const store = files(process.argv[2]).open();
store.write([{ kind: "put", name: "kept", bytes: bytesOf(1000) }], true);
const record = bytesOf(3000);
let whole = 0;
const failures = {};
for (;;) {
  try {
    store.write([{ kind: "append", name: "log", bytes: record }], true);
    whole++;
  } catch (error) {
    failures.append = [error.name, error.message];
    break;
  }
}
try {
  store.write([{ kind: "put", name: "kept", bytes: bytesOf(3_000_000) }], true);
} catch (error) {
  failures.put = [error.name, error.message];
}
// A record that fits goes behind the last whole one.
const log = store.get("log");
const room = process.argv[3] === "room";
if (room) {
  store.write([{ kind: "delete", name: "kept" }], true);
  store.write([{ kind: "append", name: "log", bytes: bytesOf(200, 9) }], true);
}
console.log(JSON.stringify({ whole, failures, length: log.length, after: store.get("log").length, kept: store.get("kept")?.length, list: store.list("") }));
store.close();
`,
  );
  const filled = (t, done) => {
    t.equal(done.status, 0, done.stderr);
    const told = JSON.parse(done.stdout);
    t.ok(told.whole > 1);
    t.equal(told.length, told.whole * 3000, "what failed is cut off");
    return told;
  };

  test("on a full disk a write fails by name, leaves no part, and the next one that fits succeeds", (t) => {
    const directory = fresh();
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", directory]).status !== 0) t.skip("no small file system can be mounted here");
    try {
      const told = filled(t, spawnSync(command[0], [...command.slice(1), filler, join(directory, "db"), "room"], { encoding: "utf8", cwd: folder }));
      t.equal(told.failures.append, ["StorageError", `cannot append to ${directory}/db/log: the disk is full (ENOSPC)`]);
      t.equal(told.failures.put, ["StorageError", `cannot write ${directory}/db/kept: the disk is full (ENOSPC)`]);
      t.equal(told.after, told.length + 200);
      t.equal(told.list, ["log"]);
    } finally {
      spawnSync("umount", [directory]);
    }
  });

  test("where files may not be longer it says so", (t) => {
    const directory = fresh();
    const done = spawnSync("sh", ["-c", `trap '' XFSZ; ulimit -f 64; exec "$@"`, "sh", ...command, filler, join(directory, "db")], { encoding: "utf8", cwd: folder });
    const told = filled(t, done);
    t.equal(told.failures.append[0], "StorageError");
    // Deno has no code for it.
    t.ok([`cannot append to ${directory}/db/log: files may not be that long (EFBIG)`, `cannot append to ${directory}/db/log: File too large (os error 27)`].includes(told.failures.append[1]), told.failures.append[1]);
    t.equal(told.kept, 1000);
  });

  test("without permission it names what it may not touch", (t) => {
    const opener = program(
      "forbidden",
      `// To root nothing is forbidden.
if (!globalThis.Deno && process.getuid() === 0) process.setuid(65534);
try {
  files(process.argv[2]).open();
  console.log("opened");
} catch (error) {
  console.log(error.name + ": " + error.message);
}
`,
    );
    if (t.runtime === "deno") {
      const forbidden = command.filter((word) => !word.startsWith("--allow-write"));
      const done = spawnSync(forbidden[0], [...forbidden.slice(1), opener, join(root, "forbidden")], { encoding: "utf8", cwd: folder });
      t.ok(/^StorageError: cannot make .*\/forbidden: Requires write access to/.test(done.stdout), done.stdout + done.stderr);
      return;
    }
    const directory = mkdtempSync(join(tmpdir(), "cachelet-"));
    try {
      chmodSync(directory, 0o555);
      const done = spawnSync(command[0], [...command.slice(1), opener, directory], { encoding: "utf8", cwd: folder });
      t.equal(done.stdout, `StorageError: cannot lock ${directory}: permission denied (EACCES)\n`, done.stderr);
      const below = spawnSync(command[0], [...command.slice(1), opener, join(directory, "below")], { encoding: "utf8", cwd: folder });
      t.equal(below.stdout, `StorageError: cannot make ${directory}/below: permission denied (EACCES)\n`, below.stderr);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
};
