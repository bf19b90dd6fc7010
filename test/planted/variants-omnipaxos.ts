import type { Variant } from './variant.js';

const engine = 'omnipaxos';

/** Mistakes in the engine that elects a leader. */
export const omnipaxosVariants: readonly Variant[] = [
  {
    name: 'omni-promise-not-persisted',
    rule: 'R2: a promise is on disk before it is told',
    engine,
    edits: [
      {
        file: 'omnipaxos/accepted-log.js',
        find: "return [{ kind: 'promise', ballot }];",
        replace: 'return [];',
      },
    ],
  },
  {
    name: 'omni-promise-before-sync',
    rule: 'R2: a promise leaves when it is synced',
    engine,
    edits: [
      {
        file: 'omnipaxos/follower.js',
        find: 'step.sendAfterSync(to, { ...common, page, first, values, last });',
        replace: 'step.send(to, { ...common, page, first, values, last });',
      },
    ],
  },
  {
    name: 'omni-accepted-before-sync',
    rule: 'R2: a vote leaves when it is synced',
    engine,
    edits: [
      {
        file: 'omnipaxos/follower.js',
        find: `step.record(...log.append(ballot, values));
        step.sendAfterSync(`,
        replace: `step.record(...log.append(ballot, values));
        step.send(`,
      },
    ],
  },
  {
    name: 'omni-own-vote-before-own-sync',
    rule: 'R2: a leader counts its own acceptance only when that is synced',
    engine,
    edits: [
      {
        file: 'omnipaxos/peer.js',
        find: 'const { records, lazily, afterSync } = step;',
        replace: `const { records, lazily } = step;
        const early = step.afterSync.filter(({ kind }) => kind === 'own-accepted');
        const afterSync = step.afterSync.filter((outgoing) => !early.includes(outgoing));
        for (const outgoing of early)
            void Promise.resolve().then(() => this.#out(outgoing));`,
      },
    ],
  },
  {
    name: 'omni-gated-by-own-records-only',
    rule: 'R2: an answer waits for all that was appended before it, also when its own step wrote nothing',
    engine,
    edits: [
      {
        file: 'omnipaxos/peer.js',
        find: 'if (records.length > 0 || afterSync.length > 0) {',
        replace: `if (records.length === 0)
            for (const outgoing of afterSync)
                this.#out(outgoing);
        if (records.length > 0) {`,
      },
    ],
  },
  {
    name: 'omni-leads-without-quorum',
    rule: 'OmniPaxos: a leader leads with promises of a majority',
    engine,
    edits: [
      {
        file: 'omnipaxos/leader.js',
        find: 'const isMajority = counted.length + 1 >= majorityOf(world.members.length);',
        replace: 'const isMajority = counted.length + 2 >= majorityOf(world.members.length);',
      },
    ],
  },
  {
    name: 'omni-elected-without-quorum',
    rule: 'OmniPaxos: only a replica that hears a majority takes part in the election',
    engine,
    edits: [
      {
        file: 'omnipaxos/election.js',
        find: 'candidate: this.#isQuorumConnected && this.#isEligible,',
        replace: 'candidate: this.#isEligible,',
      },
      {
        file: 'omnipaxos/election.js',
        find: 'if (!this.#isQuorumConnected || !standing.eligible)',
        replace: 'if (!standing.eligible)',
      },
    ],
  },
  {
    name: 'omni-stale-sync-taken',
    rule: 'OmniPaxos: an AcceptSync of an earlier round or leader truncates nothing that was acknowledged since',
    engine,
    edits: [
      {
        file: 'omnipaxos/sequence-paxos.js',
        find: `if (this.#bearsAnotherBallot(step, from, message.ballot) || this.#phase.kind !== 'promised')
            return;
        this.#phase = onAcceptSync(`,
        replace: `if (this.#phase.kind !== 'promised' && this.#phase.kind !== 'following')
            return;
        this.#phase = onAcceptSync(`,
      },
      {
        file: 'omnipaxos/follower.js',
        find: 'if (sync !== phase.sync || page !== phase.pages.length)\n        return phase;\n    const pages = [...phase.pages, message];',
        replace: 'const pages = [...(phase.pages ?? []).slice(0, page), message];',
      },
      {
        file: 'omnipaxos/accepted-log.js',
        find: 'const kept = Math.max(from, isSameLog ? this.acceptedEnd : this.#decidedEnd);',
        replace: 'const kept = from;',
      },
    ],
  },
  {
    name: 'omni-longest-log-adopted',
    rule: 'OmniPaxos: a leader adopts the log accepted under the highest ballot, not the longest one',
    engine,
    replicas: 5,
    edits: [
      {
        file: 'omnipaxos/leader.js',
        find: 'const order = compareBallots(accepted, adopted.accepted) || acceptedEnd - adopted.end;',
        replace: 'const order = acceptedEnd - adopted.end || compareBallots(accepted, adopted.accepted);',
      },
    ],
  },
  {
    name: 'omni-own-log-kept',
    rule: 'OmniPaxos: a leader adopts the most accepted log among the promises, its own only if there is none above',
    engine,
    edits: [
      {
        file: 'omnipaxos/leader.js',
        find: 'if (order <= 0)\n            continue;',
        replace: 'if (order !== undefined)\n            continue;',
      },
    ],
  },
  {
    name: 'omni-decided-by-a-minority',
    rule: 'OmniPaxos: what a majority has accepted is decided',
    engine,
    edits: [
      {
        file: 'omnipaxos/leader.js',
        find: 'const decidedEnd = sorted[majorityOf(members.length) - 1] ?? 0;',
        replace: 'const decidedEnd = sorted[majorityOf(members.length) - 2] ?? 0;',
      },
    ],
  },
  {
    name: 'omni-gap-accepted',
    rule: 'OmniPaxos: an AcceptDecide that does not follow the one before it is not taken',
    engine,
    edits: [
      {
        file: 'omnipaxos/follower.js',
        find: 'const isMissed = counter > phase.counter + 1 || first !== log.acceptedEnd;',
        replace: 'const isMissed = false;',
      },
    ],
  },
  {
    name: 'omni-ballot-resumed',
    rule: 'R4: no ballot is used again after a restart',
    engine,
    edits: [
      {
        file: 'omnipaxos/election.js',
        find: 'const claimed = { round: (above?.round ?? 0) + 1, replica: this.#options.me };',
        replace:
          'const claimed = above?.replica === this.#options.me ? above : { round: (above?.round ?? 0) + 1, replica: this.#options.me };',
      },
      {
        file: 'omnipaxos/invariants.js',
        find: 'if (compareBallots(claimed, before) <= 0) {',
        replace: 'if (compareBallots(claimed, before) < 0) {',
      },
    ],
  },
  {
    name: 'omni-divergent-tail-kept',
    rule: 'OmniPaxos: AcceptSync replaces everything of a follower that its leader has not adopted',
    engine,
    edits: [
      {
        file: 'omnipaxos/leader.js',
        find: 'adopted.end), decidedEnd);\n    }\n    return decidedEnd;',
        replace:
          'adopted.end), decidedEnd);\n    }\n    return Math.max(Math.min(acceptedEnd, adopted.end), decidedEnd);',
      },
    ],
  },
  {
    name: 'omni-accepted-taken-for-promised',
    rule: 'OmniPaxos: a log counts by the ballot under which it was accepted, also after a restart',
    engine,
    edits: [
      {
        file: 'omnipaxos/recovery.js',
        find: 'accepted: replay.accepted,',
        replace: 'accepted: replay.promised,',
      },
    ],
  },
  {
    name: 'omni-truncation-not-replayed',
    rule: 'R6: what was cut off a log before a crash stays cut off',
    engine,
    edits: [
      {
        file: 'omnipaxos/recovery.js',
        find: 'this.#end = Math.min(this.#end, record.from);',
        replace: '',
      },
      { file: 'omnipaxos/recovery.js', find: 'this.#values.delete(slot);', replace: '' },
    ],
  },
  {
    name: 'omni-read-unconfirmed',
    rule: 'R7: a leader reads when a majority has confirmed that it still promises its ballot',
    engine,
    edits: [
      {
        file: 'omnipaxos/read-barrier.js',
        find: 'if (round.confirmed.size < this.#options.peer.roster.majority)\n            return;',
        replace: '',
      },
    ],
  },
  {
    name: 'omni-confirmed-under-any-ballot',
    rule: 'R7: only who still promises the ballot confirms it',
    engine,
    edits: [
      {
        file: 'omnipaxos/sequence-paxos.js',
        find: `if (this.#bearsAnotherBallot(step, from, ballot))
            return;
        step.send(from, { kind: 'confirmed', ballot, number });`,
        replace: "step.send(from, { kind: 'confirmed', ballot, number });",
      },
    ],
  },
  {
    name: 'omni-adopted-end-not-read',
    rule: 'R7: a leader waits at least for the log that it adopted with its ballot',
    engine,
    edits: [
      {
        file: 'omnipaxos/read-barrier.js',
        find: 'end: Math.max(peer.decidedEnd, peer.adoptedEnd),',
        replace: 'end: peer.decidedEnd,',
      },
    ],
  },
  {
    name: 'omni-missed-sync-never-asked-for',
    rule: 'OmniPaxos: a replica in step with nobody asks its leader for a Prepare',
    engine,
    edits: [
      {
        file: 'omnipaxos/sequence-paxos.js',
        find: 'this.#phase = missed(step, leader, this.#log);\n        }\n    }\n    #handlePrepare(',
        replace: '}\n    }\n    #handlePrepare(',
      },
    ],
  },
];
