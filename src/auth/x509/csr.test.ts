import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pem, pemBlocks } from '../../core/der.ts';
import { makeKeyRequest, provenKey } from './csr.ts';
import { makeCsr, makeKeyPair } from './make.ts';

describe('a request for a key', () => {
  it('gives the key, whatever else it says', () => {
    const pair = makeKeyPair();
    expect(provenKey(makeKeyRequest(pair))).toBe(pair.publicKey);
    const wants = { commonName: 'root', uri: 'spiffe://td/another', names: ['victim.test'] };
    expect(provenKey(makeCsr(wants, pair.privateKey))).toBe(pair.publicKey);
  });

  it('gives nothing when it is not signed with that key', () => {
    const [mine, theirs] = [makeKeyPair(), makeKeyPair()];
    expect(provenKey(makeKeyRequest({ publicKey: theirs.publicKey, privateKey: mine.privateKey }))).toBe(
      undefined,
    );
  });

  it('never throws, and gives no other key, whatever is changed', () => {
    const pair = makeKeyPair();
    const [bytes = Buffer.alloc(0)] = pemBlocks(makeKeyRequest(pair), 'CERTIFICATE REQUEST');
    const label = 'CERTIFICATE REQUEST';
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const key = provenKey(pem(label, changed));
        // the signature's own encoding and the name of the algorithm may change without harm
        if (key !== undefined) expect(key).toBe(pair.publicKey);
      }),
      { numRuns: 500 },
    );
    for (const text of [
      '',
      'x',
      pem(label, Buffer.alloc(0)),
      pem(label, bytes.subarray(1)),
      'A'.repeat(20_000),
    ])
      expect(provenKey(text)).toBeUndefined();
  });
});
