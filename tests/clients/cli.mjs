// The program itself: what `cachelet serve` takes and refuses, how it ends, and `cachelet cli`.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cli, freePort, Raw, root, startServer } from "./_server.mjs";

const folder = mkdtempSync(join(tmpdir(), "cachelet-cli-"));
after(() => rmSync(folder, { recursive: true }));

const run = (args, options = {}) => spawnSync(process.execPath, [cli, ...args], { encoding: "utf8", timeout: 20_000, ...options });
const file = (name, text) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

describe("cachelet", () => {
  test("--version, --help, and what is neither", () => {
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
    assert.equal(run(["--version"]).stdout, `cachelet ${version}\n`);
    assert.match(run(["--help"]).stdout, /cachelet serve/);
    assert.deepEqual([run([]).status, run(["--help"]).status], [1, 0]);
    const wrong = run(["sevre"]);
    assert.equal(wrong.status, 1);
    assert.match(wrong.stderr, /there is no 'sevre'/);
  });
});

describe("cachelet serve", () => {
  const refused = (args, text) => {
    const { status, stderr } = run(["serve", ...args]);
    assert.match(stderr, text);
    assert.equal(status, 1);
  };

  test("options that do not exist or do not fit", () => {
    refused(["--prot", "7000"], /there is no parameter 'prot'/);
    refused(["--port", "seven"], /a port is a number/);
    refused(["--port", "70000"], /a port is a number/);
    refused(["--port"], /takes one value/);
    refused(["--hz", "0"], /hz/);
    refused(["--hz", "1", "2"], /Bad directive or wrong number of arguments/);
    refused(["--replicaof", "example.com", "6379"], /not available/);
    refused(["-p", "7000"], /-p/);
    refused(["none.conf"], /cannot be read/);
    refused([file("bad.conf", 'hz 10\nrequirepass "open\n')], /line 2/);
    refused([file("unknown.conf", "hz 10\n\nhsah-max 3\n")], /line 3: hsah-max/);
    const self = join(folder, "self.conf");
    writeFileSync(self, `include ${self}\n`);
    refused([self], /includes itself/);
    refused(["--dir", join(folder, "none")], /cannot be entered/);
  });

  test("an address beyond this machine takes a password and a token", async () => {
    refused(["--bind", "0.0.0.0"], /password.*token/s);
    refused(["--bind", "0.0.0.0", "--requirepass", "x"], /token/);
    refused(["--bind", "0.0.0.0", "--http-token", "x"], /password/);
    refused(["--bind", "127.0.0.1", "*"], /password/);
    const server = await startServer({ args: ["--bind", "0.0.0.0", "--requirepass", "x", "--http-token", "y"] });
    const raw = await Raw.open(server.port);
    assert.match((await raw.call("GET", "a")).message, /^NOAUTH/);
    await raw.close();
    assert.equal((await fetch(`${server.url}/get/a`)).status, 401);
    await server.stop();
  });

  test("users of a configuration file keep the doors", async () => {
    const users = file("users.conf", "user default on >pw ~open:* +@all\nuser ada on >ada ~* +get\n");
    refused([users, "--bind", "0.0.0.0"], /token/);
    refused([file("nopass.conf", "requirepass x\nuser default on nopass ~* &* +@all\n"), "--bind", "0.0.0.0", "--http-token", "y"], /password/);
    refused([file("twice.conf", "user ada on\nuser ada off\n")], /line 2: user\n.*Duplicate/);
    const server = await startServer({ before: [users], args: ["--bind", "0.0.0.0", "--http-token", "y"] });
    const raw = await Raw.open(server.port);
    assert.match((await raw.call("GET", "a")).message, /^NOAUTH/);
    assert.equal(await raw.call("AUTH", "ada", "ada"), "OK");
    assert.match((await raw.call("SET", "a", "1")).message, /^NOPERM/);
    await raw.close();
    // The token is the server's own and bound by no user's rules.
    assert.deepEqual(await (await fetch(`${server.url}/set/a/1`, { headers: { authorization: "Bearer y" } })).json(), { result: "OK" });
    assert.equal((await fetch(`${server.url}/get/a`, { headers: { authorization: "Bearer pw" } })).status, 401);
    await server.stop();

    const near = await startServer({ before: [users] });
    const get = async (path, token) => {
      const answer = await fetch(`${near.url}${path}`, token ? { headers: { authorization: `Bearer ${token}` } } : {});
      return [answer.status, (await answer.json()).error?.split(" ")[0] ?? "fine"];
    };
    assert.deepEqual(await get("/get/open:a"), [401, "WRONGPASS"]);
    assert.deepEqual(await get("/get/open:a", "ada"), [401, "WRONGPASS"]);
    assert.deepEqual(await get("/get/open:a", "pw"), [200, "fine"]);
    // Without a token of the server's own a request is the default user's, and bound by its rules.
    assert.deepEqual(await get("/get/closed", "pw"), [400, "NOPERM"]);
    await near.stop();
  });

  test("a port that is taken", async () => {
    const server = await startServer();
    refused(["--port", String(server.port), "--http-port", "0"], new RegExp(`127\\.0\\.0\\.1:${server.port} is taken`));
    refused(["--port", String(await freePort()), "--http-port", String(server.httpPort)], /is taken/);
    await server.stop();
  });

  test("a configuration file, its includes, and options that win over it", async () => {
    const inner = file("inner.conf", 'requirepass "p w\\x41"\n');
    const outer = file("outer.conf", `# as Redis reads it\nmaxclients 77\n\ninclude ${inner}\nNOTIFY-keyspace-events KEA\nhz 20\nsave ""\ntcp-backlog 511\ndaemonize no\n`);
    const pidfile = join(folder, "pid");
    const server = await startServer({ args: ["--hz", "30", "--pidfile", pidfile, "--databases", "3"], before: [outer] });
    assert.equal(readFileSync(pidfile, "utf8"), `${server.pid}\n`);
    const raw = await Raw.open(server.port);
    assert.equal(await raw.call("AUTH", "p wA"), "OK");
    const get = async (name) => (await raw.call("CONFIG", "GET", name))[1];
    assert.deepEqual([await get("maxclients"), await get("hz"), await get("databases"), await get("port"), await get("notify-keyspace-events")], ["77", "30", "3", String(server.port), "AKE"]);
    assert.match((await raw.call("SELECT", "3")).message, /out of range/);
    assert.match(server.output(), /say nothing here: .*tcp-backlog/);
    await raw.close();
    assert.equal(await server.stop("SIGINT"), 0);
    assert.ok(!existsSync(pidfile));
  });

  test("a configuration from standard input", async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [cli, "serve", "-", "--http-port", "0"], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin.end(`port ${port}\n`);
    await once(child.stdout, "data");
    const raw = await Raw.open(port);
    assert.equal(await raw.call("PING"), "PONG");
    await raw.close();
    child.kill();
    assert.equal((await once(child, "exit"))[0], 0);
  });

  test("SIGTERM, SIGINT and SHUTDOWN end it with clients connected and waiting", async () => {
    for (const end of ["SIGTERM", "SIGINT", "SHUTDOWN"]) {
      const server = await startServer();
      const clients = await Promise.all(Array.from({ length: 20 }, () => Raw.open(server.port)));
      clients.slice(1, 10).forEach((client) => client.send("BLPOP nothing 0\r\n"));
      clients.slice(10).forEach((client) => client.send("SUBSCRIBE x\r\n"));
      const events = await fetch(`${server.url}/subscribe/x`);
      if (end === "SHUTDOWN") clients[0].send("SHUTDOWN NOSAVE\r\n");
      else server.child.kill(end);
      const [code, signal] = server.child.exitCode === null ? await once(server.child, "exit") : [server.child.exitCode, null];
      assert.deepEqual([code, signal], [0, null], end);
      await Promise.all(clients.map((client) => client.closed));
      await events.body.cancel().catch(() => {});
    }
  });

  test("keeps its data where it is told to, and says what it found", async () => {
    const dir = mkdtempSync(join(folder, "kept-"));
    const ended = async (server, how) => {
      if (how.startsWith("SIG")) server.child.kill(how);
      else (await Raw.open(server.port)).send(`${how}\r\n`);
      if (server.child.exitCode === null) await once(server.child, "exit");
      assert.equal(server.child.exitCode, 0, how);
    };
    const ask = async (server, ...command) => {
      const raw = await Raw.open(server.port);
      const reply = await raw.call(...command);
      await raw.close();
      return reply;
    };
    let server = await startServer();
    assert.match(server.output(), /^ {2}kept in memory alone/m);
    assert.match((await ask(server, "CONFIG", "SET", "appendonly", "yes")).message, /kept nowhere/);
    await server.stop();

    server = await startServer({ args: ["--dir", dir, "--appendonly", "yes", "--appendfsync", "always"] });
    assert.ok(server.output().includes(`  kept in ${join(dir, "cachelet-data")}: append log, appendfsync always; snapshots, save 3600 1 300 100 60 10000\n`), server.output());
    assert.doesNotMatch(server.output(), /^ {2}found/m);
    await ask(server, "SET", "a", "1");
    await ended(server, "SIGTERM");

    // The log wins, and is left behind when it is no longer asked for.
    server = await startServer({ args: ["--dir", dir, "--save", "60", "1", "--save", "300 10", "--appendonly", "no"] });
    assert.match(server.output(), /^ {2}found .*, 1 changes in the log: 1 keys of \d+ bytes, in \d+ ms$/m);
    assert.match(server.output(), /no append log; snapshots, save 60 1 300 10$/m);
    for (const [how, value] of [["SIGINT", "1"], ["SHUTDOWN", "2"], ["SHUTDOWN NOSAVE", "3"], ["SHUTDOWN SAVE", "4"], ["SHUTDOWN NOW FORCE", "5"]]) {
      assert.equal(await ask(server, "GET", "a"), value, how);
      await ask(server, "INCR", "a");
      await ended(server, how);
      if (how === "SHUTDOWN NOSAVE") {
        server = await startServer({ args: ["--dir", dir, "--storage", "cachelet-data", "--appendonly", "no", "--save", ""] });
        assert.match(server.output(), /no append log; no save points$/m);
        assert.equal(await ask(server, "INCR", "a"), 4);
        assert.equal(await ask(server, "SAVE"), "OK");
        await ended(server, "SIGTERM");
      }
      server = await startServer({ before: [file("kept.conf", `save 60 1\nappendonly no\ndir ${dir}\n`)] });
    }
    assert.equal(await ask(server, "GET", "a"), "6");

    refused(["--port", String(await freePort()), "--http-port", "0", "--storage", join(dir, "cachelet-data")], /is open in process \d+/);
    await ended(server, "SIGTERM");
  });

  test("a damaged folder is refused, and salvaged when that is said", async () => {
    const dir = mkdtempSync(join(folder, "damaged-"));
    const server = await startServer({ args: ["--storage", dir, "--appendonly", "no"] });
    const raw = await Raw.open(server.port);
    for (let i = 0; i < 100; i++) await raw.call("SET", `k${i}`, "x".repeat(50));
    await raw.close();
    await server.stop();
    const chunk = readdirSync(dir).find((name) => name.startsWith("chunk"));
    const bytes = readFileSync(join(dir, chunk));
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(join(dir, chunk), bytes);
    refused(["--storage", dir], /chunk\/\d+\.\d+ is damaged at byte \d+: .*Started with --recover salvage/);
    refused(["--storage", dir, "--recover", "perhaps"], /is refuse or salvage/);
    const salvaged = await startServer({ args: ["--storage", dir, "--recover", "salvage"] });
    assert.match(salvaged.output(), /^ {2}lost: chunk\/\d+\.\d+ is damaged at byte \d+: [^.]*$/m);
    assert.equal(await salvaged.stop(), 0);
  });

  test("an end that cannot save is called off, and one by force is not", async () => {
    for (const [last, code] of [["SHUTDOWN NOSAVE", 0], ["SHUTDOWN FORCE", 1]]) {
      const dir = mkdtempSync(join(folder, "gone-"));
      const server = await startServer({ args: ["--storage", dir, "--appendonly", "no"] });
      const raw = await Raw.open(server.port);
      await raw.call("SET", "a", "1");
      rmSync(dir, { recursive: true });
      assert.equal((await raw.call("SHUTDOWN")).message, "ERR Errors trying to SHUTDOWN. Check logs.");
      server.child.kill("SIGTERM");
      while (!/asked to end\nnot all is durable: .*\nso the server goes on/.test(server.output())) await new Promise((wake) => setTimeout(wake, 20));
      assert.equal(await raw.call("GET", "a"), "1");
      raw.send(`${last}\r\n`);
      if (server.child.exitCode === null) await once(server.child, "exit");
      assert.equal(server.child.exitCode, code, server.output());
    }
  });

  test("the console page, and no other file", async () => {
    const server = await startServer();
    const home = await fetch(`${server.url}/`, { headers: { accept: "text/html,*/*" }, redirect: "manual" });
    assert.deepEqual([home.status, home.headers.get("location")], [302, "/console/"]);
    const page = await fetch(`${server.url}/console/`);
    assert.match(await page.text(), /<!doctype html>/);
    assert.equal((await fetch(`${server.url}/dist/wasm/cachelet.wasm`)).headers.get("content-type"), "application/wasm");
    assert.equal((await fetch(`${server.url}/console/none.js`)).status, 404);
    // As bytes: fetch would tidy the paths up.
    for (const path of ["/console/../package.json", "/console/%2e%2e/package.json", "/console/..%2fpackage.json", "/dist/..\\package.json", "/dist//etc/passwd", "/console/./../../../../etc/passwd"]) {
      const socket = connect(server.httpPort, "127.0.0.1");
      socket.end(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      let text = "";
      for await (const part of socket) text += part;
      assert.match(text, /^HTTP\/1\.1 40[04] /, path);
      assert.doesNotMatch(text, /"exports"|root:/, path);
    }
    await server.stop();
  });
});

