import { expect } from 'chai';
import type { SessionParameters } from '../../src/kv/limits.js';
import type { Session, WriteResult } from '../../src/kv/operation.js';
import { Sessions } from '../../src/kv/sessions.js';
import { session } from '../support/commands.js';

const put: WriteResult = { kind: 'put' };
const putHash = (previousValue: string): WriteResult => ({ kind: 'put-hash', previousValue });
/** What a reply without text weighs. */
const bareBytes = 64;

const parametersOf = (changes: Partial<SessionParameters> = {}): SessionParameters => ({
  sessionLimit: 3,
  repliesLimitBytes: 10_000,
  sessionRepliesLimitBytes: 1000,
  sequenceWindow: 8,
  ...changes,
});

const withSessions = (count: number, changes: Partial<SessionParameters> = {}): Sessions => {
  const sessions = new Sessions(parametersOf(changes));
  for (let opened = 0; opened < count; opened += 1) sessions.open();
  return sessions;
};

/** Judges a write and, if it may run, records what it answered. */
const run = (sessions: Sessions, write: Session, result: WriteResult = put): string => {
  const judgement = sessions.judge(write);
  if (judgement.kind === 'run') sessions.record(write, result);
  return judgement.kind === 'refused' ? judgement.refusal : judgement.kind;
};

describe('the session table', () => {
  it('issues ids from 1 and none of them twice, also after a session has ended', () => {
    const sessions = new Sessions(parametersOf());
    expect([sessions.open(), sessions.open()]).to.deep.equal([1, 2]);
    sessions.close(session(2, 1).clientId);
    sessions.close(session(1, 1).clientId);
    expect(sessions.size).to.equal(0);
    expect(sessions.open()).to.equal(3);
    expect(sessions.nextClientId).to.equal(4);
  });

  it('refuses an id that was never issued, and one whose session has ended, each by its own name', () => {
    const sessions = withSessions(1);
    const unissued = sessions.judge(session(2, 1));
    expect(unissued).to.include({ kind: 'refused', refusal: 'never-issued' });
    expect(unissued).to.have.property('detail').that.includes('session 2 was never issued');
    sessions.close(session(1, 1).clientId);
    const ended = sessions.judge(session(1, 1));
    expect(ended).to.include({ kind: 'refused', refusal: 'expired' });
    expect(ended).to.have.property('detail').that.includes('session 1 has ended');
  });

  it('closes a session twice without harm', () => {
    const sessions = withSessions(2);
    run(sessions, session(1, 1));
    for (let times = 0; times < 2; times += 1) sessions.close(session(1, 1).clientId);
    expect(sessions.size).to.equal(1);
    expect(sessions.repliesBytes).to.equal(0);
  });

  it('lets a write run once and answers each copy of it with the recorded reply', () => {
    const sessions = withSessions(1);
    expect(run(sessions, session(1, 1), putHash('before'))).to.equal('run');
    expect(run(sessions, session(1, 2), putHash('after'))).to.equal('run');
    for (const copy of [session(1, 1), session(1, 1)]) {
      expect(sessions.judge(copy)).to.deep.equal({ kind: 'recorded', result: putHash('before') });
    }
  });

  it('answers a copy of a write that was refused for its size with that refusal', () => {
    const sessions = withSessions(1);
    const refusal: WriteResult = { kind: 'refused', refusal: 'value-limit', detail: 'too large' };
    run(sessions, session(1, 1), refusal);
    expect(sessions.judge(session(1, 1))).to.deep.equal({ kind: 'recorded', result: refusal });
  });

  it('lets sequences run in any order', () => {
    const sessions = withSessions(1);
    expect([3, 1, 2].map((sequence) => run(sessions, session(1, sequence)))).to.deep.equal(
      Array(3).fill('run'),
    );
  });

  it('tells the sequences of one session from those of another', () => {
    const sessions = withSessions(2);
    expect(run(sessions, session(1, 1))).to.equal('run');
    expect(run(sessions, session(2, 1))).to.equal('run');
  });

  it('frees what is acknowledged and never runs it again', () => {
    const sessions = withSessions(1);
    run(sessions, session(1, 1), putHash('some text'));
    run(sessions, session(1, 2));
    expect(sessions.repliesBytes).to.equal(2 * bareBytes + 'some text'.length);
    expect(run(sessions, session(1, 3, 1))).to.equal('run');
    expect(sessions.repliesBytes).to.equal(2 * bareBytes);
    expect(run(sessions, session(1, 1))).to.equal('already-acknowledged');
  });

  it('does not newly run what its client has given up, also if it comes after that was told', () => {
    const sessions = withSessions(1);
    expect(run(sessions, session(1, 3, 2))).to.equal('run');
    expect(run(sessions, session(1, 2))).to.equal('already-acknowledged');
    expect(sessions.judge(session(1, 1)))
      .to.have.property('detail')
      .that.includes('sequence 1 of session 1')
      .and.includes('through 2');
  });

  it('never takes an acknowledgement back', () => {
    const sessions = withSessions(1);
    run(sessions, session(1, 5, 4));
    expect(run(sessions, session(1, 6, 0))).to.equal('run');
    expect(run(sessions, session(1, 4, 0))).to.equal('already-acknowledged');
  });

  it('takes an acknowledgement from a copy that is not run itself', () => {
    const sessions = withSessions(1);
    run(sessions, session(1, 1));
    run(sessions, session(1, 3));
    expect(run(sessions, session(1, 3, 2))).to.equal('recorded');
    expect(sessions.repliesBytes).to.equal(bareBytes);
    expect(run(sessions, session(1, 2))).to.equal('already-acknowledged');
  });

  it('records only what was judged to run', () => {
    const sessions = withSessions(1);
    run(sessions, session(1, 1));
    expect(() => sessions.record(session(1, 1), put)).to.throw('not judged to run');
    expect(() => sessions.record(session(2, 1), put)).to.throw('not judged to run');
  });
});

