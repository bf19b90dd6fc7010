import { expect } from 'chai';
import { clerkAnswer } from '../../src/check/clerk-answer.js';
import { HistoryError, type Answer, type History } from '../../src/check/history.js';
import { HistoryRecorder } from '../../src/check/history-recorder.js';
import { historyFrom, historyText } from '../../src/check/history-text.js';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import type { Operation } from '../../src/kv/operation.js';
import { ToldClient } from '../support/history-entries.js';

const clockOf = (...times: number[]) => ({ now: () => times.shift() ?? NaN });
const put: Operation = { kind: 'put', key: 'k', value: '1' };
const get: Operation = { kind: 'get', key: 'k' };
const gaveUp = (outcome: 'unknown' | 'not-executed') =>
  new ClerkError({ kind: 'timed-out', message: 'late', outcome, failures: [] });

const rejection = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it passed');
};

describe('the recorder of a history', () => {
  it('records calls and their answers in the order of the calls', async () => {
    const recorder = new HistoryRecorder(clockOf(1, 2, 3, 4));
    const outer = recorder.begin('a', put);
    await recorder.record('b', get, () => Promise.resolve({ kind: 'get', value: '', found: false }));
    outer.answered({ kind: 'put' });
    expect(recorder.history).to.deep.equal([
      { client: 'a', operation: put, calledAt: 1, end: { kind: 'answered', at: 4, answer: { kind: 'put' } } },
      {
        client: 'b',
        operation: get,
        calledAt: 2,
        end: { kind: 'answered', at: 3, answer: { kind: 'get', value: '', found: false } },
      },
    ]);
  });

  it('drops what certainly did not execute, and counts it', async () => {
    const recorder = new HistoryRecorder(clockOf(1, 2));
    const error = gaveUp('not-executed');
    expect(await rejection(recorder.record('a', put, () => Promise.reject(error)))).to.equal(error);
    expect(recorder.history).to.deep.equal([]);
    expect(recorder.notExecuted).to.equal(1);
  });

  it('takes every other failure, and what is under way, for unknown', async () => {
    const recorder = new HistoryRecorder(clockOf(1, 2, 3, 4, 5));
    for (const error of [gaveUp('unknown'), new Error('no clerk says this')]) {
      expect(await rejection(recorder.record('a', put, () => Promise.reject(error)))).to.equal(error);
    }
    recorder.begin('a', put);
    expect(recorder.history.map(({ end }) => end)).to.deep.equal([
      { kind: 'unknown', gaveUpAt: 2 },
      { kind: 'unknown', gaveUpAt: 4 },
      { kind: 'unknown' },
    ]);
  });

  it('takes one outcome of a call, and only an answer to it', () => {
    const call = new HistoryRecorder(clockOf(1, 2, 3, 4)).begin('a', put);
    expect(() => call.answered({ kind: 'append' })).to.throw(
      HistoryError,
      'a put cannot have the answer of a append',
    );
    call.answered({ kind: 'put' });
    expect(() => call.unknown()).to.throw(HistoryError, 'told twice');
    expect(() => call.notExecuted()).to.throw(HistoryError, 'told twice');
  });

  it('asks a clerk, and tells a missing key from an empty value', async () => {
    const calls: unknown[] = [];
    const told =
      <Value>(name: string, value: Value) =>
      (...args: readonly unknown[]) => {
        calls.push([name, ...args]);
        return Promise.resolve(value);
      };
    const clerk = {
      find: told<string | undefined>('find', undefined),
      put: told('put', undefined),
      append: told('append', undefined),
      putHash: told('putHash', 'before'),
    };
    const operations: Operation[] = [get, put, { ...put, kind: 'append' }, { ...put, kind: 'put-hash' }];
    const answers: Answer[] = [];
    for (const operation of operations) answers.push(await clerkAnswer(clerk, operation, { timeoutMs: 9 }));
    expect(answers).to.deep.equal([
      { kind: 'get', value: '', found: false },
      { kind: 'put' },
      { kind: 'append' },
      { kind: 'put-hash', previousValue: 'before' },
    ]);
    const limits = { timeoutMs: 9 };
    expect(calls).to.deep.equal([
      ['find', 'k', limits],
      ['put', 'k', '1', limits],
      ['append', 'k', '1', limits],
      ['putHash', 'k', '1', limits],
    ]);
    expect(await clerkAnswer({ ...clerk, find: told<string | undefined>('find', '') }, get)).to.deep.equal({
      kind: 'get',
      value: '',
      found: true,
    });
  });
});

describe('the text of a history', () => {
  const [a, b] = [new ToldClient('a'), new ToldClient('b', 'ключ\n')];
  const history: History = [
    a.put('1', 0, 1),
    b.get(undefined, 0.25, 2.5),
    b.append('é\u2028"\\', -3),
    { ...a.putHash('x', '', 5), end: { kind: 'unknown', gaveUpAt: 7 } },
    a.putHash('x', '1', 8, 9),
  ];
  const lines = historyText(history).split('\n');
  const withLine = (number: number, line: string) =>
    lines.map((old, index) => (index === number - 1 ? line : old)).join('\n');

  it('is a line an entry, and gives the history back', () => {
    expect(lines).to.have.length(history.length + 2);
    expect(historyFrom(historyText(history))).to.deep.equal(history);
    expect(historyFrom(historyText([]))).to.deep.equal([]);
  });

  const entry = {
    client: 'a',
    operation: put,
    calledAt: 1,
    end: { kind: 'answered', at: 2, answer: { kind: 'put' } },
  };
  const damaged: readonly (readonly [string, string, string])[] = [
    [
      'is no history',
      withLine(1, '{"format":"other","version":1}'),
      'line 1 is not {"format":"synod-history"',
    ],
    ['is empty', '', 'line 1 is not JSON'],
    [
      'is of a later version',
      withLine(1, '{"format":"synod-history","version":2}'),
      'version 2; this software reads version 1',
    ],
    ['is cut short', historyText(history).slice(0, -9), `line ${history.length + 1} is not JSON`],
    ['lacks a field', withLine(3, JSON.stringify({ ...entry, client: undefined })), 'line 3: client: '],
    ['has a field too many', withLine(3, JSON.stringify({ ...entry, more: 1 })), 'line 3: '],
    [
      'has an unknown operation',
      withLine(4, JSON.stringify({ ...entry, operation: { kind: 'swap' } })),
      'line 4: operation.kind: ',
    ],
    [
      'has a number for a text',
      withLine(2, JSON.stringify({ ...entry, operation: { ...put, value: 1 } })),
      'line 2: operation.value: ',
    ],
    [
      'has the answer of another operation',
      withLine(2, JSON.stringify({ ...entry, operation: get })),
      'line 2: a get cannot have the answer of a put',
    ],
    [
      'ends before it begins',
      withLine(2, JSON.stringify({ ...entry, calledAt: 3 })),
      'line 2: it ended at 2, before it was called at 3',
    ],
    [
      'has no number for a time',
      withLine(2, JSON.stringify({ ...entry, calledAt: null })),
      'line 2: calledAt: ',
    ],
  ];
  for (const [what, text, message] of damaged) {
    it(`is refused if it ${what}`, () => {
      expect(() => historyFrom(text)).to.throw(HistoryError, message);
    });
  }
});
