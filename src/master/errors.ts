import { defineErrors } from '../core/errors.ts';

export const errors = defineErrors({
  MASTER_REGISTRY_CORRUPT: {
    message: 'the entry {key} of the master registry cannot be read: {why}',
    hint: 'Restore the store from a backup, or delete this key: the agent then registers anew and its tasks are lost.',
  },
  MASTER_TOO_MANY_AGENTS_LOST: {
    message:
      '{lost} of the {total} agents of the registry did not come back after the master had started; more than {limit} % must not be given up ({agents})',
    hint: 'Find out why they do not reach this master. If they are lost indeed, raise master.recoveryAgentRemovalLimitPercent and start it again.',
  },
  MASTER_LISTEN_FAILED: {
    message: 'the master cannot listen on {host}:{port}: {why}',
    hint: 'Free the port, or set master.port (0 picks a free one) and master.host.',
  },
});
