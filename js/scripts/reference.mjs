// Writes www/reference.html: every command with its summary, syntax, cost, since, reply and an example, and those of Redis
// that are not here yet. Examples (js/reference/examples.txt) are run on the built engine, so the page shows what it
// really answers; a reply that differs between two runs is not shown. `render` is what tests compare the page with.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./shell.mjs";

const read = (file) => readFileSync(join(root, file), "utf8");
const dist = (file) => import(pathToFileURL(join(root, "dist", file)).href);

/** The examples: command to its lines. */
export function examples() {
  const lines = read("js/reference/examples.txt").split("\n").filter((line) => line && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.indexOf(": ")), line.slice(line.indexOf(": ") + 2).split(" ; ")]));
}

/** Runs lines on a fresh database; what the last one answers, as redis-cli prints it. */
export async function run(lines) {
  const [{ openSync }, { memory }, { NodeReader, print }, { splitLine }, { encodeCommand }] = await Promise.all([
    dist("platform/node.js"), dist("storage/memory.js"), dist("cli/print.js"), dist("cli/split.js"), dist("resp.js"),
  ]);
  const db = openSync({ storage: memory(), config: { save: "", appendonly: "no" } });
  const reader = new NodeReader();
  const session = db.instance.connect({ write: (bytes) => (reader.add(bytes.slice()), true), close() {} });
  let printed = "";
  for (const line of lines) {
    session.receive(encodeCommand(splitLine(line)).slice());
    printed = "";
    for (let node; (node = reader.next()); ) printed += `${print(node)}\n`;
  }
  db.close();
  return printed.replace(/\n+$/, "");
}

const escape = (text) => text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const wire = (name) => name.replace("|", " ").toUpperCase();

async function entry(command, lines) {
  const reply = await run(lines);
  // Time, chance and ids: what is not the same twice is nothing to promise.
  const steady = reply === (await run(lines)) && !/^(info|time|lastsave|memory|client\|(list|info|id)|lolwut|object\|idletime|latency|command\|docs|debug)/.test(command.name);
  const fields = [
    ["Syntax", `<code>${escape(command.syntax)}</code>`],
    ["Cost", escape(command.cost)],
    ["Since", `Redis ${escape(command.since)}`],
    ["Replies", `<code>${escape(command.reply)}</code>`],
    ["Categories", escape(command.categories.map((name) => `@${name}`).join(" "))],
  ];
  const hash = lines.map((line) => `try=${encodeURIComponent(line)}`).join("&");
  const shown = lines.map((line) => `&gt; ${escape(line)}`).join("\n") + (steady ? `\n${escape(reply)}` : "");
  return `<details class="command" id="${escape(command.name.replace("|", "-"))}" data-words="${escape(`${wire(command.name)} ${command.summary} ${command.group}`.toLowerCase())}">
<summary><b>${escape(wire(command.name))}</b> ${escape(command.summary)}</summary>
<dl>${fields.map(([name, text]) => `<dt>${name}</dt><dd>${text}</dd>`).join("")}</dl>
<pre>${shown}</pre>
<a class="try" href="index.html#${hash}">Try it in the console</a>
</details>`;
}

/** The page. */
export async function render() {
  const declared = JSON.parse(read("js/generated/commands.json"));
  const commands = declared.filter(({ container }) => !container);
  const lines = examples();
  const lacking = commands.filter(({ name }) => !lines.has(name)).map(({ name }) => name);
  const unknown = [...lines.keys()].filter((name) => !commands.some((command) => command.name === name));
  if (lacking.length + unknown.length > 0) throw new Error(`examples.txt lacks ${lacking.join(", ") || "nothing"}; it has ${unknown.join(", ") || "none"} too many`);
  const groups = [...new Set(commands.map(({ group }) => group))].sort();
  const sections = [];
  for (const group of groups) {
    const entries = [];
    for (const command of commands.filter((one) => one.group === group)) entries.push(await entry(command, lines.get(command.name)));
    sections.push(`<section id="group-${group}"><h2>${group}</h2>\n${entries.join("\n")}\n</section>`);
  }
  const notYet = JSON.parse(read("js/reference/not-yet.json"));
  const rows = [...declared.map(({ name, since, group, container }) => [name, since, group, container ? "by its subcommands" : "yes"]), ...notYet.map((row) => [...row, "not yet"])].sort(([a], [b]) => (a < b ? -1 : 1));
  return `<!doctype html>
<!-- Written by js/scripts/reference.mjs; never edited. -->
<html lang="en">
<head>
<meta charset="utf-8" />
<meta name="viewport" content="width=device-width, initial-scale=1" />
<title>Cachelet: commands</title>
<link rel="icon" href="data:," />
<link rel="stylesheet" href="console.css" />
<link rel="stylesheet" href="reference.css" />
<script type="module" src="reference.js"></script>
</head>
<body class="reference">
<header><h1>Commands</h1><p><a href="index.html">Console</a></p><label>Find <input id="find" type="search" /></label><p id="count" role="status">${commands.length} commands</p></header>
<main>
<nav aria-label="Groups">${groups.map((group) => `<a href="#group-${group}">${group}</a>`).join(" ")} <a href="#all">all of Redis</a></nav>
<p>In replies, <code>bytes</code> is a string, <code>[…]</code> an array, <code>&lt;…&gt;</code> a set, <code>{…}</code> a map, <code>?</code> may be nil, <code>|</code> either.</p>
${sections.join("\n")}
<section id="all"><h2>All of Redis' commands</h2>
<table><thead><tr><th>Command</th><th>Since</th><th>Group</th><th>Here</th></tr></thead>
<tbody>
${rows.map(([name, since, group, here]) => `<tr><td>${here === "yes" ? `<a href="#${escape(name.replace("|", "-"))}">${escape(wire(name))}</a>` : escape(wire(name))}</td><td>${escape(since)}</td><td>${escape(group)}</td><td>${here}</td></tr>`).join("\n")}
</tbody></table></section>
</main>
</body>
</html>
`;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(join(root, "www/reference.html"), await render());
