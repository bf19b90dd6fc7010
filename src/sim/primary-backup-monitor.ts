import type { Slot } from '../log/ids.js';
import type { Part } from '../primary-backup/membership.js';
import type { Forward, ForwardAnswer } from '../primary-backup/messages.js';
import type { ServerAddress } from '../primary-backup/names.js';
import type { View } from '../primary-backup/view.js';

/** One server as the checks look at it. */
export interface ServerSeen {
  readonly address: ServerAddress;
  /** Names its process. */
  readonly process: string;
  readonly view: View;
  readonly part: Part;
  /** The last slot applied; undefined before any. */
  readonly applied: Slot | undefined;
  /** Of the state after `applied`. */
  readonly digest: string;
}

/** What has been seen of one view. */
interface ViewRecord {
  /** Processes that were its primary, or its backup with the whole state. */
  readonly holders: Set<string>;
  /** The process that has answered clients. */
  answering: string | undefined;
  /** The first slot that its backup has not acknowledged, or got with the state. */
  acknowledgedEnd: Slot;
  readonly digests: Map<Slot, string>;
  /** Where each process stood when it was looked at last, and by which transfer it had its state. */
  readonly stood: Map<string, { readonly end: Slot; readonly transfer: number }>;
}

type Check = (check: string, message: string) => void;

/**
 * What must hold after every step in a world of primary/backup: a view has one primary that answers clients, nobody else
 * does, and it is one that held the data of the view before; what it applies its backup has acknowledged in this very view;
 * both stand at one state after one slot; and what is applied never falls, except that a backup that begins anew may lose
 * the one slot that its primary has not settled.
 */
export class PrimaryBackupMonitor {
  readonly #violated: Check;
  readonly #views = new Map<number, ViewRecord>();
  #slots = 0;

  constructor(violated: Check) {
    this.#violated = violated;
  }

  /** How many slots were applied by any holder of the data. */
  get slots(): number {
    return this.#slots;
  }

  /** Something has happened in this server. */
  look(server: ServerSeen): void {
    const { part, view, process } = server;
    if (part.kind !== 'primary' && part.kind !== 'backup') return;
    const record = this.#of(view.viewNumber);
    if (part.kind === 'backup' && part.transfer === undefined) return;
    if (part.kind === 'primary') this.#checkSuccession(server, record);
    record.holders.add(process);
    this.#checkStand(server, record, part.kind === 'backup' ? (part.transfer ?? 0) : 0);
  }

  /** This server has answered a client with a result. */
  answered({ part, view, process }: ServerSeen): void {
    if (part.kind !== 'primary' || !part.isAcknowledged) {
      const kind = part.kind === 'primary' ? 'a primary that nobody has confirmed' : part.kind;
      this.#violated('only a primary answers', `${process} answered a client, being ${kind}`);
      return;
    }
    const record = this.#of(view.viewNumber);
    record.answering ??= process;
    if (record.answering === process) return;
    this.#violated(
      'a view has one primary',
      `in view ${view.viewNumber} both ${record.answering} and ${process} answered clients`,
    );
  }

  /** This server has answered a forward. */
  followed(
    { part, view, process }: ServerSeen,
    { standing, slot, commands }: Forward,
    { kind }: ForwardAnswer,
  ): void {
    if (kind !== 'acknowledged') return;
    const { viewNumber } = standing;
    if (part.kind !== 'backup' || viewNumber !== view.viewNumber || standing.sender !== part.primary) {
      this.#violated(
        'a backup follows the primary of its view',
        `${process}, ${part.kind} in view ${view.viewNumber}, acknowledged what ${standing.sender} forwarded by view ${viewNumber}`,
      );
      return;
    }
    const record = this.#of(viewNumber);
    if (commands.length > 0) record.acknowledgedEnd = Math.max(record.acknowledgedEnd, slot + 1);
  }

  /** This server has begun to hand out its state: whoever has acknowledged something before may be gone. */
  handsOut({ view, applied }: ServerSeen): void {
    this.#of(view.viewNumber).acknowledgedEnd = (applied ?? -1) + 1;
  }

  #checkSuccession({ process, view, digest, applied }: ServerSeen, record: ViewRecord): void {
    const { viewNumber } = view;
    if (record.holders.has(process) || viewNumber === 1) return;
    if (this.#of(viewNumber - 1).holders.has(process)) return;
    this.#violated(
      'only a holder of the data becomes primary',
      `${process} is the primary of view ${viewNumber} without having held the data of view ${viewNumber - 1}; it stands at slot ${applied ?? 'none'} with ${digest}`,
    );
  }

  #checkStand(server: ServerSeen, record: ViewRecord, transfer: number): void {
    const { process, part, view, applied, address } = server;
    const end = (applied ?? -1) + 1;
    this.#slots = Math.max(this.#slots, end);
    const before = record.stood.get(process);
    record.stood.set(process, { end, transfer });
    if (before?.end === end && before.transfer === transfer) return;
    const mayLose = before !== undefined && before.transfer !== transfer ? 1 : 0;
    if (before !== undefined && end < before.end - mayLose) {
      this.#violated(
        'what is applied never falls',
        `${process} had applied the slots below ${before.end}, and now those below ${end}`,
      );
    }
    const isRisen = before !== undefined && end > before.end;
    if (part.kind === 'primary' && part.backup !== undefined && isRisen && end > record.acknowledgedEnd) {
      this.#violated(
        'a primary applies what its backup has acknowledged',
        `${process} applied slot ${end - 1} in view ${view.viewNumber}, of which its backup ${part.backup} has acknowledged the slots below ${record.acknowledgedEnd}`,
      );
    }
    this.#checkDigest(end, server.digest, record, address);
  }

  #checkDigest(end: Slot, digest: string, { digests }: ViewRecord, address: ServerAddress): void {
    const known = digests.get(end);
    digests.set(end, known ?? digest);
    if (known === undefined || known === digest) return;
    this.#violated(
      'equal slots have equal states',
      `having applied the slots below ${end}, ${address} stands at another state than the other member of its view`,
    );
  }

  #of(viewNumber: number): ViewRecord {
    const known = this.#views.get(viewNumber);
    if (known !== undefined) return known;
    const record: ViewRecord = {
      holders: new Set(),
      answering: undefined,
      acknowledgedEnd: 0,
      digests: new Map(),
      stood: new Map(),
    };
    this.#views.set(viewNumber, record);
    return record;
  }
}
