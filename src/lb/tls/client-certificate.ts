import { createHash } from 'node:crypto';
import { peerNames } from '../../net/index.ts';

/**
 * The value of X-Forwarded-Client-Cert for a certificate (DER) that was verified, as Envoy has it: By, Hash, Subject, URI, DNS.
 * `by`: our own id.
 */
export function forwardedCertificate(certificate: Uint8Array, by: string | undefined): string {
  const { uris, dns, subject } = peerNames(certificate);
  const hash = createHash('sha256').update(certificate).digest('hex');
  const parts = [
    ...(by === undefined ? [] : [`By=${value(by)}`]),
    `Hash=${hash}`,
    `Subject="${escaped(subject)}"`,
    ...uris.map((uri) => `URI=${value(uri)}`),
    ...dns.map((name) => `DNS=${value(name)}`),
  ];
  return parts.join(';');
}

/** What could be taken for more than one value is quoted; what has no place in a field is escaped. */
function value(text: string): string {
  return /[",;=\s\\]/.test(text) ? `"${escaped(text)}"` : escaped(text);
}

const escaped = (text: string): string =>
  text
    .replace(/["\\]/g, '\\$&')
    .replace(/[^\x20-\x7e]/g, (sign) => encodeURIComponent(sign.isWellFormed() ? sign : '?'));
