import { defineErrors } from '../core/errors.ts';

export const netErrors = defineErrors({
  NET_LISTEN_FAILED: {
    message: 'cannot listen on {protocol} {host}:{port}: {reason}',
    hint: 'Choose another address, stop the program that holds this one, or allow this user to bind it (ports below 1024).',
  },
  NET_ENGINE_UNAVAILABLE: {
    message: 'the {engine} engine for datagrams does not run here: {reason}',
    hint: 'Set the engine to auto or portable.',
  },
  NET_RECEIVE_FAILED: {
    message: 'receiving datagrams failed: {reason}',
    hint: 'The worker starts again by itself. If this goes on, set the engine to portable and report it.',
  },
  NET_CONNECT_TIMEOUT: {
    message: 'no connection to {ip}:{port} within {timeoutMs} ms',
    hint: 'Check that the address is reachable from here and that no firewall drops the packets.',
  },
});
