import { isRaw } from './overrides.ts';

const SECRET = /(secret|password|passphrase|token|privatekey|credential)/i;
const MASK = '********';
/** `name:hash` with a hash of any kind that we know. */
const USER_AND_HASH = /^([^:\s]+):(?:\{SHA\}|\$(?:apr1|5|6|scrypt)\$)/;

/**
 * The same settings with secrets covered: values of keys that sound like one, private keys, hashes of
 * passwords, and passwords inside URLs.
 */
export function maskSecrets(value: unknown, secret = false): unknown {
  if (typeof value === 'string') {
    if ((secret && value !== '') || value.includes('PRIVATE KEY-----')) return MASK;
    const user = USER_AND_HASH.exec(value)?.[1];
    if (user !== undefined) return `${user}:${MASK}`;
    return value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^/]*@/i, `$1:${MASK}@`);
  }
  if (Array.isArray(value)) return value.map((v) => maskSecrets(v, secret));
  if (!isRaw(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, maskSecrets(v, SECRET.test(key) && !isRaw(v))]),
  );
}
