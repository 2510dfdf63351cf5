import { X509Certificate } from 'node:crypto';

/** Whom a certificate is for. */
export interface PeerNames {
  /** URIs of the subject alternative name, in its order: a SPIFFE id is one (SPIFFE X509-SVID §2). */
  readonly uris: readonly string[];
  readonly dns: readonly string[];
  /** The subject, RFC 4514, in printable ASCII. */
  readonly subject: string;
  /** It may sign others. */
  readonly authority: boolean;
}

/** One name as Node shows it: where it has signs that could be mistaken, as JSON. */
const NAME = /(URI|DNS|[A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/gy;

/** The names in a certificate (DER). Throws where it is none. */
export function peerNames(certificate: Uint8Array): PeerNames {
  const { subjectAltName = '', subject, ca } = new X509Certificate(certificate);
  const named: Record<string, string[]> = { URI: [], DNS: [] };
  for (const [, kind = '', value = ''] of subjectAltName.matchAll(NAME))
    named[kind]?.push(value.startsWith('"') ? (JSON.parse(value) as string) : value);
  return { uris: named['URI'] ?? [], dns: named['DNS'] ?? [], subject: inOneLine(subject), authority: ca };
}

/** Node has a line for each part, the most general first; in one line it is the other way round. */
function inOneLine(subject: string | undefined): string {
  const line = (subject ?? '').split('\n').toReversed().join(',');
  return line.replace(/[^\x20-\x7e]/g, (sign) =>
    [...Buffer.from(sign)].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}
