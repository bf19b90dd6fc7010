/** What a data directory is opened with, for those above who keep directories and files of their own. */
export { NoSpaceError } from '../storage/disk.js';
export { lockDirectory, type DirectoryLock } from '../storage/node-directory-lock.js';
export { openDirectory, UnusableDirectory } from '../storage/node-directory.js';
