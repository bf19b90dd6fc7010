import type { ServerAddress, ServerIncarnation } from './names.js';

/** One numbered view (seed 003). Without a primary it is none yet, and its number is 0. */
export interface View {
  readonly viewNumber: number;
  readonly primary: ServerAddress | undefined;
  readonly backup: ServerAddress | undefined;
}

/** That a server is there, and which view it takes part in. */
export interface Ping {
  readonly server: ServerAddress;
  /** 0 from one that has just started, or lacks the state that its part in the view needs. */
  readonly viewNumber: number;
  /** Undefined from one that draws none: then every 0 of a member is a restart. */
  readonly incarnation: ServerIncarnation | undefined;
}

/** What the view service knows of a server. */
interface Server {
  /** Of the process that counts: the one that pinged 0 last, unless another has shown itself to be later. */
  incarnation: ServerIncarnation | undefined;
  /** Of those that counted before it; what still comes from them is late, as a rule. */
  readonly past: ServerIncarnation[];
  lastPingTick: number;
  /** The number of the view in which it pinged last. */
  lastPingView: number;
}

/** A member of the view, with what has come of it since the view began. */
interface MemberState {
  /** A primary has acknowledged the view, a backup has the whole state. */
  takesPart: boolean;
  /** It has lost its state since: another process has its name now. */
  hasRestarted: boolean;
  /** Another process says that it has its name now, and may have said so late: a ping of the one that counts undoes it. */
  seemsRestarted: boolean;
}

const noView: View = { viewNumber: 0, primary: undefined, backup: undefined };
const newMember = (): MemberState => ({ takesPart: false, hasRestarted: false, seemsRestarted: false });

/** How many processes of one server are remembered, so that what comes late from them does no harm. */
const pastLimit = 64;
const serverLimit = 1000;

/**
 * The view service as a deterministic machine driven by pings and ticks (seed 003). A view ends when a member is silent
 * or has restarted, or when a server could fill the empty place of the backup; but never before its primary has
 * acknowledged it. The primary of the next view is this one's primary or its backup.
 *
 * Stricter than the seed in one point: a backup is promoted only if it has pinged with the number of the view, which it
 * does once it has the whole state. Without that a primary that dies during the transfer would leave an empty one.
 */
export class Views {
  readonly #deadPings: number;
  readonly #servers = new Map<ServerAddress, Server>();
  #view = noView;
  #primary = newMember();
  #backup = newMember();
  #ticks = 0;
  #viewBeganTick = 0;

  /** @param deadPings so many ticks without a ping make a server dead */
  constructor(deadPings: number) {
    this.#deadPings = deadPings;
  }

  get view(): View {
    return this.#view;
  }

  /** Whether the primary has said that it takes part in this view. */
  get isAcknowledged(): boolean {
    return this.#primary.takesPart;
  }

  /** Whether the backup has said that it has the whole state; only then can it be promoted. */
  get isBackupReady(): boolean {
    return this.#view.backup !== undefined && this.#backup.takesPart && !this.#backup.hasRestarted;
  }

