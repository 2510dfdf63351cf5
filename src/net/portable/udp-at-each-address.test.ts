import { afterEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { Peer } from '../types.ts';
import { udpSocket } from './udp.ts';
import { UdpAtEachAddress } from './udp-at-each-address.ts';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** Sockets that send back what comes, at the addresses that `here` holds. */
const make = (...first: string[]) => {
  const here = new Set(first);
  const clock = new FakeClock();
  const sockets = new UdpAtEachAddress({
    udp: udpSocket,
    clock,
    addressesOf: (host) => (host === '0.0.0.0' ? [...here] : [host]),
    onMessage: (bytes, from, socket) => socket.send(bytes, from),
  });
  closing.push(() => sockets.close());
  return { here, clock, sockets };
};

/** Ask until there is an answer; who gave it. */
const whoAnswers = async (to: Peer): Promise<Peer> => {
  let arrived: (from: Peer) => void = () => {};
  const answer = new Promise<Peer>((resolve) => (arrived = resolve));
  const socket = await udpSocket({ host: '0.0.0.0', port: 0 }, (_bytes, from) => arrived(from));
  socket.send(Buffer.from('?'), to);
  const again = setInterval(() => socket.send(Buffer.from('?'), to), 20);
  const from = await answer.finally(() => clearInterval(again));
  await socket.close();
  return from;
};

describe('UdpAtEachAddress', () => {
  it.skipIf(process.platform !== 'linux')(
    'answer from the address that was asked, also one that came later (needs all of 127.0.0.0/8)',
    async () => {
      const { here, clock, sockets } = make('127.0.0.1', '127.0.0.2');
      const port = await sockets.open('0.0.0.0', 0);
      for (const ip of here) expect(await whoAnswers({ ip, port })).toEqual({ ip, port });
      here.add('127.0.0.3').delete('127.0.0.1');
      clock.advance(5_000);
      expect(await whoAnswers({ ip: '127.0.0.3', port })).toEqual({ ip: '127.0.0.3', port });
      // The address that went is free again.
      await (await udpSocket({ host: '127.0.0.1', port }, () => {})).close();
      await sockets.close();
      expect(clock.pending).toBe(0);
    },
  );

  it('need no look for new addresses at a single one', async () => {
    const { clock, sockets } = make();
    const port = await sockets.open('127.0.0.1', 0);
    expect(await whoAnswers({ ip: '127.0.0.1', port })).toEqual({ ip: '127.0.0.1', port });
    expect(clock.pending).toBe(0);
  });

  it('do without an address that is listed and cannot be used yet', async () => {
    const { sockets } = make('192.0.2.254', '127.0.0.1');
    const port = await sockets.open('0.0.0.0', 0);
    expect(await whoAnswers({ ip: '127.0.0.1', port })).toEqual({ ip: '127.0.0.1', port });
    await expect(make().sockets.open('192.0.2.254', 0)).rejects.toMatchObject({ code: 'NET_LISTEN_FAILED' });
  });

  it('are all closed when one address is taken', async () => {
    const first = make();
    const port = await first.sockets.open('127.0.0.1', 0);
    const second = make('127.0.0.1');
    await expect(second.sockets.open('0.0.0.0', port)).rejects.toMatchObject({ code: 'NET_LISTEN_FAILED' });
    expect(second.clock.pending).toBe(0);
  });
});
