import { defineErrors } from '../core/errors.ts';

export const storeErrors = defineErrors({
  STORE_LOCKED: {
    message: "the store in '{dir}' is in use by process {pid}",
    hint: 'Stop that process, or set data to another folder: one process at a time owns a store.',
  },
  STORE_OPEN_FAILED: {
    message: "the store in '{dir}' cannot be opened: {reason}",
    hint: 'Check that the folder exists or can be made, that this user may write to it, and that the disk has room.',
  },
  STORE_CORRUPT: {
    message: "the store file '{file}' is damaged at byte {offset}: {reason}",
    hint: 'Restore the file from a backup, or move it away to start empty. Nothing was changed.',
  },
  STORE_TOO_NEW: {
    message: "the store file '{file}' has format version {version}; this program reads up to {known}",
    hint: 'It was written by a newer Rimrock: use that version, or one that is newer still.',
  },
  STORE_WRITE_FAILED: {
    message: 'a write to the store failed: {reason}',
    hint: 'Nothing of that write is kept. Check the disk (space, quota, health) and try again.',
  },
  STORE_BROKEN: {
    message: 'the store takes no more writes, because the disk did not confirm an earlier one: {reason}',
    hint: 'Check the disk, then start the program again; what was acknowledged is safe.',
  },
  STORE_CLOSED: {
    message: 'the store is closed',
    hint: 'The program is stopping; try again when it runs.',
  },
  STORE_BAD_KEY: {
    message: "'{key}' is not a key: keys are non-empty parts separated by single slashes",
    hint: "Write it like 'marathon/apps/hello'.",
  },
});
