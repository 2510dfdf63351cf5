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
  STORE_NOT_LEADER: {
    message: "the write of '{key}' was not made: this process leads '{election}' no longer",
    hint: 'Ask the new leader. Nothing is wrong unless this happens often: then see whether the machine or Consul is overloaded.',
  },
  STORE_VALUE_TOO_LARGE: {
    message: "the value of '{key}' has {bytes} bytes; Consul takes at most {limit} in a transaction",
    hint: 'Nothing was written. Make it smaller (Consul limits what one transaction may hold to 512 KiB, in base64).',
  },
  STORE_CONSUL_UNAVAILABLE: {
    message: 'Consul at {address} did not do it ({what}): {reason}',
    hint: 'Check that Consul runs, has a leader and is reached from here. A write that got no answer may have been made all the same.',
  },
  STORE_CONSUL_REFUSED: {
    message: 'Consul at {address} refuses ({what}): {reason}',
    hint: 'Check store.consul.token: it must be allowed to write keys below the prefix, and sessions.',
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
