import { defineErrors } from '../core/errors.ts';

export const platformErrors = defineErrors({
  PLATFORM_ADDRESS_IN_USE: {
    message: '{part} cannot listen on {address}: another program has this port',
    hint: 'Find it with `ss -lntup` and stop it, or choose another port: --set {key}=PORT, or {key} in the configuration.',
  },
  PLATFORM_ADDRESS_REFUSED: {
    message: '{part} cannot listen on {address}: {reason}',
    hint: 'Set {key} to an address of this machine and a port that this user may bind (below 1024 needs CAP_NET_BIND_SERVICE).',
  },
});
