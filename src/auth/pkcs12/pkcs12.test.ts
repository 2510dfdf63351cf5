import { createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { systemRandom } from '../../core/random.ts';
import { AuthorityHarness } from '../testing/authority-harness.ts';
import { makeKeyPair } from '../x509/make.ts';
import { readPkcs12 } from './read.ts';
import { writePkcs12 } from './write.ts';

const identity = { privateKey: '', certificates: '' };
beforeAll(async () => {
  const harness = new AuthorityHarness();
  const authority = await harness.start();
  const { publicKey, privateKey } = makeKeyPair();
  const { certificateChain } = authority.issue({ publicKey, path: '/web', by: 'test' });
  Object.assign(identity, { privateKey, certificates: certificateChain + authority.bundle.roots.join('') });
  await authority.stop();
});

const write = (password: string, name = 'web'): Buffer =>
  writePkcs12(identity, { password, name, random: systemRandom });

describe('PKCS#12', () => {
  it.each(['secret', '', 'pässwörd 🔑', 'x'.repeat(200)])(
    'is read as it was written, with password %j',
    (password) => {
      const { privateKey, certificates } = readPkcs12(write(password, 'Näme'), password);
      expect(certificates).toBe(identity.certificates);
      expect(createPublicKey(privateKey).equals(createPublicKey(identity.privateKey))).toBe(true);
    },
  );

  it('stays closed without its password', () => {
    expect(() => readPkcs12(write('right'), 'wrong')).toThrow(
      expect.objectContaining({ code: 'AUTH_PKCS12_PASSWORD' }),
    );
  });

  it('says of anything else that it cannot be read', () => {
    const file = write('p');
    const change = fc.record({ at: fc.nat(file.length - 1), to: fc.nat(255) });
    const read = (bytes: Uint8Array): void => {
      try {
        readPkcs12(bytes, 'p');
      } catch (error) {
        expect((error as { readonly code?: string }).code).toMatch(/^AUTH_PKCS12_/);
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => read(bytes)),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(change, ({ at, to }) => {
        const changed = Buffer.from(file);
        changed[at] = to;
        read(changed);
        read(changed.subarray(0, at));
      }),
      { numRuns: 15 },
    );
  });
});
