import type { Variant } from './variant.js';

const engine = 'paxos';

/** Mistakes in reads, in sessions, in who is told what, and in the clerk. */
export const readVariants: readonly Variant[] = [
  {
    name: 'read-without-barrier',
    rule: 'R7: a read waits for a barrier',
    engine,
    edits: [
      { file: 'server/key-value-frontend.js', find: 'await this.#log.readBarrier(signal);', replace: '' },
    ],
  },
  {
    name: 'joins-a-begun-round',
    rule: 'R7: a read that arrives after a round began waits for the next',
    engine,
    edits: [
      {
        file: 'log/readers.js',
        find: `const readers = this.#waiting;
        this.#waiting = new Set();
        return readers;`,
        replace: 'return this.#waiting;',
      },
    ],
  },
  {
    name: 'barrier-asks-decided',
    rule: 'R7: the reach is the highest slot ACCEPTED or decided, not the highest decided',
    engine,
    edits: [
      {
        file: 'paxos/instances.js',
        find: "if (after.phase === 'decided' || after.vote !== undefined)",
        replace: "if (after.phase === 'decided')",
      },
    ],
  },
  {
    name: 'barrier-by-hearsay',
    rule: 'R7: every answer to a barrier is given after its round began, and is no figure kept from an earlier message',
    engine,
    edits: [
      {
        file: 'paxos/read-barrier.js',
        find: 'void peer.askReach(id).then(answered);',
        replace: 'void Promise.resolve({ reach: peer.roster.peer(id).learnedThrough }).then(answered);',
      },
    ],
  },
  {
    name: 'barrier-of-a-minority',
    rule: 'R7: a barrier asks a majority',
    engine,
    edits: [
      {
        file: 'paxos/read-barrier.js',
        find: 'const lowest = reaches.sort((left, right) => left - right)[majority - 1];',
        replace: 'const lowest = reaches.sort((left, right) => left - right)[0];',
      },
    ],
  },
  {
    name: 'waiter-matched-by-slot',
    rule: 'R9: a waiter is matched by the identity of its batch, never by slot alone',
    engine,
    edits: [
      {
        file: 'log/apply-loop.js',
        find: `if (origin === roster.me && incarnation === roster.incarnation)
            underWay.settle(batch, results);`,
        replace: `underWay.settle(batch, results, slot);`,
      },
      {
        file: 'log/under-way.js',
        find: 'settle({ number }, results) {',
        replace: `settle(_batch, results, slot) {
        const number = [...this.#entries].find(([, entry]) => entry.slot === slot)?.[0] ?? -1;`,
      },
      {
        file: 'log/under-way.js',
        find: `if (result === undefined)
                throw new Error(\`batch \${number} came back without a result for each command\`);
            proposal.settle({ result });`,
        replace: `proposal.settle(result === undefined ? { failure: { kind: 'outcome-unknown', stage: 'proposed' } } : { result });`,
      },
    ],
  },
  {
    name: 'waiter-matched-by-number',
    rule: 'R9: the identity of a batch has its origin, whose numbers others use too',
    engine,
    edits: [
      {
        file: 'log/apply-loop.js',
        find: 'if (origin === roster.me && incarnation === roster.incarnation)',
        replace: 'if (origin > 0)',
      },
    ],
  },
  {
    name: 'refusal-not-recorded',
    rule: 'R8: a refusal at apply is an answer like any other and is recorded, so that no copy of the write runs later',
    engine,
    // Values that come to their limit, and clerks that soon send a write again.
    setting: [
      { file: 'kv/limits.js', find: 'valueLimitBytes = 1024 * 1024', replace: 'valueLimitBytes = 20' },
      { file: 'sim/voting-cluster.js', find: 'attemptTimeoutMs = 1000', replace: 'attemptTimeoutMs = 300' },
    ],
    edits: [
      {
        file: 'kv/state-machine.js',
        find: 'this.#sessions.record(session, result, before);',
        replace:
          "if (result.kind !== 'refused')\n                    this.#sessions.record(session, result, before);",
      },
    ],
  },
  {
    name: 'reply-not-recorded',
    rule: 'R8: a write that ran is recorded, so that no copy of it runs',
    engine,
    edits: [
      {
        file: 'kv/state-machine.js',
        find: 'this.#sessions.record(session, result, before);',
        replace: "if (result.kind !== 'append') this.#sessions.record(session, result, before);",
      },
    ],
  },
  {
    name: 'duplicates-dropped-at-arrival',
    rule: 'R8: whether a write has run already is judged at apply, in log order, not when it arrives',
    engine,
    edits: [
      {
        file: 'server/replica.js',
        find: 'read: (operation) => state.store.get(operation),',
        replace: `read: (operation) => state.store.get(operation),
            recorded: (session) => state.sessions.recorded(session),`,
      },
      {
        file: 'server/key-value-frontend.js',
        find: "return this.#log.propose(encodeCommand({ kind: 'write', session, operation }), signal);",
        replace: `const recorded = this.#options.recorded(session);
        if (recorded !== undefined)
            return Promise.resolve(recorded);
        return this.#log.propose(encodeCommand({ kind: 'write', session, operation }), signal);`,
      },
      {
        file: 'kv/state-machine.js',
        find: 'return judgement.result;',
        replace: 'return this.#store.write(operation);',
      },
    ],
  },
  {
    name: 'sequences-acknowledged-too-early',
    rule: 'R8: a clerk acknowledges what is settled, and nothing above a call that is still under way',
    engine,
    edits: [
      {
        file: 'kv/sequence-window.js',
        find: 'return lowest === undefined ? this.#last : lowest - 1;',
        replace: 'return lowest === undefined ? this.#last : this.#last - this.#open.size;',
      },
    ],
  },
  {
    name: 'acknowledged-runs-again',
    rule: 'R8: a sequence that was acknowledged never runs',
    engine,
    edits: [
      {
        file: 'kv/sessions.js',
        find: 'if (sequence <= entry.acknowledgedThrough) {',
        replace: 'if (sequence < 0) {',
      },
    ],
  },
  {
    name: 'session-id-issued-again',
    rule: 'R8: the id of a session is never issued twice',
    engine,
    edits: [
      {
        file: 'kv/sessions.js',
        find: `const id = clientId(this.#nextClientId);
        this.#nextClientId += 1;`,
        replace: `let id = clientId(this.#nextClientId);
        if (this.#entries.size >= this.parameters.sessionLimit) {
            this.#settle();
            const oldest = this.#byUse.get(this.#byUse.minKey());
            this.#remove(oldest);
            id = oldest.id;
        }
        else
            this.#nextClientId += 1;`,
      },
    ],
  },
  {
    name: 'retried-under-a-new-sequence',
    rule: 'R8: a clerk sends a write whose outcome it does not know again with the same sequence',
    engine,
    edits: [
      {
        file: 'clerk/base-clerk.js',
        find: "() => ({ kind: 'operation', operation, session: sessionFor(session, sequence) })",
        replace: `() => {
                const fresh = session.window.take() ?? sequence;
                session.window.settle(fresh);
                return { kind: 'operation', operation, session: sessionFor(session, fresh) };
            }`,
      },
    ],
  },
  {
    name: 'last-attempt-tells-the-outcome',
    rule: 'design 8: a clerk that gives up reports the worst of all its attempts',
    // Where "not the leader" often follows on an attempt that may have run.
    engine: 'omnipaxos',
    edits: [
      {
        file: 'clerk/attempts.js',
        find: "const worse = (executed, verdict) => verdict.executed === 'unknown' ? 'unknown' : executed;",
        replace: 'const worse = (_executed, verdict) => verdict.executed;',
      },
    ],
  },
  {
    name: 'timeout-means-not-executed',
    rule: 'design 8: what passed its deadline may have been executed',
    engine,
    edits: [
      {
        file: 'clerk/verdict.js',
        find: "return { kind: 'next-replica', executed: 'unknown' };",
        replace: "return { kind: 'next-replica', executed: 'no' };",
      },
    ],
  },
  {
    name: 'sent-again-under-a-new-session',
    rule: 'R8: when a session ends, calls already sent end as outcome unknown',
    engine,
    edits: [
      {
        file: 'clerk/attempts.js',
        find: "return executed === 'no' ? sessionExpired : this.gaveUp('session-ended', 'unknown');",
        replace: 'return sessionExpired;',
      },
    ],
  },
];
