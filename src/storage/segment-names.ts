import { temporarySuffix } from './durable-steps.js';

const segmentPattern = /^log-(\d{10})\.segment$/;

export const segmentName = (number: number): string => `log-${String(number).padStart(10, '0')}.segment`;

/** The number of the segment with this name, or undefined if it is no segment's. */
export function segmentNumber(name: string): number | undefined {
  const digits = segmentPattern.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

export const reserveName = (number: number): string => `reserve-${number}`;

export const isReserve = (name: string): boolean => /^reserve-\d+$/.test(name);

/** The name under which a file is made before it is whole. */
export const temporaryName = (name: string): string => name + temporarySuffix;

/** Whether a file of this name was being made for the log when the process ended. */
export function isLogTemporary(name: string): boolean {
  if (!name.endsWith(temporarySuffix)) return false;
  const whole = name.slice(0, -temporarySuffix.length);
  return segmentNumber(whole) !== undefined || isReserve(whole);
}
