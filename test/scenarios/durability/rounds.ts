const readRounds = (text: string | undefined): number => {
  if (text === undefined || text === '') return 2;
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new RangeError(`SYNOD_ROUNDS is "${text}": it must be a whole number from 1`);
  }
  return rounds;
};

/** How often each blow falls: SYNOD_ROUNDS, or 2. */
export const roundCount = readRounds(process.env['SYNOD_ROUNDS']);

/** Whether everything is to be run in full, as `make scenarios SUITE=durability` does, or a small form of it. */
export const inFull = process.env['SYNOD_ROUNDS'] !== undefined && process.env['SYNOD_ROUNDS'] !== '';
