import { describe, expect, it } from 'vitest';
import type { Transport } from '../../net/index.ts';
import { ClientFactsBook } from './client-facts.ts';

const by = (ip: string, port: number, secure?: object): Transport =>
  ({ remote: { ip, port: 1 }, local: { ip: '', port }, secure }) as unknown as Transport;

describe('what is said about clients', () => {
  it('is of who they are and how they came, and looked up once for each', () => {
    let asked = 0;
    const book = new ClientFactsBook(
      (ip) => (asked++, ip.startsWith('10.')),
      () => ({}),
    );
    const first = book.of(by('10.0.0.1', 80));
    expect(first).toMatchObject({ ip: '10.0.0.1', trusted: true, port: 80, secure: false });
    expect(book.of(by('10.0.0.1', 80))).toBe(first);
    expect(asked).toBe(1);
    expect(book.of(by('10.0.0.1', 443, {}))).toMatchObject({ port: 443, secure: true });
    expect(book.of(by('10.0.0.1', 443))).toMatchObject({ port: 443, secure: false });
    expect(book.of(by('192.0.2.1', 80))).toMatchObject({ ip: '192.0.2.1', trusted: false });
    for (let i = 0; i < 5_000; i++) book.of(by(`192.0.2.${i}`, 80));
    const before = asked;
    expect(book.of(by('192.0.2.4999', 80)).ip).toBe('192.0.2.4999');
    expect(book.of(by('192.0.2.1', 80)).ip).toBe('192.0.2.1');
    expect(asked).toBe(before + 1); // those of long ago are forgotten
  });

  it('with TLS is of the connection, whatever its streams', () => {
    const book = new ClientFactsBook(
      () => false,
      (session) => ({ peer: session.serverName }),
    );
    const [one, other] = [{ serverName: 'spiffe://a.test/1' }, { serverName: 'spiffe://a.test/2' }];
    const first = book.of(by('10.0.0.1', 443, one));
    expect(first).toMatchObject({ secure: true, peer: 'spiffe://a.test/1' });
    expect(book.of(by('10.0.0.1', 443, one))).toBe(first);
    expect(book.of(by('10.0.0.1', 443, other))).toMatchObject({ peer: 'spiffe://a.test/2' });
    expect(book.of(by('10.0.0.1', 443)).peer).toBeUndefined();
  });
});
