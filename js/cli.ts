#!/usr/bin/env node
// The package's program: `cachelet serve`, `cachelet cli`, `cachelet import`, `cachelet export`. Each part is loaded when it is asked for.
import { readFileSync } from "node:fs";

const HELP = `Cachelet: a Redis-compatible cache.

  cachelet serve [redis.conf] [--name value]...   serve RESP over TCP, and REST, WebSocket and the console over HTTP
  cachelet cli [options] [command]...             talk to a server: cachelet cli --help
  cachelet import FILE [options]                  put an RDB file or an append log into a server: cachelet import --help
  cachelet export FILE [options]                  write what a server holds as an RDB file
  cachelet --version

Options of serve are redis.conf's parameters: --port 7000 --bind 127.0.0.1 --requirepass secret. Its own:
  --storage folder        keeps the database in a folder; with --appendonly yes or --save 60 1 alone that is cachelet-data
  --recover salvage       of a damaged folder, keeps what is whole; without it a damaged one is refused
  --http-port 8787        the port for HTTP; 0 for none
  --http-token secret     the token that REST requests need (Authorization: Bearer secret)
  --http-read-token word  a token for requests that only read
`;

/** The package's version. */
export function version(): string {
  return (JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string }).version;
}

/** Runs the program; resolves with its exit code, or with undefined while it goes on by itself. */
async function main([command, ...args]: string[]): Promise<number | undefined> {
  switch (command) {
    case "serve":
      return (await import("./cli/serve.js")).serveCommand(args, version());
    case "cli":
      return (await import("./cli/client.js")).clientCommand(args);
    case "import":
      return (await import("./cli/transfer.js")).importCommand(args);
    case "export":
      return (await import("./cli/transfer.js")).exportCommand(args);
    case "--version":
    case "-v":
      process.stdout.write(`cachelet ${version()}\n`);
      return 0;
    case undefined:
    case "help":
    case "--help":
    case "-h":
      process.stdout.write(HELP);
      return command === undefined ? 1 : 0;
    default:
      process.stderr.write(`cachelet: there is no '${command}'\n\n${HELP}`);
      return 1;
  }
}

const code = await main(process.argv.slice(2));
if (code !== undefined) process.exitCode = code;
