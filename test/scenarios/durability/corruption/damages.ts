import { sectorBytes } from '../../../../src/storage/bytes.js';
import { frameHeaderBytes } from '../../../../src/storage/frame.js';
import type { Random } from '../../../../src/runtime/random.js';
import { identityFile } from '../../../../src/server/identity.js';
import { shuffled } from '../../random-choices.js';
import type { Image } from './image-disk.js';
import { segmentsOf, type FramePlace, type SegmentPlace } from './segments.js';

export const damageKinds = ['flip', 'cut', 'removal', 'lost write', 'misdirected write'] as const;
export type DamageKind = (typeof damageKinds)[number];

/** One way in which a directory is not what it was. */
export interface Damage {
  readonly kind: DamageKind;
  /** The file that it befalls, or the first of them. */
  readonly file: string;
  /** Says what is damaged, and where. */
  readonly title: string;
  /** The only byte that differs, if there is one. */
  readonly byte?: number;
  readonly apply: (image: Image) => Image;
}

const changed = (image: Image, file: string, change: (bytes: Uint8Array) => Uint8Array): Image =>
  new Map(image).set(file, change(image.get(file)!));

const edited = (image: Image, file: string, edit: (bytes: Uint8Array) => void): Image =>
  changed(image, file, (bytes) => {
    const copy = bytes.slice();
    edit(copy);
    return copy;
  });

/** Flips one bit of a byte. */
export const flip = (file: string, byte: number, bit: number): Damage => ({
  kind: 'flip',
  file,
  byte,
  title: `bit ${bit} of byte ${byte} of ${file} flipped`,
  apply: (image) => edited(image, file, (bytes) => (bytes[byte]! ^= 1 << bit)),
});

/** Makes a file so long, with zeros if it was shorter. */
export const cut = (file: string, length: number): Damage => ({
  kind: 'cut',
  file,
  title: `${file} cut to ${length} bytes`,
  apply: (image) =>
    changed(image, file, (bytes) => {
      const copy = new Uint8Array(length);
      copy.set(bytes.subarray(0, length));
      return copy;
    }),
});

const removal = (files: readonly string[]): Damage => ({
  kind: 'removal',
  file: files[0]!,
  title: `${files.join(' and ')} removed`,
  apply: (image) => new Map([...image].filter(([name]) => !files.includes(name))),
});

const lost = (file: string, offset: number, length: number, what: string): Damage => ({
  kind: 'lost write',
  file,
  title: `${what} of ${file} lost: ${length} bytes at offset ${offset}`,
  apply: (image) => edited(image, file, (bytes) => bytes.fill(0, offset, offset + length)),
});

/** Every file removed, and every two files. */
export function removals(image: Image): Damage[] {
  const names = [...image.keys()];
  return names.flatMap((name, index) => [
    removal([name]),
    ...names.slice(index + 1).map((other) => removal([name, other])),
  ]);
}

/** Writes that were acknowledged and never made: what stood there before is zero. */
export function lostWrites(image: Image): Damage[] {
  const sectors = [...image].flatMap(([name, bytes]) =>
    Array.from({ length: Math.ceil(bytes.length / sectorBytes) }, (_, index) => index * sectorBytes)
      .filter((offset) => bytes.subarray(offset, offset + sectorBytes).some((byte) => byte !== 0))
      .map((offset) => lost(name, offset, Math.min(sectorBytes, bytes.length - offset), 'one sector')),
  );
  const frames = segmentsOf(image).flatMap(({ name, frames, end }) =>
    frames.flatMap(({ offset, length, lsn }) => [
      lost(name, offset, length, `frame ${lsn}`),
      lost(name, offset, end - offset, `frame ${lsn} and all behind it`),
    ]),
  );
  const whole = segmentsOf(image).map(({ name, end }) => lost(name, 0, end, 'everything'));
  return [...sectors, ...frames, ...whole];
}

const shifts = [-3, -2, -1, 1, 2, 3, 7];

/**
 * Puts a frame somewhere else: it was written there when it was due, so what was written there later stands over it.
 * Where it belongs is what stood there before, zeros.
 */
function misdirected(
  segment: SegmentPlace,
  frame: FramePlace,
  target: { readonly file: string; readonly shift: number; readonly isLater: (offset: number) => boolean },
): Damage {
  const { file, shift, isLater } = target;
  return {
    kind: 'misdirected write',
    file: segment.name,
    title: `frame ${frame.lsn} of ${segment.name} written ${shift} sectors further on in ${file}`,
    apply: (image) => {
      const source = image.get(segment.name)!.slice(frame.offset, frame.offset + frame.length);
      const without = edited(image, segment.name, (bytes) =>
        bytes.fill(0, frame.offset, frame.offset + frame.length),
      );
      return edited(without, file, (bytes) => {
        for (let at = 0; at < source.length; at += sectorBytes) {
          const offset = frame.offset + shift * sectorBytes + at;
          const isInside = offset >= 0 && offset + sectorBytes <= bytes.length;
          if (isInside && !isLater(offset)) bytes.set(source.subarray(at, at + sectorBytes), offset);
        }
      });
    },
  };
}

