import { agreementVariants } from './variants-agreement.js';
import { durabilityVariants } from './variants-durability.js';
import { logVariants } from './variants-log.js';
import { omnipaxosVariants } from './variants-omnipaxos.js';
import { primaryBackupVariants } from './variants-primary-backup.js';
import { readVariants } from './variants-reads.js';
import type { Variant } from './variant.js';

/** All of them, the quickest to understand first. */
export const variants: readonly Variant[] = [
  ...agreementVariants,
  ...durabilityVariants,
  ...logVariants,
  ...readVariants,
  ...omnipaxosVariants,
  ...primaryBackupVariants,
];
