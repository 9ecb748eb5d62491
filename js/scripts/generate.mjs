// Writes js/generated/commands.ts, the typed client's map of commands, from js/generated/commands.json, the command
// table as the engine declares it. With --check it writes nothing and fails when the file is not what it would write.
//
// How a grammar becomes parameters:
// - what must be given is a parameter, in the order of the wire; a choice between words a union of literals;
// - `numkeys key...` is one parameter, an array; what repeats at the end is a rest parameter, elsewhere an array;
// - repeated groups, `(score member)...`, take objects with these names, `(field value)...` also a plain record;
//   without options behind them they may be written flat;
// - a value that may be left out is an optional parameter; words that may be left out, with or without a value, are
//   gathered in one object behind the parameters.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Advice, program, root, say } from "./shell.mjs";

const source = join(root, "js/generated/commands.json");
const target = join(root, "js/generated/commands.ts");

/** What a client does in a way of its own, or what would end or change the session that a client stands on. */
const withheld = new Set(
  "pfdebug pfselftest restore-asking auth hello quit reset multi exec discard monitor sync psync replconf shutdown debug asking readonly readwrite subscribe unsubscribe psubscribe punsubscribe ssubscribe sunsubscribe client|reply client|tracking client|caching".split(" "),
);

/** Commands whose integers go beyond 2^53: they come as bigint then. */
const unbounded = new Set(["incr", "incrby", "decr", "decrby", "hincrby"]);

const withScores = { base: "[bytes]", options: { withscores: "[[bytes double]]" } };
const withScore = { base: "int?", options: { withscore: "[int double]?" } };

/** Where the arguments decide which of the declared replies comes: without them, with a count, with an option. */
const replies = {
  set: { base: "ok?", options: { get: "bytes?" } },
  lcs: { base: "bytes", options: { len: "int", idx: "{any}" } },
  lpop: { base: "bytes?", count: "[bytes]?" },
  rpop: { base: "bytes?", count: "[bytes]?" },
  lpos: { base: "int?", options: { count: "[int]" } },
  spop: { base: "bytes?", count: "<bytes>" },
  srandmember: { base: "bytes?", count: "[bytes]" },
  hrandfield: { base: "bytes?", count: "[bytes]", options: { withvalues: "[[bytes bytes]]" } },
  zrandmember: { base: "bytes?", count: "[bytes]", options: { withscores: "[[bytes double]]" } },
  zpopmin: { base: "[bytes double] | []", count: "[[bytes double]]" },
  zpopmax: { base: "[bytes double] | []", count: "[[bytes double]]" },
  zadd: { base: "int", options: { incr: "double?" } },
  zrank: withScore,
  zrevrank: withScore,
  zrange: withScores,
  zrevrange: withScores,
  zrangebyscore: withScores,
  zrevrangebyscore: withScores,
  zunion: withScores,
  zinter: withScores,
  zdiff: withScores,
  sort: { base: "[bytes?]", options: { store: "int" } },
};