/** Frames written too early or too late in their own file, or at their own place in another one. */
export function misdirectedWrites(image: Image): Damage[] {
  const segments = segmentsOf(image);
  return segments.flatMap((segment, index) =>
    segment.frames.flatMap((frame) => {
      const frameEnd = frame.offset + frame.length;
      const isLater = (offset: number) => offset >= frameEnd && offset < segment.end;
      const within = shifts.map((shift) =>
        misdirected(segment, frame, { file: segment.name, shift, isLater }),
      );
      const laterNames = new Set(segments.slice(index + 1).map(({ name }) => name));
      const others = [...image.keys()].filter(
        (name) => name !== segment.name && !laterNames.has(name) && image.get(name)!.length >= frameEnd,
      );
      const elsewhere = others.map((file) =>
        misdirected(segment, frame, { file, shift: 0, isLater: () => false }),
      );
      return [...within, ...elsewhere];
    }),
  );
}

/** Every byte of every file with a drawn bit flipped, and every file cut to every length and made one byte longer. */
function* bytesAndLengths(image: Image, random: Random): Generator<Damage> {
  for (const [name, { length }] of image) {
    for (let at = 0; at < length; at += 1) {
      yield flip(name, at, random.below(8));
      yield cut(name, at);
    }
    yield cut(name, length + 1);
  }
}

/** All the damage of a directory, in turn. */
export function* everyDamage(image: Image, random: Random): Generator<Damage> {
  yield* removals(image);
  yield* lostWrites(image);
  yield* misdirectedWrites(image);
  yield* bytesAndLengths(image, random);
}

/** At most so many of one file and kind. */
function fewOfEach(damages: readonly Damage[], count: number, random: Random): Damage[] {
  const groups = new Map<string, Damage[]>();
  for (const damage of shuffled(damages, random)) {
    const group = `${damage.kind} ${damage.file}`;
    const few = groups.get(group) ?? [];
    if (few.length < count) groups.set(group, [...few, damage]);
  }
  return [...groups.values()].flat();
}

/** What every file begins and ends with, at the most. */
const edgeBytes = 176;
/**
 * Places that carry most: the identity, the headers of all segments and of a few frames, both ends of a snapshot, the
 * records of every frame, and cuts between frames. Of the last segment in use, whose last frame nothing comes after, every bit of the headers.
 */
function telling(image: Image, random: Random): Damage[] {
  const segments = segmentsOf(image);
  const last = segments.at(-1)!;
  const everyBit = (file: string, from: number, to: number) =>
    Array.from({ length: (to - from) * 8 }, (_, index) =>
      flip(file, from + Math.floor(index / 8), index % 8),
    );
  const everyByte = (file: string, from: number, to: number) =>
    Array.from({ length: to - from }, (_, index) => flip(file, from + index, random.below(8)));
  const headers = segments.flatMap(({ name, frames }) => {
    const { offset } = frames[random.below(frames.length)]!;
    return [...everyByte(name, 0, edgeBytes), ...everyByte(name, offset, offset + frameHeaderBytes)];
  });
  const records = segments.flatMap(({ name, frames }) =>
    frames.map(({ offset, payloadBytes }) =>
      flip(name, offset + frameHeaderBytes + random.below(payloadBytes), random.below(8)),
    ),
  );
  const between = segments.flatMap(({ name, frames }) => frames.map(({ offset }) => cut(name, offset)));
  const others = [...image].filter(([name]) => name === identityFile || name.startsWith('snapshot-'));
  const edges = others.flatMap(([name, { length }]) => [
    ...everyByte(name, 0, edgeBytes),
    ...everyByte(name, length - edgeBytes, length),
  ]);
  const end = last.frames.at(-1)!;
  return [
    ...headers,
    ...records,
    ...between,
    ...edges,
    ...everyBit(last.name, 0, edgeBytes),
    ...everyBit(last.name, end.offset, end.offset + frameHeaderBytes),
  ];
}

/**
 * So many flips and cuts of every file, half as many of each other kind, and what tells most, in no order; and every removal
 * before them.
 */
export function sampleOfDamage(image: Image, random: Random, count: number): Damage[] {
  const writes = fewOfEach([...lostWrites(image), ...misdirectedWrites(image)], count / 2, random);
  const bytes = [...image].flatMap(([name, { length }]) => [
    ...Array.from({ length: count }, () => flip(name, random.below(length), random.below(8))),
    ...Array.from({ length: count }, () => cut(name, random.below(length))),
    ...[0, length - 1, length + 1].map((edge) => cut(name, edge)),
  ]);
  return [...removals(image), ...shuffled([...writes, ...bytes, ...telling(image, random)], random)];
}
