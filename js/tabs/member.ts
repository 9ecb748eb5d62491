// One tab's part: it stands in the queue for leadership, is linked to the tab that leads meanwhile, and leads when its turn
// comes, or when the leader is silent and somebody here waits for it.
//
//   seeking --lead heard--> linked --lock granted, or silence: lock stolen--> leading --stolen, closed, frozen--> seeking
//
// Two tabs may believe for a moment that they lead: one that was frozen does not know better when it thaws. It makes sure before
// it answers anything (see `enter`), and what it might still write its store refuses.
import { StorageError } from "../errors.js";
import type { Instance } from "../instance.js";
import { Host } from "./host.js";
import { Link, type LinkOwner } from "./link.js";
import { LocalPlace, type Place } from "./place.js";
import { LEASE, type Loss, type Names, names, newId, type Notice, PROBE, SILENCE } from "./protocol.js";
import { Taken } from "./taken.js";

/** Somebody in this tab who has sessions where the commands are run. */
export interface User {
  /** The place is gone, with the sessions there. */
  lost(loss: Loss | undefined): void;
  /** There is a place. */
  moved(place: Place): void;
  /** There can be none for now. */
  failed(error: unknown): void;
}

/** Opens the keyspace, with the record `taken`; for the events see `recorded`. */
export type Opener = (how: { takeOver: boolean; taken: Taken; lost(): void }) => Promise<Instance>;

/** The loss of a tab that went away itself: by its return nobody may remember its commands. */
const AWAY: Loss = { taken: Infinity, clean: false, away: true };

/** The same, of a tab that led and had given all replies. */
const CLEAN: Loss = { ...AWAY, clean: true };

/** A time of leading. */
class Reign {
  readonly term = newId();
  readonly taken = new Taken();
  instance: Instance | undefined;
  host: Host | undefined;
  release!: () => void;
  readonly released = new Promise<void>((resolve) => (this.release = resolve));
}

/** How long last words may be on their way, in milliseconds. */
const GRACE = 15;

const delay = (ms: number) => new Promise((done) => setTimeout(done, ms));

/** A tab, or a worker, that shares a keyspace. */
export class Member implements LinkOwner {
  readonly names: Names;
  readonly id = newId();
  readonly users = new Set<User>();
  place: Place | undefined;
  readonly #open: Opener;
  #channel: BroadcastChannel | undefined;
  #queue: AbortController | undefined;
  #home: AbortController | undefined;
  #link: Link | undefined;
  #reign: Reign | undefined;
  /** When a leader was last heard of, and whether one ever was. */
  #heardAt = -Infinity;
  #knewOne = false;
  #isSuspecting = false;
  #count = 0;
  /** When this tab last did something as the leader, and the work that waits until it is sure that it is. */
  #aliveAt = 0;
  #unsure: (() => void)[] | undefined;

  constructor(name: string, open: Opener) {
    this.names = names(name);
    this.#open = open;
  }

  /** Whether this tab leads. */
  get isLeading(): boolean {
    return this.#reign?.host !== undefined;
  }

  /** Whether it takes part: it does not while its page is frozen or hidden away for later. */
  get isJoined(): boolean {
    return this.#channel !== undefined;
  }

  count(): number {
    return ++this.#count;
  }