/** Grammars that no rule fits: parameters by hand. */
const special = {
  "client|kill": {
    shape: "? id- type- user- addr- laddr- skipme- maxage-",
    options: "{ id?: Integer; type?: Arg; user?: Arg; addr?: Arg; laddr?: Arg; skipme?: Word<\"YES\" | \"NO\">; maxage?: Integer }",
    signatures: [
      { params: ["address: Arg"], reply: "ok" },
      { params: ["filters: ClientKillOptions"], reply: "int" },
    ],
  },
  "client|setinfo": {
    shape: "",
    signatures: [{ params: ['attribute: Word<"LIB-NAME" | "LIB-VER">', "value: Arg"], reply: "ok" }],
  },
  bitfield: { shape: ". *", signatures: [{ params: ["key: Arg", "...operations: Many[]"] }] },
  bitfield_ro: { shape: ". *", signatures: [{ params: ["key: Arg", "...operations: Many[]"] }] },
  xadd: {
    shape: ". nomkstream maxlen* minid* limit- . :field,value",
    options: "{ nomkstream?: boolean; limit?: Integer } & OneOf<{ maxlen: Trim<Integer>; minid: Trim<Arg> }>",
    signatures: [
      { params: ["key: Arg", "id: Arg", "data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[]", "options: XaddOptions & { nomkstream: boolean }"], reply: "bytes?" },
      { params: ["key: Arg", "id: Arg", "data: Readonly<Record<string, Arg>> | readonly { field: Arg; value: Arg }[]", "options?: XaddOptions"], reply: "bytes" },
      { params: ["key: Arg", "id: Arg", "field: Arg", "value: Arg", "...more: Arg[]"], reply: "bytes" },
    ],
  },
  xtrim: {
    shape: ". maxlen* minid* limit-",
    options: "{ limit?: Integer } & ExactlyOne<{ maxlen: Trim<Integer>; minid: Trim<Arg> }>",
    signatures: [{ params: ["key: Arg", "options: XtrimOptions"] }],
  },
  xpending: {
    shape: ". . idle- ? ? ? ?",
    options: "{ idle?: Integer }",
    signatures: [
      { params: ["key: Arg", "group: Arg"], reply: "[int bytes? bytes? [[bytes bytes]]?]" },
      { params: ["key: Arg", "group: Arg", "start: Arg", "end: Arg", "count: Integer", "consumer?: Arg", "options?: XpendingOptions"], reply: "[[bytes bytes int int]]" },
    ],
  },
  "xinfo|stream": {
    shape: ". full count-",
    options: "{ full?: boolean; count?: Integer }",
    signatures: [{ params: ["key: Arg", "options?: XinfoStreamOptions"] }],
  },
  xread: {
    shape: "count- block- =STREAMS %key,id",
    options: "{ count?: Integer }",
    signatures: [{ params: ["streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[]", "options?: XreadOptions"] }],
  },
  xreadgroup: {
    shape: "=GROUP . . count- block- noack =STREAMS %key,id",
    options: "{ count?: Integer; noack?: boolean }",
    signatures: [{ params: ["group: Arg", "consumer: Arg", "streams: Readonly<Record<string, Arg>> | readonly { key: Arg; id: Arg }[]", "options?: XreadgroupOptions"] }],
  },
};

/** Commands that wait only when their option BLOCK says so: without it the in-process client has them too. */
const mayBlock = new Set(["xread", "xreadgroup"]);

/** Commands whose reply is not text, whatever the client: it comes as bytes. */
const binary = new Set(["dump"]);

/** The text of commands.ts for the commands of commands.json. */
export function generate(commands) {
  const methods = commands
    .filter(({ name, reply }) => reply !== "container" && !withheld.has(name) && !name.endsWith("|help"))
    .map(method)
    .sort((a, b) => (a.method < b.method ? -1 : 1));
  const plain = methods.flatMap((one) => (!one.waits ? [one] : mayBlock.has(one.name) ? [unblocked(one)] : []));
  const waiting = methods.filter(({ waits }) => waits);
  const table = (list) => list.map(({ name, shape }) => `${binary.has(name) ? "!" : ""}${name} ${shape}`.trimEnd()).join("\n");
  return `// Written by js/scripts/generate.mjs from the command table. Never edited.
import type { Arg, Double, ExactlyOne, Int, Integer, Many, OneOf, Trim, WaitOptions, Word } from "../arguments.js";
import type { Reply } from "../resp.js";

/** The commands as methods: parameters and reply. \`B\` is what bulk strings come as. Several signatures stand in a tuple. */
export interface Commands<B = string> {
${plain.map(entry).join("\n")}
}

/** The commands that may wait, which only the portable client has. */
export interface Waiting<B = string> {
${waiting.map(entry).join("\n")}
}
${methods.filter(({ options }) => options).map(({ optionsName, options, wire }) => `\n/** Options of ${wire}. */\nexport type ${optionsName} = ${options};\n`).join("")}
/** A line per command: its name (behind a ! when it answers bytes), and how its arguments are laid out where that is more than one after another. */
export const COMMANDS = \`${table(plain)}\`;

/** The same for the commands that may wait. */
export const WAITING = \`${table(waiting)}\`;
`;
}

