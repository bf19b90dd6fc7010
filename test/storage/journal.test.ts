import { expect } from 'chai';
import { memoryJournal, releaseReply, type Step } from '../../src/storage/journal.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';

const step = (parts: Partial<Step<string, string>>): Step<string, string> => ({
  records: [],
  atOnce: [],
  afterSync: [],
  ...parts,
});

/** What a promise has come to by now. */
const stateOf = async (promise: Promise<unknown>): Promise<unknown> => {
  let state: unknown = 'held';
  promise.then(
    (value) => (state = value),
    () => (state = 'failed'),
  );
  await turns();
  return state;
};

const ignore = () => undefined;

describe('the release of a reply', () => {
  it('holds back what must follow the sync, until the append resolves', async () => {
    const journal = new HeldJournal<string>();
    const reply = releaseReply(journal, step({ records: ['vote'], afterSync: ['accept-ok'] }), ignore);
    expect(journal.records).to.deep.equal(['vote']);
    expect(await stateOf(reply)).to.equal('held');
    journal.sync();
    expect(await stateOf(reply)).to.equal('accept-ok');
  });

  it('holds it back also if the step itself wrote nothing', async () => {
    const journal = new HeldJournal<string>();
    const reply = releaseReply(journal, step({ afterSync: ['accept-ok'] }), ignore);
    expect(journal.appended).to.have.length(1);
    expect(await stateOf(reply)).to.equal('held');
    journal.sync();
    expect(await stateOf(reply)).to.equal('accept-ok');
  });

  it('lets what promises nothing out at once, and writes its records all the same', async () => {
    const journal = new HeldJournal<string>();
    const reply = releaseReply(journal, step({ records: ['decided'], atOnce: ['decide-ok'] }), ignore);
    expect(await stateOf(reply)).to.equal('decide-ok');
    expect(journal.records).to.deep.equal(['decided']);
  });

  it('never lets a promise out if the append fails', async () => {
    const journal = new HeldJournal<string>();
    const reply = releaseReply(journal, step({ records: ['vote'], afterSync: ['accept-ok'] }), ignore);
    journal.fail(new Error('the disk is gone'));
    expect((await rejection(reply, Error)).message).to.equal('the disk is gone');
  });

  it('tells of an append that fails when the reply has left', async () => {
    const journal = new HeldJournal<string>();
    const failures: unknown[] = [];
    const decided = step({ records: ['decided'], atOnce: ['decide-ok'] });
    await releaseReply(journal, decided, (error) => failures.push(error));
    const failure = new Error('the disk is gone');
    journal.fail(failure);
    await turns();
    expect(failures).to.deep.equal([failure]);
  });

  it('fails on a step that has no reply', async () => {
    await rejection(releaseReply(memoryJournal<string>(), step({}), ignore), Error);
  });

  it('waits for nothing where nothing is kept', async () => {
    const reply = releaseReply(
      memoryJournal<string>(),
      step({ records: ['vote'], afterSync: ['accept-ok'] }),
      ignore,
    );
    expect(await stateOf(reply)).to.equal('accept-ok');
  });
});
