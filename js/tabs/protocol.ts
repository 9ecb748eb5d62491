// What tabs that share a keyspace say to each other, and how long they wait for an answer.
//
// All of them hear the notices on one BroadcastChannel. The tab that leads and each other one have a channel of their own, in
// which order is kept; a tab without commands on their way says nothing there. Web Locks say who lives:
//
//   cachelet-tabs:NAME          held by the one that leads; the others stand in its queue, or steal it from one that is silent
//   cachelet-tabs:NAME:heir     held by the one that is about to steal
//   cachelet-tabs:NAME:MEMBER   held by each, so that the leader learns of its end

/** Said to all. */
export type Notice =
  /** Who leads? */
  | { say: "who" }
  /** I do; `ready` once the keyspace is read back. */
  | { say: "lead"; term: string; ready: boolean }
  /** A member asks the leader of a term for a link. */
  | { say: "join"; term: string; member: string };

/** From a member to the leader. Sessions are numbered by the member, commands too, over all its sessions. */
export type Ask =
  | ["open", session: number]
  | ["send", session: number, command: number, bytes: Uint8Array]
  | ["close", session: number]
  /** A session's bytes were taken by whom they are for. */
  | ["took", session: number, bytes: number]
  | ["durable", id: number]
  | ["ping", id: number]
  | ["leave"];

/** From the leader to a member. */
export type Answer =
  /** The link stands. No command of the member above that number has had an effect on what the leader read back. */
  | ["welcome", most: number]
  | ["bytes", session: number, bytes: Uint8Array]
  /** The engine has ended a session. */
  | ["ended", session: number]
  | ["durable", id: number, error?: string]
  | ["pong", id: number]
  /** A command came, and its reply will take a while. */
  | ["got"]
  /**
   * The leader goes, having taken commands up to that number. `clean`: all replies are out, so that what has none still
   * waited and had no effect.
   */
  | ["bye", taken: number, clean: boolean];

/** How a leader was lost: what its `bye` said, or nothing. */
export interface Loss {
  taken: number;
  clean: boolean;
  /** This tab went away itself. */
  away?: boolean;
}

/** Most bytes of a session that its member has not taken. More wait in the engine, within its limits for connections. */
export const WINDOW = 1 << 20;

/** After this long without an answer a leader is suspected, in milliseconds. */
export const SILENCE = 300;

/** The suspected has this long to answer those who ask who leads. */
export const PROBE = 150;

/** While commands are on their way, a leader that said nothing for so long is asked for a sign of life. */
export const QUIET = 150;

/** The same while there are only waits and subscriptions. */
export const CALM = 1000;

/** A leader that did nothing for so long makes sure that it still leads before it answers. */
export const LEASE = 200;

const prefix = "cachelet-tabs:";

/** Names of locks and channels. */
export const names = (name: string) => ({
  lead: prefix + name,
  heir: `${prefix}${name}:heir`,
  member: (id: string) => `${prefix}${name}:${id}`,
  link: (term: string, id: string) => `${prefix}${name}:${term}:${id}`,
});

export type Names = ReturnType<typeof names>;

export const newId = () => crypto.randomUUID().slice(0, 18);
