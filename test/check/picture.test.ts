import { Script } from 'node:vm';
import { expect } from 'chai';
import type { HistoryEntry } from '../../src/check/history.js';
import { explanation } from '../../src/check/describe-entry.js';
import { violationPicture } from '../../src/check/picture.js';
import { ToldClient } from '../support/history-entries.js';
import { violationIn } from '../support/history-violation.js';

const nasty = `<script>alert("1")</script>'&`;
const [a, b] = [new ToldClient('a'), new ToldClient('b<i>')];

const page = (history: readonly HistoryEntry[], around?: number) =>
  violationPicture(history, violationIn(history), around === undefined ? {} : { around });

const attributes = (tag: string): Map<string, string> =>
  new Map([...tag.matchAll(/ ([a-z-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]));

/** The tags of a page that open a bar, a lane, or what else has this class. */
const withClass = (html: string, name: string): Map<string, string>[] =>
  [...html.matchAll(/<[a-z]+ [^>]*>/g)]
    .map(([tag]) => attributes(tag))
    .filter((tag) => tag.get('class')?.split(' ').includes(name));

/** Whether every tag that opens is closed, in the right order. */
function expectBalanced(html: string): void {
  const markup = html.replace(/<(style|script)>[^]*?<\/\1>/g, '').replace('<!doctype html>', '');
  const open: string[] = [];
  for (const [, closing, name, rest] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)([^>]*)>/g)) {
    if (closing === '/') expect(open.pop(), `what </${name}> closes`).to.equal(name);
    else if (name !== 'meta' && !rest!.endsWith('/')) open.push(name!);
  }
  expect(open).to.deep.equal([]);
}

describe('the picture of a violation', () => {
  const unknown: HistoryEntry = { ...b.append('?', 1), end: { kind: 'unknown', gaveUpAt: 2 } };
  const history = [a.put(nasty, 0, 3), unknown, b.get('old', 4, 5), a.put('later', 6, 7)];
  const html = page(history);

  it('has a lane a client and a bar an operation, with their outcomes', () => {
    expect(withClass(html, 'lane').map((tag) => tag.get('aria-label'))).to.deep.equal([
      'client a',
      'client b&lt;i&gt;',
    ]);
    expect(withClass(html, 'bar')).to.have.length(4);
    expect(withClass(html, 'unknown')).to.have.length(1);
    expect(withClass(html, 'placed')).to.have.length(1);
    expect(withClass(html, 'culprit')).to.have.length(1);
    expect([...html.matchAll(/<b>(\d+)<\/b>/g)].map(([, number]) => number)).to.deep.equal(['1']);
  });

  it('says of each operation what it was', () => {
    const [bar] = withClass(html, 'culprit');
    expect(bar?.get('aria-label')).to.equal(bar?.get('title'));
    expect(bar?.get('title')).to.equal(
      'client b&lt;i&gt;: get\n→ &quot;old&quot;\ntime 4 to 5\nthis answer cannot follow',
    );
    expect(withClass(html, 'unknown')[0]?.get('title')).to.contain('outcome unknown\ntime 1, given up at 2');
  });

  it('says times to a thousandth', () => {
    const late = [a.put('1', 0.00049, 3.14159), a.get('2', 4, 7.0000001)];
    const [bar] = withClass(page(late), 'culprit');
    expect(bar?.get('title')).to.contain('\ntime 4 to 7\n');
    expect(withClass(page(late), 'placed')[0]?.get('title')).to.contain('\ntime 0 to 3.142\n');
  });

  it('escapes all that comes from outside', () => {
    expect(html).to.not.contain('<script>alert');
    expect(html).to.not.contain('b<i>');
    expect(html).to.contain('&lt;script&gt;alert');
    expect([...html.matchAll(/<script/g)]).to.have.length(1);
    const key = new ToldClient('x', nasty);
    expectBalanced(page([key.get('"><img src=x>', 0, 1)]));
  });

  it('is well formed and needs nothing from elsewhere', () => {
    expectBalanced(html);
    expect(html).to.not.match(/https?:|\/\/[a-z]|src=|href=|url\(|@import/i);
    expect(html)
      .to.contain('name="viewport"')
      .and.to.contain('prefers-color-scheme')
      .and.to.contain('lang="en"');
    expect(html).to.match(/^<!doctype html>\n<html lang="en">/);
  });

  it('has a script that can be read', () => {
    const [, script] = /<script>([^]*)<\/script>/.exec(html)!;
    // Only read, never run: there is no page here.
    expect(() => new Script(script!)).to.not.throw();
  });

  it('stays small with long values, and tells how far they agree', () => {
    const list = 'x'.repeat(30_000);
    const long = [a.put(`${list}y`, 0, 1), b.get(`${list}z`, 2, 3)];
    expect(page(long)).to.have.length.below(20_000);
    expect(page(long)).to.contain('(30001 characters)').and.to.contain('agree in the first 30000 characters');
  });

  it('shows what is near the fault of thousands of operations, or as much as is asked for', () => {
    const before = Array.from({ length: 3000 }, (_entry, index) => a.append('x', 2 * index, 2 * index + 1));
    const many = [...before, b.get('?', 9000, 9001)];
    expect(withClass(page(many), 'bar')).to.have.length(200);
    expect(page(many)).to.contain('2801 more operations');
    expect(withClass(page(many, Infinity), 'bar')).to.have.length(3001);
    expect(() => page(many, 0)).to.throw(RangeError, 'around is 0');
  });
});

describe('the explanation of a violation', () => {
  const told = (...history: HistoryEntry[]) => explanation(violationIn(history));

  it('says what was answered and what the key held', () => {
    expect(told(a.put('1', 0, 1), a.put('2', 2, 3), b.get('1', 4, 5))).to.equal(
      'Client b<i> called get on key "k" and was answered "1" (4 to 5). No order of what had been called by then allows ' +
        'that. In the order shown, the key held "2" after the operations numbered 1 to 2.',
    );
    expect(told(b.get('1', 4, 5))).to.contain('the key was missing before anything had run');
    expect(told(a.put('1', 0, 1), b.get(undefined, 4, 5))).to.contain('was answered missing');
    expect(told(a.put('1', 0, 1), b.putHash('x', '2', 4, 5))).to.contain(
      'put-hash "x" on key "k" and was answered before: "2"',
    );
  });

  it('says what was not proven', () => {
    const violation = violationIn([b.get('1', 4, 5)]);
    expect(explanation({ ...violation, narrowed: false })).to.contain(
      'An earlier answer may be impossible as well',
    );
    expect(explanation({ ...violation, unlessHashesCollide: true })).to.contain('by accident');
  });
});
