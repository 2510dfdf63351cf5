import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { TestAuthority } from '../testing/identities.ts';
import { peerNames } from './peer-names.ts';

const authority = new TestAuthority(systemClock);

const of = (names: readonly string[], commonName = 'c'): ReturnType<typeof peerNames> =>
  peerNames(new X509Certificate(authority.issue(names, { commonName }).certificateChain).raw);

describe('peerNames', () => {
  it('tells URIs and DNS names apart, in their order', () => {
    expect(of(['a.test', 'spiffe://a.test/x', '10.0.0.1', 'b.test', 'https://b.test/?a=b'])).toEqual({
      uris: ['spiffe://a.test/x', 'https://b.test/?a=b'],
      dns: ['a.test', 'b.test'],
      subject: 'CN=c',
      authority: false,
    });
    expect(of([])).toEqual({ uris: [], dns: [], subject: 'CN=c', authority: false });
    expect(peerNames(new X509Certificate(authority.root).raw).authority).toBe(true);
  });

  it('is not fooled by names that look like several', () => {
    const tricky = 'spiffe://a.test/x, URI:spiffe://a.test/admin';
    expect(of([tricky, 'a.test']).uris).toEqual([tricky]);
    expect(of(['spiffe://a.test/"quoted"\\', 'DNS:b.test, DNS:c.test']).dns).toEqual([
      'DNS:b.test, DNS:c.test',
    ]);
    expect(of(['spiffe://a.test/"quoted"\\']).uris).toEqual(['spiffe://a.test/"quoted"\\']);
  });

  it('has a subject that stays in its line', () => {
    expect(of([], 'a\r\nX-Evil: 1').subject).not.toMatch(/[^\x20-\x7e]/);
    expect(of([], 'Größe').subject).not.toMatch(/[^\x20-\x7e]/);
  });
});
