// Turns the glue that `wasm-bindgen --target web` writes into a factory.
//
// The tool's module is a singleton: its `wasm`, its cached views and its classes are module variables, and a second
// initSync returns the first instance. Every open() needs an instance and a memory of its own, so the module's body
// becomes the body of createGlue(), and what it exported becomes the object that createGlue() returns. The loading by
// fetch is dropped: platforms hand over a compiled module or bytes, and Workers know no import.meta.url.
//
// wasm-bindgen's version is pinned and its top-level statements start in the first column, which is all that this
// relies on; a statement of a kind not seen before stops the build instead of being guessed at.

/**
 * What is not needed here: the tool's asynchronous start with what is left of it once that is gone; help for browsers
 * without encodeInto, which none has been for years, and for those that decode two gigabytes through this door; speed
 * for texts, of which only few and short ones come this way; and the freeing of an engine that was let go of without close(), where its whole instance goes with it.
 */
const dropped = new Set(["__wbg_load", "__wbg_init", "__wbg_init_once", "__wbg_init_promise", "initSync", "__wbg_finalize_init", "passStringToWasm0", "wasmModule", "cachedTextDecoder", "decodeText", "MAX_SAFARI_DECODE_BYTES", "numBytesDecoded", "DoorFinalization"]);
const droppedLines = /^(?:if \(!\('encodeInto'|if \(Symbol\.dispose\)|cachedTextDecoder\.decode\(\))/;

/** What stands in the place of some of that. */
const replaced = `
const cachedTextDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const decodeText = (bytes) => cachedTextDecoder.decode(bytes);
function passStringToWasm0(text, malloc) {
    const bytes = cachedTextEncoder.encode(text);
    const ptr = malloc(bytes.length, 1) >>> 0;
    getUint8ArrayMemory0().set(bytes, ptr);
    WASM_VECTOR_LEN = bytes.length;
    return ptr;
}
let wasm;
function initSync({ module }) {
    wasm = new WebAssembly.Instance(module, __wbg_get_imports()).exports;
    wasm.__wbindgen_start();
    return wasm;
}`;

/** The factory module's text. */
export function factory(source) {
  const body = [];
  const names = [];
  for (const statement of statements(source)) {
    const head = statement.code.split("\n", 1)[0];
    let found;
    if (dropped.has(declared(head))) {
      continue;
    }
    if (droppedLines.test(head)) continue;
    if (/^\/\* @ts-self-types/.test(head)) continue;
    if (/^import\b/.test(head)) throw new Error(`the glue imports something, which a factory cannot: ${head}`);
    if ((found = /^export \{ (.*) \};$/.exec(head))) {
      for (const name of found[1].split(", ")) if (!/ as default$/.test(name)) names.push(plainName(name));
      continue;
    }
    if (/^export\b/.test(head)) {
      found = /^export (?:class|function|const) ([\w$]+)/.exec(head);
      if (!found) throw new Error(`the glue exports in a way that is new: ${head}`);
      names.push(found[1]);
    } else if (!/^(?:let|const|var|function|async function|class|if|\(|[\w$.]+\()/.test(head)) {
      throw new Error(`the glue holds a statement that is new: ${head}`);
    }
    body.push(statement.comment + statement.code.replace(/^export /, ""));
  }
  if (!names.includes("initSync")) throw new Error("the glue exports no initSync");
  const text = body.join("\n").replace(/^ *DoorFinalization\.(?:un)?register\(.*\);\n/gm, "") + replaced;
  if (/DoorFinalization/.test(text)) throw new Error("the glue frees engines in a way that is new");
  if (/\bimport\.meta\b|\bfetch\(/.test(text)) throw new Error("the glue still loads by itself");
  return `// Written by js/scripts/build.mjs from wasm-bindgen's glue.
/* @ts-self-types="./glue.d.ts" */

/** Fresh glue: classes, functions and initSync over an instance and a memory of its own. */
export function createGlue() {
${indent(text)}

    return { ${names.join(", ")} };
}
`;
}

/** The factory's types, from the types that the tool wrote. */
export function factoryTypes(source) {
  const body = [];
  const members = [];
  const types = [];
  for (const statement of statements(source)) {
    const head = statement.code.split("\n", 1)[0];
    if (/^\/\* (?:tslint|eslint)/.test(head) || /^export default /.test(head) || /^export type InitInput\b/.test(head)) continue;
    const found = /^export (?:(class|enum|function|const) |(?:interface|type) )([\w$]+)/.exec(head);
    if (!found) throw new Error(`the glue's types hold a statement that is new: ${head}`);
    const [, value, name] = found;
    if (value) {
      if (!members.includes(name)) members.push(name);
      if (value === "class" || value === "enum") types.push(name);
      body.push(statement.comment + statement.code.replace(/^export /, "declare "));
    } else {
      body.push(statement.comment + statement.code);
    }
  }
  return `// Written by js/scripts/build.mjs from wasm-bindgen's types.

${body.join("\n")}

// Types only, the values come from createGlue(); and without an export list a .d.ts exports all it declares.
${types.length > 0 ? `export type { ${types.join(", ")} };` : "export {};"}

/** What one createGlue() returns; call its initSync once, before anything else. */
export interface Glue {
${members.map((name) => `    readonly ${name}: typeof ${name};`).join("\n")}
}

/** Fresh glue: classes, functions and initSync over an instance and a memory of its own. */
export declare function createGlue(): Glue;
`;
}

/** Top-level statements, each with the comment before it: a statement ends where the next line starts in column one. */
function* statements(source) {
  let comment = "";
  const lines = source.split("\n");
  for (let at = 0; at < lines.length; ) {
    if (lines[at].trim() === "") {
      at += 1;
      continue;
    }
    let end = at + 1;
    if (lines[at].startsWith("/**")) {
      while (!lines[end - 1].includes("*/")) end += 1;
      comment += `${lines.slice(at, end).join("\n")}\n`;
      at = end;
      continue;
    }
    // Blank lines and whatever starts with a space, a closing bracket or a chained operator belong to the statement.
    while (end < lines.length && /^(?:\s|$|[}\])?:.]|else\b)/.test(lines[end])) end += 1;
    yield { comment, code: lines.slice(at, end).join("\n").trimEnd() };
    comment = "";
    at = end;
  }
}

function declared(head) {
  return /^(?:export )?(?:async )?(?:function|let|const|class) ([\w$]+)/.exec(head)?.[1];
}

function plainName(name) {
  if (!/^[\w$]+$/.test(name)) throw new Error(`the glue exports under another name: ${name}`);
  return name;
}

/** Template strings of the glue hold no line breaks, so indenting every line changes no value. */
function indent(text) {
  return text
    .split("\n")
    .map((line) => (line === "" ? line : `    ${line}`))
    .join("\n");
}
