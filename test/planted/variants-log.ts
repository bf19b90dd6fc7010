import type { Variant } from './variant.js';

const engine = 'paxos';

/** Mistakes in snapshots and in what they let go. */
export const logVariants: readonly Variant[] = [
  {
    name: 'sessions-forgotten-in-snapshot',
    rule: 'R12: a snapshot has the sessions too',
    engine,
    edits: [
      {
        file: 'kv/state-machine.js',
        find: 'sessions: this.#sessions.view(),',
        replace: 'sessions: this.#sessions.emptied().view(),',
      },
    ],
  },
  {
    name: 'session-counter-forgotten-in-snapshot',
    rule: 'R8, R12: a snapshot has the counter from which ids of sessions are issued',
    engine,
    edits: [
      {
        file: 'kv/snapshot.js',
        find: 'nextClientId: view.sessions.nextClientId,',
        replace: 'nextClientId: view.sessions.size + 1,',
      },
    ],
  },
  {
    name: 'install-drops-votes-above',
    rule: 'R5: a snapshot at S ends state up to S only; promises and votes above S stay',
    engine,
    edits: [
      {
        file: 'paxos/peer.js',
        find: 'await this.#forgetting.install(through, installed);',
        replace: `await this.#forgetting.install(through, () => {
            this.#instances.dropAbove(through);
            installed();
        });`,
      },
      {
        file: 'paxos/instances.js',
        find: `    meet(slot) {`,
        replace: `    dropAbove(through) {
        for (const [slot, { acceptor, proposing }] of [...this.#instances]) {
            if (slot <= through)
                continue;
            proposing?.abort();
            this.#heldBytes -= bytesOf(acceptor);
            this.#instances.delete(slot);
        }
    }
    meet(slot) {`,
      },
    ],
  },
  {
    name: 'snapshot-never-pulled',
    rule: 'design 7: a peer that stayed away pulls a snapshot',
    engine,
    edits: [
      {
        file: 'server/snapshot-puller.js',
        find: 'if (!this.#running && !this.#closing.signal.aborted)',
        replace: 'if (this.#running && !this.#closing.signal.aborted)',
      },
    ],
  },
  {
    name: 'snapshot-not-synced',
    rule: 'design 7: a snapshot is synced before it gets its name',
    engine,
    edits: [
      {
        file: 'storage/snapshot-stream.js',
        find: 'await orStorageFailure(`the sync of ${this.name}`, () => this.file.datasync());',
        replace: '',
      },
    ],
  },
];
