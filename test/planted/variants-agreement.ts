import type { Variant } from './variant.js';

const engine = 'paxos';

/** Mistakes in the agreement of Paxos itself. */
export const agreementVariants: readonly Variant[] = [
  {
    name: 'promise-not-persisted',
    rule: 'R2: a promise is on disk before it is told',
    engine,
    edits: [
      {
        file: 'paxos/acceptor.js',
        find: "const records = compareBallots(ballot, promised) === 0 ? [] : [{ kind: 'promise', slot, ballot }];",
        replace: 'const records = [];',
      },
    ],
  },
  {
    name: 'accept-below-promise',
    rule: 'P: an acceptor refuses every ballot below the one it has promised, not just below its vote',
    engine,
    edits: [
      {
        file: 'paxos/acceptor.js',
        find: `export function onAccept(state, { slot, ballot, value }) {
    if (state.phase === 'decided')
        return answerAtOnce(state, { kind: 'decided', value: state.value });
    const { promised, vote } = state;`,
        replace: `export function onAccept(state, { slot, ballot, value }) {
    if (state.phase === 'decided')
        return answerAtOnce(state, { kind: 'decided', value: state.value });
    const { vote } = state;
    const promised = vote?.ballot;`,
      },
      {
        file: 'paxos/acceptor.js',
        find: "{ phase: 'open', promised: ballot, vote: cast }",
        replace:
          "{ phase: 'open', promised: compareBallots(ballot, state.promised) < 0 ? state.promised : ballot, vote: cast }",
      },
    ],
  },
  {
    name: 'own-value-chosen',
    rule: 'P: a proposer takes the value of the highest vote among the promises, and its own only if there is none',
    engine,
    edits: [{ file: 'paxos/round.js', find: 'value: best?.value ?? ownValue,', replace: 'value: ownValue,' }],
  },
  {
    name: 'last-vote-chosen',
    rule: 'P: a proposer takes the value of the HIGHEST vote among the promises, whichever comes last',
    engine,
    // A proposer that retries has an old vote of its own, and mostly hears itself first.
    setting: [
      {
        file: 'paxos/proposer.js',
        find: 'plan.own(plan.request).then((reply) =>',
        replace:
          'plan.own(plan.request).then((reply) => world.clock.sleep(50, plan.signal).then(() => reply)).then((reply) =>',
      },
    ],
    edits: [
      {
        file: 'paxos/round.js',
        find: 'compareBallots(left?.ballot, right?.ballot) >= 0 ? left : right',
        replace: 'right ?? left',
      },
    ],
  },
  {
    name: 'promises-of-a-minority',
    rule: 'P: a proposer goes on with promises of a majority',
    engine,
    edits: [
      {
        file: 'paxos/round.js',
        find: 'if (promised.size < majority)',
        replace: 'if (promised.size + 1 < majority)',
      },
    ],
  },
  {
    name: 'decided-by-a-minority',
    rule: 'P: a value is chosen when a majority has voted for it',
    engine,
    edits: [
      {
        file: 'paxos/round.js',
        find: 'return accepted.size < majority ?',
        replace: 'return accepted.size + 1 < majority ?',
      },
    ],
  },
  {
    name: 'ballot-reused-after-restart',
    rule: 'R4: a new round lies above every round stored',
    engine,
    edits: [
      {
        file: 'paxos/peer.js',
        find: 'const above = Math.max(this.#rounds.base, instance.usedRound, instance.acceptor.promised?.round ?? 0);',
        replace: 'const above = Math.max(instance.usedRound, instance.acceptor.promised?.round ?? 0);',
      },
    ],
  },
  {
    name: 'round-not-stored',
    rule: 'R2, R4: a round is durable before a Prepare that bears it leaves',
    engine,
    edits: [
      {
        file: 'paxos/stored-rounds.js',
        find: 'if (round <= this.#durable)',
        replace: 'if (round > this.base)',
      },
    ],
  },
  {
    name: 'forgotten-before-all-are-done',
    rule: 'R3, P: min() is one more than the lowest Done of ALL members; one that was never heard holds it',
    engine,
    edits: [
      {
        file: 'log/done-map.js',
        find: 'return Math.min(...this.members.map((member) => (this.throughOf(member) ?? -1) + 1));',
        replace: 'return Math.max(...this.members.map((member) => (this.throughOf(member) ?? -1) + 1));',
      },
    ],
  },
  {
    name: 'forgotten-slot-resurrected',
    rule: 'R3: a slot below the floor is answered Behind, and never as one that nobody has voted in',
    engine,
    edits: [
      {
        file: 'paxos/own-acceptor.js',
        find: `if (slot < instances.floor)
            return behind(instances.floor);
        if (!gate.isOpen`,
        replace: 'if (!gate.isOpen',
      },
      {
        file: 'paxos/instances.js',
        find: `if (slot < this.#floor)
            throw new RangeError(\`slot \${slot} is below the floor \${this.#floor}\`);`,
        replace: '',
      },
    ],
  },
  {
    name: 'hole-never-filled',
    rule: 'design 4.1: holes are filled by starting a no-op',
    engine,
    edits: [
      {
        file: 'paxos/hole-filler.js',
        find: 'if (this.#ageTicks >= ticksBeforeNoOp)',
        replace: 'if (this.#ageTicks < 0)',
      },
    ],
  },
];
