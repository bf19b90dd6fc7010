import { getEventListeners } from 'node:events';
import { expect } from 'chai';
import { enqueue } from '../../src/log/enqueue.js';
import { LogError } from '../../src/log/errors.js';
import { ProposalQueue } from '../../src/log/proposal-queue.js';
import { valueOf } from '../support/paxos-values.js';
import { rejection } from '../support/rejection.js';

describe('a command that is queued for the log', () => {
  it('is not queued at all for a caller who has stopped waiting', async () => {
    const queue = new ProposalQueue<string>();
    const { failure } = await rejection(
      enqueue(queue, valueOf('late'), AbortSignal.abort(), () => undefined),
      LogError,
    );
    expect(failure).to.deep.equal({ kind: 'abandoned' });
    expect(queue.commands).to.equal(0);
  });

  it('is answered once, and its caller listens no longer', async () => {
    const queue = new ProposalQueue<string>();
    const patience = new AbortController();
    let answers = 0;
    const answer = enqueue(queue, valueOf('command'), patience.signal, () => (answers += 1));
    const [proposal] = queue.takeBatch();
    proposal?.settle({ result: 'done' });
    expect(getEventListeners(patience.signal, 'abort')).to.deep.equal([]);
    expect(await answer).to.equal('done');
    expect(answers).to.equal(1);
  });
});
