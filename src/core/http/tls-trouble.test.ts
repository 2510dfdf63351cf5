import { describe, expect, it } from 'vitest';
import { unreachedText } from './tls-trouble.ts';

const failed = (code: string): Error => Object.assign(new Error('it failed'), { code });
const text = (origin: string, code: string): string => unreachedText(origin, failed(code), 'a.tls');

describe('why a server was not reached', () => {
  it.each([
    ['SELF_SIGNED_CERT_IN_CHAIN', 'no authority of a.tls.ca has signed its certificate (it failed)'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'no authority of a.tls.ca has signed its certificate (it failed)'],
    [
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'its certificate is for other names than the one it is asked by (it failed)',
    ],
    ['CERT_HAS_EXPIRED', 'its certificate is not valid now (it failed)'],
    [
      'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED',
      'it does not take what a.tls.cert says who we are (it failed)',
    ],
    ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'it does not take what a.tls.cert says who we are (it failed)'],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'it does not speak TLS: is it http? (it failed)'],
    ['ECONNRESET', 'it failed; if it asks for a certificate, look at a.tls.cert'],
    ['ECONNREFUSED', 'it failed'],
  ])('says of %s what the configuration has to do with it', (code, said) => {
    expect(text('https://consul:8501', code)).toBe(said);
    expect(text('http://consul:8500', code)).toBe('it failed');
  });

  it('says what there is to say of anything that was thrown', () => {
    expect(unreachedText('https://consul:8501', 'gone', 'a.tls')).toBe('gone');
    expect(unreachedText('https://consul:8501', undefined, 'a.tls')).toBe('undefined');
  });
});
