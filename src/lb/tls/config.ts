import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { acmeWanted } from '../acme/config.ts';
import type { AcmeConfig } from '../acme/config.ts';

const ms = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(86_400_000).default(value).describe(`${what}, milliseconds`);

/** `lb.https`. */
export const httpsSchema = z
  .strictObject({
    enabled: z
      .boolean()
      .optional()
      .describe('Whether to listen; absent: where `lb.tls` names certificates or asks for self-signed ones'),
    host: z.string().min(1).default('127.0.0.1').describe('Address to bind; 0.0.0.0 for all'),
    port: z.number().int().min(0).max(65_535).default(8443).describe('Port; 0 picks a free one'),
  })
  .prefault({})
  .describe('Where clients connect with TLS');

/** `lb.tls`. */
/** What a certificate can be for: a DNS name of labels (RFC 1035 §2.3.4), below a star perhaps, or an address. */
const NAME_OR_ADDRESS = /^(\*\.)?\w([\w-]{0,61}\w)?(\.\w([\w-]{0,61}\w)?)*$|^[\da-f.]*:[\da-f:.]*$/i;

export const tlsSchema = z
  .strictObject({
    certificates: z
      .array(
        z.strictObject({
          certificate: z.string().min(1).describe('File: PEM, the leaf first, then its chain'),
          key: z
            .string()
            .min(1)
            .optional()
            .describe('File: PEM, not encrypted; absent: it is in the same file as the certificate'),
        }),
      )
      .default([])
      .describe(
        'Chosen by the names in them, of which the client asks for one (SNI); the first also for other names',
      ),
    directory: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Folder with more of them: `name.pem` with certificate and key, or `name.crt` and `name.key`',
      ),
    selfSigned: z
      .array(z.string().max(253).regex(NAME_OR_ADDRESS, 'a DNS name, `*.` and a DNS name, or an IP address'))
      .default([])
      .describe(
        'Names and addresses that have a certificate from the authority of the platform, where it runs in this process (`rimrock ca bundle` is what clients are to trust), and else from one that is made at each start and that nobody knows, for trying things out',
      ),
    unknownNames: z
      .enum(['default', 'refuse'])
      .default('default')
      .describe(
        "Who asks for a name that no certificate has: gets the 'default' one, or is refused by an alert",
      ),
    minVersion: z
      .enum(['TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('Oldest version of TLS that is spoken'),
    ciphers: z
      .string()
      .min(1)
      .refine(
        hasCiphers,
        'OpenSSL knows none of these: write names of `openssl ciphers -v`, with colons between them',
      )
      .optional()
      .describe(
        'For TLS 1.2: OpenSSL names with colons between them; absent: authenticated encryption with forward secrecy',
      ),
    authorities: z
      .record(
        z.string().regex(/^(?!identity$|system$|none$)[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/),
        z.string().min(1),
      )
      .default({})
      .describe(
        'Authorities by name, for `tls.clientCa` and `upstream.tls.trust` of routes and services: a file with their certificates, PEM. The names identity, system and none are taken',
      ),
    handshakeMs: ms(10_000, 'A handshake must be done within this time'),
    reloadMs: ms(10_000, 'How often files are looked at for changes'),
    ticketMs: ms(
      28_800_000,
      'A key for session tickets is used for this long, and its tickets are taken for twice as long after that',
    ),
  })
  .prefault({})
  .describe('Certificates and rules of TLS with clients');

/** Without a single one no client could be spoken to, which nobody would be told before the first one comes. */
function hasCiphers(ciphers: string): boolean {
  try {
    createSecureContext({ ciphers });
    return true;
  } catch {
    return false;
  }
}

export type TlsConfig = z.output<typeof tlsSchema>;
export type HttpsConfig = z.output<typeof httpsSchema>;

/** Whether to listen for TLS. */
export function httpsWanted(https: HttpsConfig, tls: TlsConfig, acme: AcmeConfig): boolean {
  const { certificates, directory, selfSigned } = tls;
  const own = certificates.length + selfSigned.length > 0 || directory !== undefined;
  return https.enabled ?? (own || acmeWanted(acme));
}
