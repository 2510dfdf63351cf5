import { X509Certificate, createPrivateKey } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { errorText } from '../../core/errors.ts';
import { netErrors } from '../errors.ts';
import type { SecureContextOptions } from '../types.ts';

const BLOCK =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]+-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificates of a PEM text, in its order. Throws NET_BAD_CERTIFICATE when there is none, or one cannot be read. */
export function parseCertificates(pem: string, what: string): X509Certificate[] {
  const blocks = pem.match(BLOCK);
  if (blocks === null) throw netErrors.NET_BAD_CERTIFICATE({ reason: `no certificate in ${what}` });
  return blocks.map((block, i) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      const reason = `certificate ${i + 1} in ${what} cannot be read: ${errorText(error)}`;
      throw netErrors.NET_BAD_CERTIFICATE({ reason }, error);
    }
  });
}

function parseKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw netErrors.NET_BAD_CERTIFICATE(
      { reason: `the private key cannot be read: ${errorText(error)}` },
      error,
    );
  }
}

/** Check that a private key belongs to the first of these certificates. Throws NET_BAD_CERTIFICATE. */
export function parseIdentity(certificateChain: string, privateKey: string): X509Certificate[] {
  const chain = parseCertificates(certificateChain, 'the certificate chain');
  if (chain[0]?.checkPrivateKey(parseKey(privateKey)) !== true)
    throw netErrors.NET_BAD_CERTIFICATE({ reason: 'the private key does not belong to the certificate' });
  return chain;
}

/** Name 16, then 32 bytes of secret. */
export const TICKET_KEY_BYTES = 48;

/** What both engines ask of the options of a context. Throws NET_BAD_CERTIFICATE, saying what does not fit. */
export function checkContextOptions(options: SecureContextOptions): void {
  const { kind, certificateChain, privateKey, trust, verify, ticketKeys = [] } = options;
  const refuse = (reason: string): never => {
    throw netErrors.NET_BAD_CERTIFICATE({ reason });
  };
  if ((certificateChain === undefined) !== (privateKey === undefined))
    refuse('a certificate needs its private key, and a key its certificate');
  if (kind === 'server' && certificateChain === undefined) refuse('a server needs a certificate');
  if (certificateChain !== undefined && privateKey !== undefined) parseIdentity(certificateChain, privateKey);
  if (trust !== undefined) parseCertificates(trust, 'the trusted roots');
  else if (kind === 'server' && verify !== undefined && verify !== 'none')
    refuse('certificates of clients need roots to be judged by');
  if (ticketKeys.some((key) => key.length !== TICKET_KEY_BYTES))
    refuse(`a ticket key has ${TICKET_KEY_BYTES} bytes`);
}

/**
 * The ticket keys that a context uses. None where clients are asked for certificates: who comes back with a session would not be
 * judged again, though his certificate has ended since, or is of an authority that nobody trusts any more.
 */
export function ticketKeysOf({ ticketKeys, verify = 'none' }: SecureContextOptions): readonly Uint8Array[] {
  return verify === 'none' ? (ticketKeys ?? []) : [];
}
