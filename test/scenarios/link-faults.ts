import {
  InterceptingCall,
  Metadata,
  status,
  type InterceptingListener,
  type Interceptor,
  type StatusObject,
} from '@grpc/grpc-js';

/** What a new call over a cut link meets: failure at once, or silence until its deadline. */
export type CutMode = 'fail-at-once' | 'black-hole';

/**
 * Which directed links between servers carry new calls. Calls in flight are never broken. Clients have no
 * source here: partitions do not separate a client from a server, only deafness does.
 */
export class LinkFaults {
  mode: CutMode = 'fail-at-once';
  readonly #deaf = new Set<number>();
  #groupOf: ReadonlyMap<number, number> | undefined;

  /** Links servers within each of the disjoint `groups` and nobody else; a server that is not named is alone. */
  partition(groups: readonly (readonly number[])[]): void {
    const groupOf = new Map<number, number>();
    for (const [group, servers] of groups.entries()) {
      for (const server of servers) {
        if (groupOf.has(server)) throw new RangeError(`server ${server} is in two groups`);
        groupOf.set(server, group);
      }
    }
    this.#groupOf = groupOf;
  }

  /** Ends every partition. */
  heal(): void {
    this.#groupOf = undefined;
  }

  /** A deaf server hears no new call, not even its own; what it calls itself still gets through. */
  setDeaf(server: number, deaf: boolean): void {
    if (deaf) this.#deaf.add(server);
    else this.#deaf.delete(server);
  }

  /** Whether a new call gets through. A server's link to itself survives every partition. */
  isOpen(source: number | 'client', destination: number): boolean {
    if (this.#deaf.has(destination)) return false;
    if (source === 'client' || source === destination || this.#groupOf === undefined) return true;
    const group = this.#groupOf.get(source);
    return group !== undefined && group === this.#groupOf.get(destination);
  }

  /** The interceptor for what `source` calls at `destination`; the link is looked at as each call starts. */
  interceptor(source: number | 'client', destination: number): Interceptor {
    return (options, nextCall) =>
      this.isOpen(source, destination)
        ? new InterceptingCall(nextCall(options))
        : cutCall(this.mode, Number(options.deadline ?? Infinity));
  }
}

/** A call that never reaches the network. It fails at once, or when `deadlineMs` (since the epoch) has passed. */
function cutCall(mode: CutMode, deadlineMs: number): InterceptingCall {
  let finish: (outcome: Pick<StatusObject, 'code' | 'details'>) => void = () => undefined;
  return new InterceptingCall({
    start: (_metadata: Metadata, listener?: Partial<InterceptingListener>) => {
      let timer: NodeJS.Timeout | undefined;
      finish = (outcome) => {
        finish = () => undefined;
        clearTimeout(timer);
        // As grpc-js does itself: nothing is reported before the caller has its call in hand.
        process.nextTick(() => listener?.onReceiveStatus?.({ ...outcome, metadata: new Metadata() }));
      };
      if (mode === 'fail-at-once') finish({ code: status.UNAVAILABLE, details: 'the link is cut' });
      else if (Number.isFinite(deadlineMs)) {
        timer = setTimeout(
          () => finish({ code: status.DEADLINE_EXCEEDED, details: 'the link is silent' }),
          Math.max(0, deadlineMs - Date.now()),
        );
      }
    },
    cancelWithStatus: (code, details) => finish({ code, details }),
    sendMessageWithContext: () => undefined,
    sendMessage: () => undefined,
    startRead: () => undefined,
    halfClose: () => undefined,
    getPeer: () => 'nobody',
    getAuthContext: () => null,
  });
}
