// Who may reach a server, and how secrets are compared.
import type { Cachelet } from "../client.js";

/** Refused: an address that other machines can reach, and nothing that keeps them out. */
export class UnsafeAddressError extends Error {
  override readonly name = "UnsafeAddressError";
}

/** Whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || /^(?:::ffff:)?127(?:\.\d{1,3}){3}$/.test(name);
}

/** Whether anybody who connects is let in: the engine knows, since both requirepass and ACL SETUSER have a say in it. */
export function isOpen(db: Cachelet): boolean {
  return db.instance.door.needsNoPassword;
}

const encoder = new TextEncoder();

/**
 * Whether a secret that was presented is the one expected, in a time that depends on the presented one alone: it
 * tells nothing of how much of it is right.
 */
export function isSecret(presented: string, expected: string): boolean {
  const given = encoder.encode(presented);
  const wanted = encoder.encode(expected);
  if (wanted.length === 0) return false;
  let difference = given.length ^ wanted.length;
  for (let i = 0; i < given.length; i++) difference |= given[i]! ^ wanted[i % wanted.length]!;
  return difference === 0;
}

/**
 * Whether a browser sent a request on behalf of a page from elsewhere. Such a page may not read the answer, but its
 * request would be carried out: what needs no token must not take it.
 */
export function isForeign(header: (name: string) => string | null, host: string): boolean {
  const site = header("sec-fetch-site");
  if (site !== null && site !== "same-origin" && site !== "none") return true;
  const origin = header("origin");
  if (origin === null) return false;
  try {
    return new URL(origin).host !== host;
  } catch {
    return true; // "null": a sandboxed page, or a file.
  }
}
