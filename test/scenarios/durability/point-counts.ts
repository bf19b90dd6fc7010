import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { isPoint, points, type Point, type PointCounts } from './points.js';

/** Counts in a file what one process passes, written at every pass, so that kill -9 takes nothing along. */
export class PointCounter {
  readonly #file: number;
  readonly #counts = new Float64Array(points.length);

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  /** Answers how often the point has been passed by this process, this time included. */
  passed(point: Point): number {
    const index = points.indexOf(point);
    const count = (this.#counts[index] ?? 0) + 1;
    this.#counts[index] = count;
    const { BYTES_PER_ELEMENT: bytes } = Float64Array;
    writeSync(this.#file, this.#counts, index * bytes, bytes, index * bytes);
    return count;
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Adds up what all processes have counted into the files of a directory. */
export function readPointCounts(directory: string): PointCounts {
  const sums = Object.fromEntries(points.map((point) => [point, 0])) as Record<Point, number>;
  for (const name of readdirSync(directory)) {
    const bytes = readFileSync(join(directory, name));
    for (let index = 0; (index + 1) * 8 <= bytes.length; index += 1) {
      const point = points[index] ?? '';
      if (isPoint(point)) sums[point] += bytes.readDoubleLE(8 * index);
    }
  }
  return sums;
}

/** A line for each point and how often it was passed. */
export const formatPointCounts = (counts: PointCounts): string =>
  points.map((point) => `    ${point.padEnd(26)} ${String(counts[point]).padStart(9)}`).join('\n');