function entry({ method, summary, wire, cost, signatures }) {
  const about = [summary.replaceAll("*/", "*\\/").replace(/\.?$/, "."), cost ? `${cost.replace(/\.?$/, ".")}` : "", `\`${wire}\``].filter(Boolean).join(" ");
  const text = signatures.length === 1 ? signatures[0] : `[\n${signatures.map((one) => `    ${one},\n`).join("")}  ]`;
  return `  /** ${about} */\n  ${method}: ${text};`;
}

function method(command) {
  const words = command.name.split("|");
  const wire = words.join(" ").toUpperCase();
  const method = camel(words.join("-"));
  const optionsName = `${method[0].toUpperCase()}${method.slice(1)}Options`;
  // SAVE waits for the store, which a server of Redis does without serving anybody meanwhile.
  const waits = command.name === "save" || command.flags.some((flag) => flag.toLowerCase() === "blocking");
  const given = special[command.name];
  const common = { name: command.name, method, wire, summary: command.summary, cost: command.cost, optionsName, waits };
  if (given) {
    const signatures = given.signatures.map(({ params, reply = command.reply }) => {
      verify(command, reply);
      const full = mayBlock.has(command.name) ? params.map((param) => param.replace(/^(options.*)$/, "$1 & { block?: Integer } & WaitOptions")) : params;
      return `(${full.join(", ")}) => ${type(reply)}`;
    });
    return { ...common, shape: given.shape, options: given.options, signatures };
  }
  try {
    const layout = lay(command.arguments ?? []);
    return { ...common, shape: layout.shape, options: optionsType(layout), signatures: signaturesOf(command, layout, optionsName, waits) };
  } catch (error) {
    if (error !== UNFIT) throw error;
    say(`no rule fits the whole grammar of ${wire}: its method takes the rest as it is on the wire`);
    const leading = [];
    for (const node of command.arguments) {
      if (node.optional || node.multiple || node.token || node.type === "block" || node.type === "oneof") break;
      leading.push(`${camel(node.name)}: ${valueType(node)}`);
    }
    const shape = [...leading.map(() => "."), "*"].join(" ");
    return { ...common, shape, options: undefined, signatures: [`(${[...leading, "...args: Many[]"].join(", ")}) => ${type(command.reply)}`] };
  }
}

/** The same command without what makes it wait. */
function unblocked(method) {
  return { ...method, shape: method.shape.replace("block- ", ""), signatures: method.signatures.map((text) => text.replace(" & { block?: Integer } & WaitOptions", "")) };
}

const UNFIT = Symbol("no rule fits");

/**
 * A grammar as parameters, options and the layout on the wire.
 *
 * The layout's parts, parted by blanks: `.` a value, `?` one that may be missing, `*` the values that remain, `@` an
 * array, `#` an array behind its length, `#a,b` groups behind their number, `:a,b` groups (`;a,b` when one group may
 * stand alone), `%a,b` groups of which all firsts come before all seconds, `=WORD` a word;
 * `name` an option without value, `name-` with one, `name*` with several, `name+` once per value.
 */
