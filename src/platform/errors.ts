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
  PLATFORM_NO_AUTHORITY: {
    message: 'auth.tls is {mode}, but no authority runs here',
    hint: 'Set auth.enabled to true, or auth.tls to off.',
  },
  PLATFORM_NOBODY_TO_ASK: {
    message: 'auth.required is on, and role {role} has nobody to ask who somebody is',
    hint: 'Set auth.login.credentials to a file with principals, or auth.required to false where only you can reach the APIs.',
  },
});
