import { defineErrors } from '../core/errors.ts';

export const frameworkErrors = defineErrors({
  MARATHON_ADDRESS_IN_USE: {
    message: 'the Marathon API cannot listen on {host}:{port}: {reason}',
    hint: 'Stop what listens there, or set another `marathon.port`.',
  },
  MARATHON_STORE_UNREADABLE: {
    message: 'the stored record {key} cannot be read: {reason}',
    hint: 'Restore the store from a backup, or delete this record; its app or instance is then forgotten.',
  },
  MARATHON_BAD_MASTER: {
    message: "'{master}' is not the address of a Mesos master",
    hint: 'Write `host:port`, `http://host:port`, or several of them separated by commas.',
  },
});