describe("cachelet cli", () => {
  let server;
  before(async () => {
    server = await startServer({ args: ["--requirepass", "secret"] });
  });
  after(() => server.stop());
  const ask = (args, input, env = {}) => run(["cli", "-p", String(server.port), ...args], { input, env: { ...process.env, REDISCLI_AUTH: "secret", ...env } });

  test("one command, plainly and for people", () => {
    assert.equal(ask(["set", "a", "1"]).stdout, "OK\n");
    assert.equal(ask(["get", "a"]).stdout, "1\n");
    assert.equal(ask(["--no-raw", "get", "a"]).stdout, '"1"\n');
    assert.equal(ask(["--no-raw", "get", "none"]).stdout, "(nil)\n");
    assert.equal(ask(["get", "none"]).stdout, "\n");
    assert.equal(ask(["--no-raw", "rpush", "l", "x", "y"]).stdout, "(integer) 2\n");
    assert.equal(ask(["--no-raw", "lrange", "l", "0", "-1"]).stdout, '1) "x"\n2) "y"\n');
    assert.equal(ask(["--no-raw", "-3", "config", "get", "maxclients"]).stdout, '1# "maxclients" => "10000"\n');
    assert.equal(ask(["-n", "2", "get", "a"]).stdout, "\n");
    assert.equal(ask(["-r", "3", "incr", "n"]).stdout, "1\n2\n3\n");
  });

  test("errors: shown, and with -e the exit code's matter", () => {
    assert.match(ask(["--no-raw", "incr", "l"]).stdout, /^\(error\) WRONGTYPE /);
    assert.equal(ask(["incr", "l"]).status, 0);
    assert.equal(ask(["-e", "incr", "l"]).status, 1);
    assert.match(ask(["get", "a"], "", { REDISCLI_AUTH: "wrong" }).stderr, /AUTH failed/);
    assert.match(ask(["-a", "secret", "get", "a"], "", { REDISCLI_AUTH: "" }).stdout, /^1\n$/);
    assert.match(ask(["-u", `redis://:secret@127.0.0.1:${server.port}/2`, "set", "db", "two"], "", { REDISCLI_AUTH: "" }).stdout, /OK/);
    assert.match(ask(["--nonsense"]).stderr, /there is no option/);
  });

  test("nobody there", async () => {
    const { status, stderr } = run(["cli", "-p", String(await freePort()), "ping"]);
    assert.deepEqual([status, /nobody listens/.test(stderr)], [1, true]);
  });

  test("lines from standard input, the last argument from it, and --pipe", () => {
    const { stdout } = ask([], 'set b "two words"\n\nget b\nget "b\nmulti\nget b\nexec\n');
    assert.equal(stdout, "OK\ntwo words\nInvalid argument(s)\nOK\nQUEUED\ntwo words\n");
    const value = Buffer.from([0, 255, 10, 13]);
    assert.equal(ask(["-x", "set", "bin"], value).stdout, "OK\n");
    const { stdout: bytes } = spawnSync(process.execPath, [cli, "cli", "-p", String(server.port), "-a", "secret", "get", "bin"]);
    assert.deepEqual(bytes, Buffer.concat([value, Buffer.from("\n")]));
    const piped = ask(["--pipe"], "SET p 1\r\nINCR p\r\nINCR l\r\n*2\r\n$3\r\nGET\r\n$1\r\np\r\n");
    assert.match(piped.stdout, /^WRONGTYPE .*\nerrors: 1, replies: 4\n$/);
    assert.equal(piped.status, 1);
  });

  test("subscribing until it is interrupted", async () => {
    const child = spawn(process.execPath, [cli, "cli", "-p", String(server.port), "-a", "secret", "--no-raw", "subscribe", "news"], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    const heard = async (text) => {
      while (!output.includes(text)) output += (await once(child.stdout, "data"))[0];
    };
    await heard("(integer) 1");
    ask(["publish", "news", "hello"]);
    await heard('3) "hello"');
    child.kill("SIGINT");
    assert.equal((await once(child, "exit"))[0], 0);
    assert.match(output, /^Reading messages/);
  });
});