  /** Every server that has pinged, in the order of their first pings. */
  get servers(): { readonly address: ServerAddress; readonly isAlive: boolean }[] {
    return [...this.#servers.keys()].map((address) => ({ address, isAlive: !this.#isSilent(address) }));
  }

  /** What keeps the views from going on, in words; empty if nothing does. */
  get trouble(): string {
    const { viewNumber, primary, backup } = this.#view;
    if (primary === undefined) return 'no server has come yet';
    if (!this.isAcknowledged) {
      const isOverdue = this.#ticks - this.#viewBeganTick > this.#deadPings;
      return isOverdue || this.#isPrimaryGone()
        ? `view ${viewNumber} waits for its primary ${primary} to acknowledge it`
        : '';
    }
    if (!this.#isPrimaryGone() || this.#canPromote()) return '';
    const holders =
      backup !== undefined && this.#backup.takesPart
        ? `its only holders of the data ${primary} and ${backup} are gone`
        : `its only holder of the data ${primary} is gone`;
    return `view ${viewNumber}: ${holders}; a restarted server is empty and cannot take over`;
  }

  /** A server has pinged. @throws RangeError if it is new and there are a thousand already */
  ping({ server: address, viewNumber, incarnation }: Ping): void {
    const server = this.#serverOf(address, viewNumber, incarnation);
    if (server === undefined) return;
    server.lastPingTick = this.#ticks;
    server.lastPingView = this.#view.viewNumber;
    if (address === this.#view.primary) this.#primary.seemsRestarted = false;
    if (this.#view.primary === undefined && viewNumber === 0) {
      this.#begin(address, undefined);
    } else if (viewNumber === this.#view.viewNumber) {
      this.#takesPart(address);
    }
    this.#goOn();
  }

  /** A ping interval has passed. */
  tick(): void {
    this.#ticks += 1;
    this.#goOn();
  }

  /** The server that pings, unless what it says is from a process that does not count. */
  #serverOf(
    address: ServerAddress,
    viewNumber: number,
    incarnation: ServerIncarnation | undefined,
  ): Server | undefined {
    const known = this.#servers.get(address);
    if (known === undefined) return this.#newServer(address, incarnation);
    if (incarnation !== undefined && incarnation === known.incarnation) return known;
    if (incarnation === undefined && viewNumber !== 0) return known;
    if (viewNumber === 0) {
      if (incarnation !== undefined && known.past.includes(incarnation)) return undefined;
      if (this.#wouldBeTheEnd(address) && incarnation !== undefined && known.incarnation !== undefined) {
        this.#primary.seemsRestarted = true;
        return undefined;
      }
    } else if (!this.#isLater(address, known, viewNumber)) return undefined;
    if (known.incarnation !== undefined) known.past.push(known.incarnation);
    known.past.splice(0, known.past.length - pastLimit);
    known.incarnation = incarnation;
    this.#hasRestarted(address);
    return known;
  }

  #newServer(address: ServerAddress, incarnation: ServerIncarnation | undefined): Server {
    if (this.#servers.size >= serverLimit) {
      throw new RangeError(
        `server ${address} is one too many; this view service knows ${serverLimit}, its limit`,
      );
    }
    const server = {
      incarnation,
      past: [],
      lastPingTick: this.#ticks,
      lastPingView: this.#view.viewNumber,
    };
    this.#servers.set(address, server);
    return server;
  }

  /**
   * Whether nobody could take over if this server has restarted. Then nothing hurries, and the process that counts goes on
   * should it still be there: what says that it is gone may be late.
   */
  #wouldBeTheEnd(address: ServerAddress): boolean {
    const isHolder = address === this.#view.primary && this.#hasState(this.#primary);
    return isHolder && !(this.isAcknowledged && this.#canPromote());
  }

  /**
   * Whether a process that does not count is later than the one that does, whose 0 was late. It is if it knows a view that
   * began after all that came from the other: processes of one server follow one another. Where nothing is at stake the
   * other's silence is enough. But for the first primary a primary is the process that had the data, and no other.
   */
  #isLater(address: ServerAddress, known: Server, viewNumber: number): boolean {
    if (viewNumber !== this.#view.viewNumber) return false;
    const isPrimary = address === this.#view.primary;
    if (!isPrimary && known.lastPingView < viewNumber) return true;
    const isAtStake = isPrimary ? this.#hasState(this.#primary) : this.#memberOf(address) !== undefined;
    return !isAtStake && this.#isSilent(address);
  }

  #takesPart(address: ServerAddress): void {
    const member = this.#memberOf(address);
    if (member !== undefined && !member.hasRestarted) member.takesPart = true;
  }

  /** One that had no state to lose goes on in its place. */
  #hasRestarted(address: ServerAddress): void {
    const member = this.#memberOf(address);
    if (member !== undefined && this.#hasState(member)) member.hasRestarted = true;
  }

  #hasState(member: MemberState): boolean {
    return member.takesPart || (member === this.#primary && this.#view.viewNumber > 1);
  }

  #memberOf(address: ServerAddress): MemberState | undefined {
    if (address === this.#view.primary) return this.#primary;
    return address === this.#view.backup ? this.#backup : undefined;
  }

  #isSilent(address: ServerAddress): boolean {
    const { lastPingTick = -Infinity } = this.#servers.get(address) ?? {};
    return this.#ticks - lastPingTick > this.#deadPings;
  }

  #isPrimaryGone(): boolean {
    const { primary } = this.#view;
    return (
      primary !== undefined &&
      (this.#isSilent(primary) || this.#primary.hasRestarted || this.#primary.seemsRestarted)
    );
  }

  #isBackupGone(): boolean {
    const { backup } = this.#view;
    return backup !== undefined && (this.#isSilent(backup) || this.#backup.hasRestarted);
  }

  #canPromote(): boolean {
    return this.isBackupReady && !this.#isBackupGone();
  }

  /** Begins the next view if this one has to end. */
  #goOn(): void {
    const { primary, backup } = this.#view;
    if (primary === undefined || !this.isAcknowledged) return;
    if (this.#isPrimaryGone()) {
      if (backup !== undefined && this.#canPromote()) this.#begin(backup, this.#candidate([backup]));
      return;
    }
    if (backup !== undefined && !this.#isBackupGone()) return;
    const next = this.#candidate([primary]);
    if (backup !== undefined || next !== undefined) this.#begin(primary, next);
  }

  /** A server that could be the backup; a member that has just lost its place only if there is no other. */
  #candidate(excluded: readonly ServerAddress[]): ServerAddress | undefined {
    const { primary, backup } = this.#view;
    const alive = [...this.#servers.keys()].filter(
      (address) => !excluded.includes(address) && !this.#isSilent(address),
    );
    return alive.find((address) => address !== primary && address !== backup) ?? alive[0];
  }

  #begin(primary: ServerAddress, backup: ServerAddress | undefined): void {
    this.#view = { viewNumber: this.#view.viewNumber + 1, primary, backup };
    this.#primary = newMember();
    this.#backup = newMember();
    this.#viewBeganTick = this.#ticks;
  }
}
