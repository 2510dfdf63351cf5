import { z } from 'zod';

const ms = (value: number, what: string): z.ZodDefault<z.ZodNumber> =>
  z.number().int().min(1).max(604_800_000).default(value).describe(`${what}, milliseconds`);

/** A name that authorities give certificates for by the challenges that we know: no address, no star, with a dot. */
export const PUBLIC_NAME =
  /^(?=.{4,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+(?!\d+$)[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** `lb.acme`. */
export const acmeSchema = z
  .strictObject({
    directory: z
      .url({ protocol: /^https?$/ })
      .default('https://acme-v02.api.letsencrypt.org/directory')
      .describe('Where the authority begins'),
    directoryCa: z
      .string()
      .min(1)
      .optional()
      .describe("File with the roots by which the directory's own certificate is judged; absent: the usual"),
    email: z.email().optional().describe('Where the authority may write to'),
    termsOfServiceAgreed: z
      .boolean()
      .default(false)
      .describe("Whether you agree to the authority's terms of service; without that no account is made"),
    names: z
      .array(
        z
          .string()
          .toLowerCase()
          .regex(
            PUBLIC_NAME,
            'is no name for a public certificate: write such as www.example.org, without *',
          ),
      )
      .default([])
      .describe('Names that get a certificate, each one of its own'),
    routes: z
      .boolean()
      .default(false)
      .describe('Whether rules may ask for certificates of their hosts (`tls: acme`)'),
    mostNames: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Most names that rules get certificates for; more are told under /rejected'),
    challenge: z
      .enum(['http-01', 'tls-alpn-01'])
      .default('http-01')
      .describe(
        'How a name is shown to be ours: over lb.http, which must be reached at port 80, or in TLS over lb.https, which must be reached at port 443',
      ),
    keyType: z
      .enum(['ecdsa-p256', 'ecdsa-p384', 'rsa-2048', 'rsa-4096'])
      .default('ecdsa-p256')
      .describe('Keys of certificates; each certificate has a new one'),
    storage: z
      .string()
      .min(1)
      .default('data/acme')
      .describe(
        'Folder for the account, certificates and keys, which only we may read; by default acme in the data folder',
      ),
    retryMs: ms(
      300_000,
      'A name that got no certificate is tried again after this, then twice as long, and so on, and not before the authority says',
    ),
    mostRetryMs: ms(43_200_000, 'Longest time between two tries'),
  })
  .prefault({})
  .superRefine(({ names, routes, termsOfServiceAgreed }, ctx) => {
    if ((names.length > 0 || routes) && !termsOfServiceAgreed)
      ctx.addIssue({
        code: 'custom',
        path: ['termsOfServiceAgreed'],
        message:
          "no certificate is given to who does not agree to the authority's terms: read them, then write true",
      });
  })
  .describe('Public certificates from an authority that speaks ACME (RFC 8555)');

export type AcmeConfig = z.output<typeof acmeSchema>;

/** Whether anything is to be obtained. */
export const acmeWanted = ({ names, routes }: AcmeConfig): boolean => names.length > 0 || routes;