function lay(nodes) {
  const parts = [];
  const params = [];
  const options = [];
  const groups = [];
  const requires = (rest) => rest.some((node) => !node.optional);
  const optional = (node) => {
    if (node.type === "oneof" && !node.token) {
      if (node.arguments.every((one) => wordOf(one))) {
        groups.push({ isRequired: false, options: node.arguments.map(option) });
      } else {
        params.push({ name: camel(node.name), type: choice(node), optional: true });
        parts.push("?");
      }
    } else if (node.type === "pure-token" || node.token) {
      options.push(option(node));
    } else if (node.multiple) {
      if (node.type === "block") throw UNFIT;
      params.push({ name: plural(node.name), type: "Many", rest: true });
      parts.push("*");
    } else if (node.type === "block") {
      // (COUNT count [ANY]): the second is as good as an option of its own.
      if (wordOf(node) && node.arguments.slice(1).some((one) => !one.optional || !wordOf(one))) throw UNFIT;
      node.arguments.forEach(optional);
    } else {
      params.push({ name: camel(node.name), type: valueType(node), optional: true });
      parts.push("?");
    }
  };
  const option = (node) => {
    const word = wordOf(node);
    if (!/^[A-Z]+$/.test(word ?? "")) throw UNFIT;
    const name = word.toLowerCase();
    let suffix = "-";
    let text;
    if (node.type === "pure-token") [suffix, text] = ["", "boolean"];
    else if (node.multiple) [suffix, text] = [node.multiple_token ? "+" : "*", node.type === "block" ? undefined : `${valueType(node)} | readonly ${array(valueType(node))}`];
    else if (node.type === "block") [suffix, text] = ["*", tuple(node)];
    else if (node.type === "oneof" && node.arguments.some((one) => one.token && one.type !== "pure-token")) {
      [suffix, text] = ["*", node.arguments.map((one) => `readonly [${word_(one.token)}, ${valueType(one)}]`).join(" | ")];
    } else text = node.type === "oneof" ? choice(node) : valueType(node);
    if (!text) throw UNFIT;
    parts.push(name + suffix);
    return { name, type: text };
  };
  const required = (node, next, rest) => {
    if (node.token) parts.push(`=${node.token}`);
    if (node.type === "pure-token") {
      if (!node.token) throw UNFIT;
    } else if (node.type === "integer" && /^num/.test(node.name) && next?.multiple && next.type === "block") {
      const { type, names } = groupsOf(next);
      params.push({ name: "data", type });
      parts.push(`#${names.join(",")}`);
      return true;
    } else if (node.type === "integer" && /^num/.test(node.name) && next?.multiple) {
      params.push({ name: plural(next.name), type: "Many" });
      parts.push("#");
      return true;
    } else if (node.type === "oneof" && !node.token && node.arguments.every((one) => wordOf(one)) && node.arguments.some((one) => one.type !== "pure-token")) {
      groups.push({ isRequired: true, options: node.arguments.map(option) });
    } else if (node.type === "oneof") {
      params.push({ name: camel(node.name), type: choice(node) });
      parts.push(".");
    } else if (node.type === "block") {
      if (!node.multiple) return walk(node.arguments, rest), false;
      const { type, names, record } = groupsOf(node);
      params.push({
        name: "data",
        type,
        flat: requires(rest) ? undefined : [...node.arguments.map((one) => `${camel(one.name)}: ${valueType(one)}`), "...more: Arg[]"],
      });
      parts.push(`${record ? ":" : ";"}${names.join(",")}`);
    } else if (node.multiple) {
      const last = rest.length === 0;
      params.push({ name: plural(node.name), type: "Many", rest: last });
      parts.push(last ? "*" : "@");
    } else {
      params.push({ name: camel(node.name), type: valueType(node) });
      parts.push(".");
    }
    return false;
  };
  const walk = (list, behind) => {
    for (let i = 0; i < list.length; i++) {
      const rest = [...list.slice(i + 1), ...behind];
      if (list[i].optional) optional(list[i]);
      else if (required(list[i], list[i + 1], rest)) i++;
    }
  };
  walk(nodes, []);
  // Values one after another, as many as must be given: the wire's own order, which needs no layout.
  const shape = parts.every((part) => part === ".") ? "" : parts.join(" ");
  return { shape, params, options, groups };
}

/** What repeated groups are given as: objects with the names in a group, or a record where these are a name and a value. */
function groupsOf(node) {
  const names = node.arguments.map((one) => camel(one.name));
  if (node.arguments.some((one) => one.optional || one.type === "block" || one.type === "oneof" || one.token)) throw UNFIT;
  const record = names.length === 2 && names[1] === "value";
  const object = `{ ${node.arguments.map((one) => `${camel(one.name)}: ${valueType(one)}`).join("; ")} }`;
  return { names, record, type: record ? `Readonly<Record<string, Arg>> | readonly ${object}[]` : `${object} | readonly ${object}[]` };
}

