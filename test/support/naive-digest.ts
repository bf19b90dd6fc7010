import type { NaiveReply, NaiveSession, NaiveState } from './naive-state.js';

type Lanes = readonly [first: bigint, second: bigint];

const lane = (value: bigint): bigint => BigInt.asUintN(32, value);
const rotated = (value: bigint, bits: bigint): bigint => lane(value << bits) | (value >> (32n - bits));
const empty: Lanes = [0x2545f491n, 0x14057b7en];

const taken = ([first, second]: Lanes, words: readonly bigint[]): Lanes =>
  words.reduce<Lanes>(
    (lanes, word) => [
      lane(rotated(lane((lanes[0] ^ word) * 0xcc9e2d51n), 13n) + 0x38495ab5n),
      lane(rotated(lane((lanes[1] ^ word) * 0x1b873593n), 17n) + 0x561ccd1bn),
    ],
    [first, second],
  );

const units = (text: string): bigint[] => text.split('').map((unit) => BigInt(unit.charCodeAt(0)));
const number = (value: number): bigint[] => [lane(BigInt(value)), BigInt(value) >> 32n];

const spread = (value: bigint): bigint => {
  const half = lane((value ^ (value >> 16n)) * 0x85ebca6bn);
  const most = lane((half ^ (half >> 13n)) * 0xc2b2ae35n);
  return most ^ (most >> 16n);
};

const finished = (words: readonly bigint[]): Lanes => {
  const [first, second] = taken(empty, words);
  const spreadFirst = spread(lane(first + second));
  return [spreadFirst, spread(second ^ spreadFirst)];
};

const sum = (hashes: readonly Lanes[]): Lanes =>
  hashes.reduce<Lanes>((total, hash) => [lane(total[0] + hash[0]), lane(total[1] + hash[1])], [0n, 0n]);

const textWords = (text: string): bigint[] => [
  ...taken(empty, units(text)),
  ...number(Buffer.byteLength(text)),
];

const entryHash = ([key, value]: readonly [string, string]): Lanes =>
  finished([...units(key), ...number(key.length), ...textWords(value)]);

const kinds = ['put', 'append', 'put-hash', 'refused'];

const replyHash = ({ sequence, result }: NaiveReply): Lanes => {
  const { kind, previousValue } = { previousValue: '', ...result } as { kind: string; previousValue: string };
  return finished([...number(sequence), ...number(kinds.indexOf(kind) + 1), ...textWords(previousValue)]);
};

const sessionHash = ({ id, acknowledged, usedAt, replies }: NaiveSession): Lanes =>
  finished([...[id, acknowledged, usedAt, replies.length].flatMap(number), ...sum(replies.map(replyHash))]);

const hex = (value: bigint | number, digits: number): string => value.toString(16).padStart(digits, '0');

/** The digest of a state of version 1 in hexadecimal, taken in full, with big numbers, from nothing but what it holds. */
export const naiveDigest = (state: NaiveState): string =>
  [
    ...sum([...state.values].map(entryHash)).map((value) => hex(value, 8)),
    ...sum(state.sessions.map(sessionHash)).map((value) => hex(value, 8)),
    hex(state.values.size, 8),
    hex(state.sessions.length, 8),
    ...[state.issued + 1, state.uses, 1].map((value) => hex(value, 16)),
  ].join('');