  /** Takes part. */
  async join(): Promise<void> {
    if (this.#channel) return;
    const channel = new BroadcastChannel(this.names.lead);
    this.#channel = channel;
    channel.onmessage = ({ data }: MessageEvent<Notice>) => this.#hear(data);
    this.#home = new AbortController();
    await new Promise<void>((held) => {
      const options: LockOptions = { signal: this.#home!.signal };
      navigator.locks
        .request(this.names.member(this.id), options, () => {
          held();
          return new Promise<void>((gone) => (this.#leaveHome = gone));
        })
        .catch(() => held());
    });
    if (this.#channel !== channel) return;
    this.#isHome = true;
    this.#seek();
    this.#stand();
  }

  #leaveHome = () => {};
  /** Its own lock is held: a leader that is asked for a link before would take it for one that is gone. */
  #isHome = false;

  /** Takes part no more: the leader gives leadership away, at once. */
  leave(): void {
    const channel = this.#channel;
    if (!channel) return;
    this.#queue?.abort();
    this.#queue = undefined;
    const reign = this.#reign;
    if (reign) {
      const { instance, host } = reign;
      let clean = false;
      if (instance && !instance.closed) {
        // What is held back waits for the store, and there is no time to wait.
        clean = !instance.persistence?.holds;
        instance.persistence?.flush();
        clean &&= !instance.persistence?.holds;
      }
      host?.bye(clean);
      this.#end(reign, clean ? CLEAN : AWAY);
    } else this.#unlink(AWAY, true);
    // Also for those who wait to learn of an earlier loss: by then nobody may know.
    for (const user of [...this.users]) user.lost(AWAY);
    this.#channel = undefined;
    channel.onmessage = null;
    channel.close();
    this.#isHome = false;
    this.#home?.abort();
    this.#leaveHome();
  }

  /** The page is about to be frozen: leadership is given away, and not taken. A link stays: what comes is heard at the thaw. */
  rest(): void {
    if (this.#reign) return this.leave();
    this.#queue?.abort();
    this.#queue = undefined;
  }

  /** The page is back. */
  wake(): void {
    if (!this.#channel) void this.join();
    else if (!this.#reign && !this.#queue) this.#stand();
  }

  /** Makes durable what can be without waiting. */
  flush(): void {
    this.#reign?.instance?.persistence?.flush();
  }

  /** Takes part no more, once all is durable. */
  async close(): Promise<void> {
    const reign = this.#reign;
    try {
      // Others go on meanwhile: what they do until the end is durable, too.
      if (reign?.instance && !reign.instance.closed) await reign.instance.persistence?.durable();
    } finally {
      if (reign === this.#reign) this.leave();
    }
  }

  #say(notice: Notice): void {
    this.#channel?.postMessage(notice);
  }

  #hear(notice: Notice): void {
    const reign = this.#reign;
    switch (notice.say) {
      case "who":
        if (reign) this.enter(() => reign === this.#reign && this.#announce(reign));
        return;
      case "join":
        if (reign && notice.term === reign.term) this.enter(() => reign === this.#reign && reign.host?.join(notice.member));
        return;
      case "lead":
        this.heard();
        this.#knewOne = true;
        // Another's lead: it stole this one's lock, as will be known at once.
        if (reign) return this.enter(() => {});
        if (this.#link && this.#link.term !== notice.term) this.#unlink(undefined, false);
        if (!this.#link && notice.ready && this.#isHome) {
          this.#link = new Link(this, notice.term);
          this.#say({ say: "join", term: notice.term, member: this.id });
        }
    }
  }

  #announce({ term, host }: Reign): void {
    this.#say({ say: "lead", term, ready: host !== undefined });
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  linked(link: Link): void {
    if (link === this.#link) this.#move(link);
  }

  left(link: Link, loss: Loss): void {
    if (link === this.#link) this.#unlink(loss, false);
  }

  silent(link: Link): void {
    if (link === this.#link) void this.#suspect();
  }

  #unlink(loss: Loss | undefined, leave: boolean): void {
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    link.drop(leave);
    this.#lose(loss);
    if (!leave) this.#seek();
  }

  #lose(loss: Loss | undefined): void {
    if (!this.place) return;
    this.place = undefined;
    for (const user of [...this.users]) user.lost(loss);
  }

  #move(place: Place): void {
    this.place = place;
    for (const user of [...this.users]) if (this.place === place) user.moved(place);
  }

  /** Looks for a leader until there is one. */
  #seek(): void {
    this.#say({ say: "who" });
    setTimeout(() => {
      if (!this.#channel || this.#link || this.#reign) return;
      if (performance.now() - this.#heardAt > SILENCE) void this.#suspect();
      this.#seek();
    }, SILENCE);
  }

  /** Stands in the queue for leadership. */
  #stand(): void {
    this.#queue = new AbortController();
    void this.#claim({ signal: this.#queue.signal });
  }

  /** The leader is silent: asks once more, as the only one who does, and takes its place. */
  async #suspect(): Promise<void> {
    if (this.#isSuspecting || this.#reign || !this.#channel) return;
    this.#isSuspecting = true;
    const act = async () => {
      const asked = performance.now();
      this.#say({ say: "who" });
      await delay(PROBE);
      if (this.#heardAt > asked || this.#reign || !this.#channel) return;
      // From here on nothing counts that it may still say.
      this.#unlink(undefined, false);
      this.#queue?.abort();
      // It has the lock before the next heir can ask, and answers.
      void this.#claim({ steal: true });
    };
    try {
      await navigator.locks.request(this.names.heir, { signal: AbortSignal.timeout(3 * PROBE) }, act);
    } catch {
      // An heir that was frozen itself.
      await navigator.locks.request(this.names.heir, { steal: true }, act).catch(() => {});
    } finally {
      this.#isSuspecting = false;
    }
  }

  async #claim(options: LockOptions): Promise<void> {
    let reign: Reign | undefined;
    try {
      await navigator.locks.request(this.names.lead, options, () => {
        if (!this.#channel || this.#reign) return;
        reign = new Reign();
        this.#reign = reign;
        void this.#rule(reign, options.steal ?? false);
        return reign.released;
      });
    } catch {
      // Stolen, or not wanted any more.
      if (reign) this.#depose(reign);
    }
  }

  async #rule(reign: Reign, steal: boolean): Promise<void> {
    const takeOver = steal || this.#knewOne;
    this.#announce(reign);
    let instance: Instance;
    try {
      // Locks and channels keep no order between them: the last words of the one before may be on their way.
      if (this.#link) await delay(GRACE);
      this.#unlink(undefined, true);
      if (this.#reign !== reign) return;
      instance = await this.#open({ takeOver, taken: reign.taken, lost: () => this.#depose(reign) });
      const held = (await navigator.locks.query()).held ?? [];
      const home = this.names.member("");
      reign.taken.keep(new Set(held.map(({ name }) => name!).filter((name) => name.startsWith(home)).map((name) => name.slice(home.length))));
    } catch (error) {
      if (this.#reign !== reign) return;
      this.#reign = undefined;
      reign.release();
      for (const user of [...this.users]) user.failed(error);
      // Others have their turn before it is this one's again.
      await delay(SILENCE);
      if (this.#channel && !this.#reign) {
        if (!this.#link) this.#seek();
        this.#stand();
      }
      return;
    }
    if (this.#reign !== reign) {
      void shut(instance);
      return;
    }
    reign.instance = instance;
    reign.host = new Host(instance, reign.term, this.names, reign.taken, (work) => this.enter(work));
    const { onLost } = instance.door;
    instance.door.onLost = () => {
      this.#depose(reign);
      onLost?.();
    };
    instance.onShutdown = () => {
      this.leave();
      void this.join();
    };
    this.#aliveAt = performance.now();
    this.#announce(reign);
    const { taken } = reign;
    const take = (number: number) => taken.note(this.id, number);
    this.#move(new LocalPlace(instance, taken.before(this.id), (work) => this.enter(work), () => this.count(), take));
  }

  /** This tab leads no more, and had no say in it. */
  #depose(reign: Reign): void {
    if (this.#reign !== reign) return;
    this.#knewOne = true;
    this.#end(reign, undefined);
    if (!this.#channel) return;
    this.#seek();
    this.#stand();
  }

  #end(reign: Reign, loss: Loss | undefined): void {
    this.#reign = undefined;
    const unsure = this.#unsure;
    this.#unsure = undefined;
    this.#lose(loss);
    reign.host?.end();
    if (reign.instance) void shut(reign.instance);
    reign.release();
    // Those who wait to be let in find the engine closed: they were told that it is lost.
    for (const work of unsure ?? []) attempt(work);
  }

  /** Runs work of the leader, at once as a rule; after a time in which it may have been frozen, once it is sure that it still leads. */
  enter(work: () => void): void {
    const now = performance.now();
    const gap = now - this.#aliveAt;
    this.#aliveAt = now;
    if (this.#unsure) this.#unsure.push(work);
    else if (gap > LEASE && this.#reign) {
      this.#unsure = [work];
      void this.#makeSure(this.#reign);
    } else work();
  }

  async #makeSure(reign: Reign): Promise<void> {
    // Where it fails the page is on its way out.
    const { held = [] } = await navigator.locks.query().catch(() => ({ held: [] as LockInfo[] }));
    if (this.#reign !== reign) return;
    const clientOf = (name: string) => held.find((lock) => lock.name === name)?.clientId;
    const mine = clientOf(this.names.member(this.id));
    if (mine === undefined || clientOf(this.names.lead) !== mine) return this.#depose(reign);
    this.#aliveAt = performance.now();
    const unsure = this.#unsure ?? [];
    this.#unsure = undefined;
    for (const work of unsure) attempt(work);
  }
}

/** Ends an engine, and gives its store back. */
async function shut(instance: Instance): Promise<void> {
  const { persistence } = instance;
  persistence?.abandon();
  // Not while it runs: it may be its own doing.
  await Promise.resolve();
  instance.close();
  await Promise.resolve(persistence?.store.close()).catch(() => {});
}

function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}

/** The error of those who need what this platform lacks. */
export function requireTabs(): void {
  const { navigator, BroadcastChannel } = globalThis as Partial<typeof globalThis>;
  if (!navigator?.locks || !BroadcastChannel) throw new StorageError("tabs share a keyspace by Web Locks and BroadcastChannel, which are missing here: browsers have them on pages over HTTPS and on localhost");
}