function signaturesOf(command, { params, options, groups }, optionsName, waits) {
  const declared = command.reply;
  const own = options.length + groups.length > 0;
  const optional = groups.some(({ isRequired }) => isRequired) ? "" : "?";
  const name = [own ? optionsName : "", waits ? "WaitOptions" : ""].filter(Boolean).join(" & ");
  if (own && params.some(({ rest }) => rest)) throw UNFIT;
  const signature = (list, reply, optionsText) => {
    const texts = list.map(({ name, type, optional, rest }) => (rest ? `...${name}: ${type}[]` : `${name}${optional ? "?" : ""}: ${type}`));
    if (optionsText) texts.push(optionsText);
    return `(${texts.join(", ")}) => ${reply}`;
  };
  const typed = (shape) => (binary.has(command.name) ? type(shape).replace(/\bB\b/g, "Uint8Array") : type(shape, unbounded.has(command.name)));
  const chosen = replies[command.name];
  const signatures = [];
  if (!chosen) {
    signatures.push(signature(params, typed(declared), name && `options${optional}: ${name}`));
  } else {
    for (const shape of [chosen.base, chosen.count, ...Object.values(chosen.options ?? {})]) if (shape) verify(command, shape);
    let list = params;
    let base = chosen.base;
    if (chosen.count) {
      const at = params.findIndex(({ optional }) => optional);
      signatures.push(signature(params.slice(0, at), typed(base)));
      list = params.map((param, index) => (index === at ? { ...param, optional: false } : param));
      base = chosen.count;
    }
    const decisive = Object.entries(chosen.options ?? {});
    for (const [option, shape] of decisive) {
      const found = options.find((one) => one.name === option);
      if (!found) throw new Advice(`generate.mjs says that the option ${option} decides the reply of ${command.name}, which has no such option.`);
      signatures.push(signature(list, typed(shape), `options: ${name} & { ${option}: ${found.type === "boolean" ? "true" : found.type} }`));
    }
    if (decisive.length > 0) {
      const without = decisive.map(([option]) => `${option}?: ${options.find((one) => one.name === option).type === "boolean" ? "false" : "undefined"}`).join("; ");
      signatures.push(signature(list, typed(base), `options${optional}: ${name} & { ${without} }`));
      const any = [...new Set([base, ...decisive.map(([, shape]) => shape)].flatMap((shape) => typed(shape).split(" | ")))];
      signatures.push(signature(list, any.includes("Reply") ? "Reply" : any.join(" | "), `options: ${name}`));
    } else {
      signatures.push(signature(list, typed(base), name && `options${optional}: ${name}`));
    }
  }
  // Groups may also be written one after another, which leaves no place for options.
  const data = params.find(({ flat }) => flat);
  if (data) signatures.push(`(${[...params.slice(0, params.indexOf(data)).map(({ name, type }) => `${name}: ${type}`), ...data.flat].join(", ")}) => ${typed(chosen?.base ?? declared)}`);
  return signatures;
}

/** A reply chosen by the arguments has to be one of those declared. */
function verify({ name, reply }, shape) {
  const cores = (text) => alternatives(text).map((one) => one.replace(/\?$/, ""));
  const declared = cores(reply);
  if (declared.some((one) => one === "any" || one === "[any]" || one === "{any}")) return;
  for (const one of cores(shape)) {
    if (!declared.includes(one)) throw new Advice(`generate.mjs says that ${name} may reply ${shape}; it is declared to reply ${reply}. Bring "replies" up to date.`);
  }
}

