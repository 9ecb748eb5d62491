// The suites in Node, on the installed package.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { summary } from "./harness.mjs";
import { prepared } from "./package.mjs";

const { main } = await import(pathToFileURL(join(prepared("node"), "entry.mjs")));
const counts = await main("node");
console.log(summary(counts));
process.exitCode = counts.failed > 0 ? 1 : 0;
