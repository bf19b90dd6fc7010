import type { HistoryEntry } from './history.js';
import type { Violation } from './linearizable.js';

const longestShown = 64;

/** A value as people read it: quoted, and without its middle if it is long. */
export function shownValue(value: string, longest = longestShown): string {
  if (value.length <= longest) return JSON.stringify(value);
  const half = Math.floor(longest / 2);
  const [start, end] = [value.slice(0, half), value.slice(-half)];
  return `${JSON.stringify(`${start.toWellFormed()}…${end.toWellFormed()}`)} (${value.length} characters)`;
}

/** What a call asked for. */
export function operationText({ operation }: HistoryEntry, longest = longestShown): string {
  if (operation.kind === 'get') return 'get';
  return `${operation.kind} ${shownValue(operation.value, longest)}`;
}

/** What came back. */
export function outcomeText({ end }: HistoryEntry, longest = longestShown): string {
  if (end.kind === 'unknown') return 'outcome unknown';
  const { answer } = end;
  if (answer.kind === 'get') {
    return answer.found || answer.value !== '' ? shownValue(answer.value, longest) : 'missing';
  }
  return answer.kind === 'put-hash' ? `before: ${shownValue(answer.previousValue, longest)}` : 'done';
}

/** To a thousandth: simulated clocks know far more. */
const shownTime = (time: number): string => String(Math.round(time * 1000) / 1000);

/** When it was called and when it ended. */
export function timesText({ calledAt, end }: HistoryEntry): string {
  const called = shownTime(calledAt);
  if (end.kind === 'answered') return `${called} to ${shownTime(end.at)}`;
  return end.gaveUpAt === undefined
    ? `${called}, never ended`
    : `${called}, given up at ${shownTime(end.gaveUpAt)}`;
}

const heldText = (held: string | undefined): string =>
  held === undefined ? 'the key was missing' : `the key held ${shownValue(held)}`;

function answeredValue({ end }: HistoryEntry): string | undefined {
  if (end.kind === 'unknown') return undefined;
  if (end.answer.kind === 'get') return end.answer.value;
  return end.answer.kind === 'put-hash' ? end.answer.previousValue : undefined;
}

function agreement(one: string, other: string): string {
  if (Math.max(one.length, other.length) <= longestShown) return '';
  let same = 0;
  while (same < one.length && one[same] === other[same]) same += 1;
  return ` The two agree in the first ${same} characters.`;
}

/** Why no order exists, in a few sentences. */
export function explanation(violation: Violation): string {
  const { key, culprit, prefix, held, narrowed, unlessHashesCollide } = violation;
  const place = prefix.indexOf(culprit);
  const before = place < 0 ? prefix.length : place;
  const operations = before === 1 ? 'the operation numbered 1' : `the operations numbered 1 to ${before}`;
  const where = before === 0 ? 'before anything had run' : `after ${operations}`;
  return [
    `Client ${culprit.client} called ${operationText(culprit)} on key ${shownValue(key)} and was answered ${outcomeText(culprit)} (${timesText(culprit)}).`,
    ` No order of what had been called by then allows that. In the order shown, ${heldText(held)} ${where}.`,
    agreement(answeredValue(culprit) ?? '', held ?? ''),
    narrowed
      ? ''
      : ' An earlier answer may be impossible as well: the search for the first one ended at its limit.',
    unlessHashesCollide
      ? ' Not every order was tried in which a PutHash without an answer leaves, by accident, the hash that another left.'
      : '',
  ].join('');
}
