import { isRaw } from './overrides.ts';

const SECRET = /(secret|password|passphrase|token|privatekey|credential)/i;
const MASK = '********';

/**
 * The same settings with secrets covered: values of keys that sound like one, private keys, and passwords
 * inside URLs.
 */
export function maskSecrets(value: unknown, secret = false): unknown {
  if (typeof value === 'string') {
    if ((secret && value !== '') || value.includes('PRIVATE KEY-----')) return MASK;
    return value.replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):[^/]*@/i, `$1:${MASK}@`);
  }
  if (Array.isArray(value)) return value.map((v) => maskSecrets(v, secret));
  if (!isRaw(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, v]) => [key, maskSecrets(v, SECRET.test(key) && !isRaw(v))]),
  );
}