describe('the bounds of the session table', () => {
  it('end the least recently used session when one too many is opened', () => {
    const sessions = withSessions(3);
    run(sessions, session(1, 1));
    sessions.open();
    expect(sessions.size).to.equal(3);
    expect(run(sessions, session(2, 1))).to.equal('expired');
    expect(run(sessions, session(1, 2))).to.equal('run');
    sessions.open();
    expect(run(sessions, session(3, 1))).to.equal('expired');
    expect(run(sessions, session(4, 1))).to.equal('run');
  });

  it('count a copy and a refusal as use, in the order of the log', () => {
    const sessions = withSessions(3);
    run(sessions, session(1, 2, 1));
    for (const id of [2, 3]) run(sessions, session(id, 1));
    expect(run(sessions, session(1, 1))).to.equal('already-acknowledged');
    sessions.open();
    expect(run(sessions, session(2, 1))).to.equal('expired');
    expect(run(sessions, session(3, 1))).to.equal('recorded');
    sessions.open();
    expect(run(sessions, session(1, 2))).to.equal('expired');
  });

  it('let only the lowest open write of a session in once its replies are past their limit', () => {
    const sessions = withSessions(1, { sessionRepliesLimitBytes: 2 * bareBytes });
    for (const sequence of [2, 3]) expect(run(sessions, session(1, sequence))).to.equal('run');
    expect(run(sessions, session(1, 4)), 'at the limit there is room').to.equal('run');
    const refusal = sessions.judge(session(1, 5));
    expect(refusal).to.include({ kind: 'refused', refusal: 'replies-full' });
    expect(refusal).to.have.property('detail').that.includes('192 bytes').and.includes('limit is 128');
    expect(run(sessions, session(1, 2)), 'what is recorded').to.equal('recorded');
    expect(run(sessions, session(1, 1)), 'the lowest').to.equal('run');
  });

  it('do not record the refusal of full replies: the write runs when there is room', () => {
    const sessions = withSessions(1, { sessionRepliesLimitBytes: 2 * bareBytes });
    for (const sequence of [1, 2, 3]) run(sessions, session(1, sequence));
    const { repliesBytes } = sessions;
    expect(run(sessions, session(1, 4))).to.equal('replies-full');
    expect(sessions.repliesBytes).to.equal(repliesBytes);
    expect(run(sessions, session(1, 4, 3))).to.equal('run');
  });

  it('let the write right above what it acknowledges itself in', () => {
    const sessions = withSessions(1, { sessionRepliesLimitBytes: 0 });
    run(sessions, session(1, 1));
    run(sessions, session(1, 3, 2));
    expect(run(sessions, session(1, 5))).to.equal('replies-full');
    expect(run(sessions, session(1, 5, 4))).to.equal('run');
  });

  it('end sessions in order of use while all replies together are past their limit', () => {
    const sessions = withSessions(3, { repliesLimitBytes: 4 * bareBytes });
    for (const id of [2, 1, 3]) run(sessions, session(id, 1));
    run(sessions, session(1, 2));
    expect(sessions.size, 'at the limit').to.equal(3);
    run(sessions, session(1, 3));
    expect(sessions.repliesBytes).to.equal(4 * bareBytes);
    expect(run(sessions, session(2, 1))).to.equal('expired');
    run(sessions, session(1, 4), putHash('é'.repeat(bareBytes)));
    expect(sessions.size, 'one reply may cost several sessions').to.equal(0);
    expect(sessions.repliesBytes).to.equal(0);
    expect(run(sessions, session(1, 4))).to.equal('expired');
  });

  it('count the text of a reply in bytes', () => {
    const sessions = withSessions(1);
    run(sessions, session(1, 1), putHash('é'));
    expect(sessions.repliesBytes).to.equal(bareBytes + 2);
  });
});
