/** The ways a data directory can fail its replica, for those above who tell users. */
export { StorageDamage, StorageFailure } from '../storage/errors.js';
export { DirectoryInUse } from '../storage/node-directory-lock.js';
export { DirectoryMismatch } from './identity.js';
export { UnknownIncarnation } from './admission.js';