/** Splits `a | b` at the top level. */
function alternatives(text) {
  const parts = [""];
  let depth = 0;
  for (const char of text) {
    if ("[{<".includes(char)) depth++;
    if ("]}>".includes(char)) depth--;
    if (char === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += char;
  }
  return parts.map((part) => part.trim());
}

/** A reply's shape as a type. */
export function type(shape, big = false) {
  let at = 0;
  const blanks = () => {
    while (shape[at] === " ") at++;
  };
  const union = () => {
    const all = [one()];
    for (blanks(); shape[at] === "|"; blanks()) {
      at++;
      all.push(one());
    }
    const flat = [...new Set(all.flat())];
    return flat.includes("Reply") ? ["Reply"] : [...flat.filter((name) => name !== "null"), ...flat.filter((name) => name === "null")];
  };
  const list = (close) => {
    const items = [];
    for (blanks(); shape[at] !== close; blanks()) items.push(union().join(" | "));
    at++;
    return items;
  };
  const one = () => {
    blanks();
    const char = shape[at];
    let name;
    if (char === "[") {
      at++;
      const items = list("]");
      name = items.length === 1 ? array(items[0]) : `[${items.join(", ")}]`;
    } else if (char === "<") {
      at++;
      name = array(list(">")[0]);
    } else if (char === "{") {
      at++;
      name = `Record<string, ${list("}")[0]}>`;
    } else {
      const word = /^[a-z]+/.exec(shape.slice(at))?.[0];
      name = { ok: '"OK"', int: big ? "Int" : "number", bytes: "B", double: "number", bool: "boolean", simple: "string", any: "Reply" }[word];
      if (!name) throw new Advice(`"${shape}" is no reply shape: see src/commands/mod.rs.`);
      at += word.length;
    }
    if (shape[at] !== "?") return name;
    at++;
    return name === "Reply" ? name : [name, "null"];
  };
  const whole = union().join(" | ");
  if (at < shape.length) throw new Advice(`"${shape}" is no reply shape: see src/commands/mod.rs.`);
  return whole;
}

function optionsType({ options, groups }) {
  const parts = [];
  if (options.length > 0) parts.push(`{ ${options.map(({ name, type }) => `${name}?: ${type}`).join("; ")} }`);
  for (const { isRequired, options } of groups) parts.push(`${isRequired ? "ExactlyOne" : "OneOf"}<{ ${options.map(({ name, type }) => `${name}: ${type}`).join("; ")} }>`);
  return parts.length > 0 ? parts.join(" & ") : undefined;
}

/** What a value may be. A cursor is what an earlier reply said, which is text. */
function valueType(node) {
  // WEIGHTS takes doubles, whatever its declaration says.
  if (node.type === "double" || node.name === "weight") return "Double";
  if (node.type === "integer" || node.type === "unix-time") return node.name === "cursor" ? "Arg" : "Integer";
  if (node.type === "oneof") return choice(node);
  if (node.type === "block") throw UNFIT;
  return "Arg";
}

/** The word that an option begins with. */
function wordOf(node) {
  return node.token ?? (node.type === "block" ? wordOf(node.arguments[0]) : undefined);
}

function tuple(node) {
  if (node.arguments.some((one, index) => (one.token && (index > 0 || node.token)) || one.optional || one.multiple)) throw UNFIT;
  return `readonly [${node.arguments.map((one) => `${camel(one.name)}: ${valueType(one)}`).join(", ")}]`;
}

function choice(node) {
  if (node.arguments.every((one) => one.type === "pure-token")) return `Word<${node.arguments.map((one) => JSON.stringify(one.token)).join(" | ")}>`;
  if (node.arguments.some((one) => one.token && one.type !== "pure-token") || node.arguments.some((one) => one.type === "block")) throw UNFIT;
  return "Arg";
}

function word_(text) {
  return `Word<${JSON.stringify(text)}>`;
}

function array(text) {
  return alternatives(text).length > 1 ? `(${text})[]` : `${text}[]`;
}

function plural(name) {
  const one = camel(name);
  return one.endsWith("s") ? one : `${one}s`;
}

function camel(name) {
  const text = name.replace(/[-|]([a-z0-9])/g, (_, letter) => letter.toUpperCase());
  return /^(?:function|default|in|new|delete|class|var|with)$/.test(text) ? `${text}_` : text;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await program(() => {
    const text = generate(JSON.parse(readFileSync(source, "utf8")));
    let last = "";
    try {
      last = readFileSync(target, "utf8");
    } catch {}
    if (text === last) return;
    if (process.argv.includes("--check")) throw new Advice("js/generated/commands.ts is not what the command table says. Run:\n    node js/scripts/generate.mjs");
    writeFileSync(target, text);
  });
}
