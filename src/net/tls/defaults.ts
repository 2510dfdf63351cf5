/** For TLS 1.2: forward secrecy and authenticated encryption only; the client's order counts. TLS 1.3 has no others. */
export const DEFAULT_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** Key exchange, in order of preference. */
export const GROUPS = 'X25519:P-256:P-384';

/** How long a ticket is good for, seconds, unless its key goes before. */
export const TICKET_LIFETIME_S = 7_200;
