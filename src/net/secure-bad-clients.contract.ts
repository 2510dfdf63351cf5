import { once } from 'node:events';
import { expect, it } from 'vitest';
import { Probe } from './testing/probe.ts';
import { helloBytes, readAll } from './testing/secure-bench.ts';
import type { SecureBench } from './testing/secure-bench.ts';

/** What comes of those who speak no TLS, or not to its end. */
export function badClients(t: () => SecureBench): void {
  it.each([
    ['plain HTTP', 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n', /plain HTTP/],
    ['SSL 2.0', Buffer.from([0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10]), /SSL 2.0/],
    ['garbage', Buffer.from([1, 2, 3, 4]), /not TLS/],
    ['another handshake message', Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]), /no ClientHello/],
    ['an endless hello', Buffer.from([22, 3, 1, 0x40, 0, 1, 1, 0, 0]), /longer/],
  ])('tells %s from TLS and closes', async (_name, bytes, reason) => {
    const listener = await t().listen(t().server(['a.test']));
    const socket = t().raw(listener.address);
    socket.write(bytes);
    expect(await listener.failed(0)).toMatch(reason);
    await readAll(socket);
    expect(listener.accepted).toEqual([]);
  });

  it('takes a hello byte by byte, and gives up on one that is not done in time', async () => {
    const context = t().server(['a.test']);
    const [patient, listener] = [await t().listen(context, 20_000), await t().listen(context, 300)];
    const hello = await helloBytes(t());
    const slow = t().raw(patient.address);
    slow.setNoDelay(true);
    for (const byte of hello) {
      slow.write(Uint8Array.of(byte));
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    const [answer] = (await once(slow, 'data')) as [Buffer];
    expect(answer.subarray(0, 2)).toEqual(Buffer.from([22, 3]));
    for (const part of [hello, hello.subarray(0, 30), Buffer.of()]) {
      const stuck = t().raw(listener.address);
      stuck.write(part);
      stuck.resume();
      expect(await listener.failed(listener.failures.length)).toMatch(/in time/);
      if (!stuck.readableEnded) await once(stuck, 'end');
    }
  });

  it('hears of those that leave within the hello or the handshake', async () => {
    const listener = await t().listen(t().server(['a.test']));
    const hello = await helloBytes(t());
    t().raw(listener.address).end();
    expect(await listener.failed(0)).toMatch(/closed/);
    t().raw(listener.address).end(hello.subarray(0, 100));
    expect(await listener.failed(1)).toMatch(/closed/);
    const late = t().raw(listener.address);
    late.write(hello);
    await once(late, 'data');
    late.end();
    expect(await listener.failed(2)).toMatch(/closed|eof|disconnected/i);
  });

  it('a record that was tampered with ends the connection with an error', async () => {
    const listener = await t().listen(t().server(['a.test']));
    const relay = await t().reactor.listen({ host: '127.0.0.1', port: 0 }, (client) => {
      const onward = new Probe();
      const server = t().reactor.connect(listener.address, { timeoutMs: 1_000 }, onward);
      t().later(() => (client.destroy(), server.destroy()));
      onward.on = (told, bytes) => void (told === 'data' && bytes && client.write(bytes));
      const from = new Probe();
      from.on = (told, bytes) => {
        if (told !== 'data' || !bytes) return;
        const copy = Buffer.from(bytes);
        if (spoil) copy[copy.length - 1] = (copy.at(-1) as number) ^ 1;
        server.write(copy);
      };
      return from;
    });
    t().later(() => relay.close());
    let spoil = false;
    const socket = await t().dial(relay.address);
    const { probe } = await listener.get(0);
    socket.write('good');
    await probe.until(() => probe.size === 4);
    spoil = true;
    socket.write('bad');
    await probe.until(() => probe.closes === 1);
    expect(probe.bytes.toString()).toBe('good');
    expect(probe.error).toBeDefined();
  });
}
