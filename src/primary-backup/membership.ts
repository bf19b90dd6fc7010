import type { Forward, ServerPing, Standing, ViewNews } from './messages.js';
import type { ServerAddress, ServerIncarnation, ViewServiceIncarnation } from './names.js';
import type { View } from './view.js';

/** What a server does in the view it knows. */
export type Part =
  /** It is not in the view, or there is none yet. */
  | { readonly kind: 'idle' }
  /** It takes clients' calls, once the view service has its acknowledgement. */
  | { readonly kind: 'primary'; readonly backup: ServerAddress | undefined; readonly isAcknowledged: boolean }
  /** It follows the primary, once it has the whole state; `transfer` is the one it has it from. */
  | { readonly kind: 'backup'; readonly primary: ServerAddress; readonly transfer: number | undefined }
  /** It is named the primary and has not the state: it restarted. It must never acknowledge the view. */
  | { readonly kind: 'uninitialized' }
  /** The view service is another one than that of the views it took part in (rule R16). */
  | { readonly kind: 'disowned' };

const noView: View = { viewNumber: 0, primary: undefined, backup: undefined };

/**
 * What one server knows of the views, and what follows for it: pure. A server holds the state of a view if it is the
 * primary or a backup that has pulled all of it; only who holds that of the view before can be a primary, or, in the
 * first view, who holds nothing because there was nothing yet.
 */
export class Membership {
  readonly #me: ServerAddress;
  readonly #incarnation: ServerIncarnation;
  #view = noView;
  #viewService: ViewServiceIncarnation | undefined;
  #part: Part = { kind: 'idle' };
  #trouble = '';
  #isAcknowledged = false;
  /** The view whose state this server holds; 0 is the empty state before the first. */
  #holds: number | undefined = 0;

  constructor(me: ServerAddress, incarnation: ServerIncarnation) {
    this.#me = me;
    this.#incarnation = incarnation;
  }

  get view(): View {
    return this.#view;
  }

  /** Whether the view service has the primary's acknowledgement of the view, as far as this server has heard. */
  get isAcknowledged(): boolean {
    return this.#isAcknowledged;
  }

  get viewService(): ViewServiceIncarnation | undefined {
    return this.#viewService;
  }

  get part(): Part {
    return this.#part;
  }

  /** What keeps the views from going on, or this server from taking part, in words; empty if nothing does. */
  get trouble(): string {
    const { viewNumber } = this.#view;
    switch (this.#part.kind) {
      case 'disowned':
        return 'the view service has restarted and knows nothing of the views that this server took part in: stop all servers, and start them anew';
      case 'uninitialized':
        return (
          this.#trouble ||
          `view ${viewNumber} names this server its primary, but it has restarted and holds no data`
        );
      default:
        return this.#trouble;
    }
  }

  /** What this server says of itself. */
  get ping(): ServerPing {
    return {
      server: this.#me,
      viewNumber: this.#pingNumber,
      incarnation: this.#incarnation,
      viewService: this.#viewService,
    };
  }

  /** By what this server speaks to others; undefined before the first view. */
  get standing(): Standing | undefined {
    const viewService = this.#viewService;
    if (viewService === undefined || this.#part.kind === 'disowned') return undefined;
    return { viewService, viewNumber: this.#view.viewNumber, sender: this.#me };
  }

  /** Takes in what the view service says; news of earlier views is late. Answers whether anything has changed. */
  learn({ view, isAcknowledged, viewService, trouble }: ViewNews): boolean {
    if (this.#part.kind === 'disowned') return false;
    if (this.#viewService !== undefined && viewService !== this.#viewService) {
      this.#part = { kind: 'disowned' };
      this.#holds = undefined;
      return true;
    }
    if (view.viewNumber < this.#view.viewNumber) return false;
    const hadTrouble = this.#trouble;
    const isNew = view.viewNumber > this.#view.viewNumber;
    this.#trouble = trouble;
    // Answers may come out of their order; what has been acknowledged stays so.
    this.#isAcknowledged = isAcknowledged || (!isNew && this.#isAcknowledged);
    if (isNew) {
      this.#viewService = viewService;
      this.#begin(view, isAcknowledged);
      return true;
    }
    const part = this.#part;
    if (part.kind === 'primary' && isAcknowledged && !part.isAcknowledged) {
      this.#part = { ...part, isAcknowledged };
      return true;
    }
    return trouble !== hadTrouble;
  }

  /** The backup has the whole state from its primary in this view, by this transfer. */
  hasPulled(viewNumber: number, transfer: number): void {
    if (this.#part.kind !== 'backup' || viewNumber !== this.#view.viewNumber) return;
    this.#part = { ...this.#part, transfer };
    this.#holds = viewNumber;
  }

  /**
   * The primary counts on a later transfer than the one the backup has its state from. That state is none the worse: what
   * the primary has applied since, no other process has acknowledged. So the backup still holds it.
   */
  mustPullAnew(): void {
    if (this.#part.kind === 'backup') this.#part = { ...this.#part, transfer: undefined };
  }

  /** How a forward meets this server. */
  judge({ standing, transfer }: Pick<Forward, 'standing' | 'transfer'>): ForwardVerdict {
    const { viewNumber } = this.#view;
    if (this.#part.kind === 'disowned') return { kind: 'stale', viewNumber };
    if (this.#viewService === undefined) return { kind: 'unknown-view' };
    if (standing.viewService !== this.#viewService || standing.viewNumber < viewNumber) {
      return { kind: 'stale', viewNumber };
    }
    if (standing.viewNumber > viewNumber) return { kind: 'unknown-view' };
    const part = this.#part;
    if (part.kind !== 'backup' || part.primary !== standing.sender) return { kind: 'stale', viewNumber };
    if (part.transfer === undefined || transfer < part.transfer) return { kind: 'not-ready' };
    return transfer > part.transfer ? { kind: 'must-pull' } : { kind: 'takes-part' };
  }

  get #pingNumber(): number {
    const { viewNumber } = this.#view;
    return this.#part.kind === 'idle' || this.#holds === viewNumber ? viewNumber : 0;
  }

  #begin(view: View, isAcknowledged: boolean): void {
    const held = this.#holds;
    this.#view = view;
    if (view.primary === this.#me) {
      // If someone has acknowledged a view that this server has just learned of, it was a process before this one.
      const isMine = held === view.viewNumber - 1 && !isAcknowledged;
      this.#part = isMine
        ? { kind: 'primary', backup: view.backup, isAcknowledged: false }
        : { kind: 'uninitialized' };
      this.#holds = isMine ? view.viewNumber : undefined;
      return;
    }
    this.#holds = undefined;
    const { primary } = view;
    this.#part =
      view.backup === this.#me && primary !== undefined
        ? { kind: 'backup', primary, transfer: undefined }
        : { kind: 'idle' };
  }
}

/** What a server makes of a forward. */
export type ForwardVerdict =
  /** It is the backup, in the same view, with the state that the primary counts on. */
  | { readonly kind: 'takes-part' }
  | { readonly kind: 'not-ready' }
  /** The primary has begun another transfer since. */
  | { readonly kind: 'must-pull' }
  /** The sender knows a later view. */
  | { readonly kind: 'unknown-view' }
  | { readonly kind: 'stale'; readonly viewNumber: number };
