import { describe, expect, it } from 'vitest';
import type { Peer } from '../types.ts';
import { udpSocket } from './udp.ts';

describe('udpSocket', () => {
  it('sends, receives, and gives the buffer back at once', async () => {
    const got: { text: string; from: Peer }[] = [];
    let arrived: () => void = () => {};
    const done = new Promise<void>((resolve) => (arrived = resolve));
    const server = await udpSocket({ host: '127.0.0.1', port: 0 }, (bytes, from) => {
      got.push({ text: Buffer.from(bytes).toString(), from });
      if (got.length === 2) arrived();
    });
    const client = await udpSocket({ host: '127.0.0.1', port: 0 }, () => {});
    const buffer = Buffer.from('one');
    client.send(buffer, server.address);
    buffer.set(Buffer.from('two'));
    client.send(buffer, server.address);
    await done;
    expect(got).toEqual([
      { text: 'one', from: client.address },
      { text: 'two', from: client.address },
    ]);
    await Promise.all([server.close(), client.close(), client.close()]);
    client.send(buffer, server.address); // after the end: nothing happens
    const other = await udpSocket({ host: '127.0.0.1', port: 0 }, () => {});
    other.send(buffer, { ip: '127.0.0.1', port: 0 }); // no way back to such a sender: nothing happens
    await other.close();
  });

  it('says which address it could not bind, and why', async () => {
    const first = await udpSocket({ host: '127.0.0.1', port: 0 }, () => {});
    const second = udpSocket({ host: '127.0.0.1', port: first.address.port }, () => {});
    await expect(second).rejects.toMatchObject({
      code: 'NET_LISTEN_FAILED',
      message: expect.stringContaining(`udp 127.0.0.1:${first.address.port}`),
      cause: { code: 'EADDRINUSE' },
    });
    await first.close();
  });

  it('speaks IPv6', async () => {
    let arrived: (from: Peer) => void = () => {};
    const from = new Promise<Peer>((resolve) => (arrived = resolve));
    const server = await udpSocket({ host: '::1', port: 0 }, (_bytes, peer) => arrived(peer));
    const client = await udpSocket({ host: '::1', port: 0 }, () => {});
    client.send(Buffer.from('x'), server.address);
    expect(await from).toEqual(client.address);
    await Promise.all([server.close(), client.close()]);
  });
});
