// Which file of the package a browser gets: the console page and the engine it runs.

/** A file to send, or where to go instead. */
export interface Page {
  file?: URL;
  headers: Record<string, string>;
  redirect?: string;
}

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  json: "application/json",
  wasm: "application/wasm",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  txt: "text/plain; charset=utf-8",
  md: "text/plain; charset=utf-8",
};

/** The folders that are served, as they lie in the package, under their names in addresses. */
const FOLDERS: readonly [prefix: string, folder: string][] = [["/console/", "www/"], ["/dist/", "dist/"]];

/** What of the package at `root` a request asks for; `undefined` when it asks for no page. */
export function pageAt(root: URL, method: string, target: string, accept: string): Page | undefined {
  if (method !== "GET" && method !== "HEAD") return undefined;
  const path = target.split("?", 1)[0]!;
  if (path === "/console" || (path === "/" && accept.includes("text/html"))) return { headers: {}, redirect: "/console/" };
  for (const [prefix, folder] of FOLDERS) {
    if (!path.startsWith(prefix)) continue;
    const base = new URL(folder, root);
    let rest = path.slice(prefix.length);
    if (rest === "" || rest.endsWith("/")) rest += "index.html";
    let file: URL;
    try {
      file = new URL(`./${rest}`, base);
    } catch {
      return undefined;
    }
    const type = TYPES[rest.slice(rest.lastIndexOf(".") + 1)];
    // Dots, encoded ones too, and encoded slashes may lead out of the folder.
    if (!type || !file.href.startsWith(base.href) || /%2f|%5c|%00/i.test(rest)) return undefined;
    return { file, headers: { "content-type": type, "cache-control": "no-cache", "x-content-type-options": "nosniff" } };
  }
  return undefined;
}
