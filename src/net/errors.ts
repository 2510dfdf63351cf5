import { defineErrors } from '../core/errors.ts';

export const netErrors = defineErrors({
  NET_LISTEN_FAILED: {
    message: 'cannot listen on {protocol} {host}:{port}: {reason}',
    hint: 'Choose another address, stop the program that holds this one, or allow this user to bind it (ports below 1024).',
  },
  NET_ENGINE_UNAVAILABLE: {
    message: 'the {engine} engine does not run here: {reason}',
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
  NET_BAD_CERTIFICATE: {
    message: 'a certificate or key for TLS cannot be used: {reason}',
    hint: 'Certificates and keys are PEM, the leaf first, then its chain; the key belongs to the leaf and is not encrypted.',
  },
  NET_TLS_FAILED: {
    message: 'no TLS with {ip}:{port}: {reason}',
    hint: 'Check the certificate, the names in it and what it is trusted by, and that both ends have a TLS version in common.',
  },
  NET_PEER_NOT_TRUSTED: {
    message: 'the certificate of {ip}:{port} is refused: {reason}',
    hint: 'Check which authority it is to come from, the names or the SPIFFE id in it, and its time. Nothing was sent.',
  },
});
