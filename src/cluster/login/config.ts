import { createPrivateKey } from 'node:crypto';
import { z } from 'zod';

/** A service account of DC/OS. */
const iam = z.strictObject({
  uid: z.string().min(1).describe('Name of the service account.'),
  privateKey: z
    .string()
    .refine(isRsaKey, { message: 'must be an RSA private key in PEM' })
    .describe('PEM of its private key (RSA).'),
  loginEndpoint: z
    .url({ protocol: /^https?$/, message: 'must be an http or https URL' })
    .describe('Where to log in, such as https://leader.mesos/acs/api/v1/auth/login.'),
});

function isRsaKey(pem: string): boolean {
  try {
    return createPrivateKey(pem).asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}

/** What proves to a server of the cluster who we are. */
export const credentialsShape = {
  principal: z.string().default('').describe('Principal for HTTP Basic authentication; empty for none.'),
  secret: z.string().default('').describe('Secret of the principal.'),
  iam: iam
    .optional()
    .describe(
      'Log in with a service account of DC/OS, and show the token to the masters; instead of a principal.',
    ),
};

/** How a server of the cluster is spoken to over TLS. */
export const tlsSchema = z
  .strictObject({
    ca: z.string().optional().describe('PEM of the authorities that sign the servers’ certificates.'),
    cert: z.string().optional().describe('PEM of our client certificate.'),
    key: z.string().optional().describe('PEM of the key of our client certificate.'),
    verify: z.boolean().default(true).describe('Verify the servers’ certificates.'),
  })
  .refine((tls) => (tls.cert === undefined) === (tls.key === undefined), {
    message: 'cert and key go together: give both or neither',
  })
  .prefault({});
