import type { Variant } from './variant.js';

const engine = 'paxos';

/** Mistakes in what is on disk when, and in what a start makes of it. */
export const durabilityVariants: readonly Variant[] = [
  {
    name: 'answer-before-sync',
    rule: 'R2: promises and votes leave when they are synced',
    engine,
    edits: [
      {
        file: 'storage/journal.js',
        find: 'await journal.append(step.records);',
        replace: 'journal.append(step.records).catch(failed);',
      },
    ],
  },
  {
    name: 'promise-before-sync',
    rule: 'R2: a promise leaves when it is synced',
    engine,
    edits: [
      {
        file: 'storage/journal.js',
        find: 'await journal.append(step.records);',
        replace: `const written = journal.append(step.records);
    if (step.afterSync[0]?.kind === 'promise') written.catch(failed);
    else await written;`,
      },
    ],
  },
  {
    name: 'own-vote-before-own-sync',
    rule: "R2: a proposer counts its own acceptor's vote only when that is synced",
    engine,
    edits: [
      {
        file: 'paxos/peer.js',
        find: 'ownAccept: (request) => this.#acceptor.accept(request),',
        replace: 'ownAccept: (request) => this.#acceptor.accept(request, true),',
      },
      {
        file: 'paxos/own-acceptor.js',
        find: 'async accept(request) {',
        replace: 'async accept(request, isOwn = false) {',
      },
      {
        file: 'paxos/own-acceptor.js',
        find: 'const reply = await this.#vote(slot, (state) => onAccept(state, request));',
        replace: 'const reply = await this.#vote(slot, (state) => onAccept(state, request), isOwn);',
      },
      {
        file: 'paxos/own-acceptor.js',
        find: 'async #vote(slot, transition) {',
        replace: 'async #vote(slot, transition, isOwn) {',
      },
      {
        file: 'paxos/own-acceptor.js',
        find: `instances.advance(slot, state);
            return await releaseReply(journal, step, fail);`,
        replace: `instances.advance(slot, state);
            const released = releaseReply(journal, step, fail);
            if (isOwn && step.afterSync[0]?.kind === 'accept-ok') {
                released.catch(fail);
                return step.afterSync[0];
            }
            return await released;`,
      },
    ],
  },
  {
    name: 'gated-by-own-records-only',
    rule: 'R2: an answer waits for all that was appended before it, also when its own step wrote nothing',
    engine,
    edits: [
      {
        file: 'storage/journal.js',
        find: 'await journal.append(step.records);',
        replace: 'if (step.records.length > 0) await journal.append(step.records);',
      },
    ],
  },
  {
    name: 'frame-never-synced',
    rule: 'R2, R6: a frame is what one sync covers',
    engine,
    edits: [
      {
        file: 'storage/log-tail.js',
        find: 'await synced(`${what} in ${file}`, () => this.#file.datasync());',
        replace: '',
      },
    ],
  },
  {
    name: 'failed-sync-retried',
    rule: 'R15: a failed sync is never retried',
    engine,
    edits: [
      {
        file: 'storage/log-tail.js',
        find: 'await synced(`${what} in ${file}`, () => this.#file.datasync());',
        replace:
          'await this.#file.datasync().catch(() => synced(`${what} in ${file}`, () => this.#file.datasync()));',
      },
    ],
  },
  {
    name: 'checksum-not-checked',
    rule: 'R6: a frame whose checksum is wrong is damaged',
    engine,
    edits: [
      {
        file: 'storage/frame.js',
        find: 'return checksum(payload, seed) === header.payloadChecksum ? payload : undefined;',
        replace: 'return payload;',
      },
    ],
  },
  {
    name: 'last-frame-not-rewritten',
    rule: 'R6: recovery writes the last frame anew and syncs it, since it may be in the page cache only',
    engine,
    edits: [
      {
        file: 'storage/log-recovery.js',
        find: `if (lastFrame === undefined || last.scan.end - sectorBytes <= segmentBytes / 2)
        return sectorBytes;
    return lastFrame.offset;`,
        replace: 'return lastFrame === undefined ? sectorBytes : last.scan.end;',
      },
      {
        file: 'storage/log-recovery.js',
        find: `firstLsn: last.frame.header.lsn,
        previousChecksum: last.frame.header.previousChecksum,
        hardState: last.hardStateBefore,`,
        replace: `firstLsn: last.frame.header.lsn + 1,
        previousChecksum: last.frame.header.checksum,
        hardState: last.frame.header.hardState,`,
      },
    ],
  },
  {
    name: 'recovered-frames-not-synced',
    rule: 'R6: before it speaks, recovery syncs the frames that it has written anew',
    engine,
    edits: [
      {
        file: 'storage/fresh-segment.js',
        find: `await file.write(sectorBytes, frames);
        await synced(name, () => file.datasync());`,
        replace: 'await file.write(sectorBytes, frames);',
      },
    ],
  },
  {
    name: 'done-before-durable',
    rule: 'R10: done follows when the state could be built again from the own disk, not when it is applied',
    engine,
    edits: [
      {
        file: 'paxos/paxos-log.js',
        find: 'this.#peer.done(Math.min(this.applied, durable));',
        replace: 'this.#peer.done(this.applied);',
      },
    ],
  },
  {
    name: 'live-records-not-rewritten',
    rule: 'R5: what a segment says of instances that are open is said again before it goes',
    engine,
    // Snapshots follow each other so soon that a segment goes while a promise in it is the last word on its slot.
    setting: [
      { file: 'sim/plan.js', find: 'slots: 12 + random.below(25)', replace: 'slots: 1 + random.below(2)' },
      {
        file: 'sim/plan.js',
        find: 'segmentBytes: sizes[random.below(sizes.length)] ?? sizes[0]',
        replace: 'segmentBytes: 8192',
      },
    ],
    edits: [{ file: 'server/persistence.js', find: '...engineRecords]', replace: ']' }],
  },
  {
    name: 'segment-dropped-by-floor',
    rule: 'R5: the floor alone drops no segment; a durable snapshot must cover it',
    engine,
    edits: [
      {
        file: 'server/snapshot-keeper.js',
        find: 'const below = Math.min(log.status().floor, covered + 1);',
        replace: 'const below = log.status().floor;',
      },
      {
        file: 'server/snapshot-keeper.js',
        find: 'if (storage === undefined || covered === undefined)\n            return;\n        const below',
        replace: 'if (storage === undefined)\n            return;\n        const below',
      },
    ],
  },
  {
    name: 'empty-directory-votes',
    rule: 'R1, R11: a replica that lost its directory never votes again under its id',
    engine,
    edits: [
      {
        file: 'log/roster.js',
        find: 'if (record.incarnation !== undefined && record.incarnation !== header.incarnation) {',
        replace: 'if (record === null) {',
      },
      {
        file: 'server/admission.js',
        find: `if (own === undefined)
            return;`,
        replace: `this.#confirmed.add(peer);
        this.#judge();
        if (peer > 0)
            return;`,
      },
    ],
  },
  {
    name: 'damage-cut-as-torn',
    rule: 'R6: an invalid last frame is cut only if one of its sectors is all zero',
    engine,
    edits: [
      {
        file: 'storage/segment-scan.js',
        find: 'if (zeroSectorsIn(bytes.subarray(offset, offset + length)) > header.zeroSectors)',
        replace: 'if (length > 0)',
      },
    ],
  },
  {
    name: 'damaged-header-cut-as-torn',
    rule: 'R6: a header that is neither valid nor zero is damage',
    engine,
    edits: [
      {
        file: 'storage/segment-scan.js',
        find: "throw this.#damage('stands neither a frame nor the end of the log');",
        replace: "return { kind: 'torn' };",
      },
    ],
  },
  {
    name: 'shortened-segment-cut-as-torn',
    rule: 'R6: a segment is as long as its header says; one that was shortened is damage, not the end of the log',
    engine,
    // Peers would remember how far the log reached.
    setting: [
      {
        file: 'server/admission.js',
        find: 'own.durableLsn > roster.durableLsn',
        replace: 'own.durableLsn < 0',
      },
      {
        file: 'server/admission.js',
        find: 'own.earlierDurableLsn > recoveredLsn',
        replace: 'own.earlierDurableLsn < 0',
      },
    ],
    edits: [
      {
        file: 'storage/log-chain.js',
        find: 'if (header.segmentBytes !== bytes) {',
        replace: 'if (bytes > header.segmentBytes) {',
      },
      {
        file: 'storage/log-chain.js',
        find: 'if (spare.bytes !== last.bytes) {',
        replace: 'if (spare.bytes < last.bytes) {',
      },
      {
        file: 'storage/segment-scan.js',
        find: 'if (this.#offset + length > this.#limit) {',
        replace: `if (this.#offset + length > this.#limit && end === undefined)
            return { kind: 'torn' };
        if (this.#offset + length > this.#limit) {`,
      },
    ],
  },
];
