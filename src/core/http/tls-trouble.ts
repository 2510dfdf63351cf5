import { errorText } from '../errors.ts';

/** What the codes of Node and OpenSSL mean for whoever has configured a client. */
const MEANINGS: readonly (readonly [RegExp, (key: string) => string])[] = [
  [
    /^(SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE|INVALID_CA)$/,
    (key) => `no authority of ${key}.ca has signed its certificate`,
  ],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, () => 'its certificate is for other names than the one it is asked by'],
  [/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/, () => 'its certificate is not valid now'],
  [
    /^ERR_SSL_.*ALERT.*(CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/,
    (key) => `it does not take what ${key}.cert says who we are`,
  ],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST)$/,
    () => 'it does not speak TLS: is it http?',
  ],
];

/**
 * Why a server at `origin` was not reached, as it is told to whoever has configured the client: what is about TLS names the key to look at.
 * `key`: the part of the configuration that has `ca` and `cert`.
 */
export function unreachedText(origin: string, error: unknown, key: string): string {
  const text = errorText(error);
  const code = String((error as { readonly code?: unknown } | undefined)?.code);
  if (!origin.startsWith('https:')) return text;
  const meaning = MEANINGS.find(([codes]) => codes.test(code))?.[1](key);
  if (meaning !== undefined) return `${meaning} (${text})`;
  // Who wants another certificate says so, and leaves: that it has left may be heard first.
  const left = /^(ECONNRESET|EPIPE|EPROTO|UND_ERR_SOCKET)$/.test(code);
  return left ? `${text}; if it asks for a certificate, look at ${key}.cert` : text;
}
