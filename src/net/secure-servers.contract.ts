import { once } from 'node:events';
import { createServer } from 'node:tls';
import { expect, it } from 'vitest';
import { Probe, pattern } from './testing/probe.ts';
import { SecureBench, readAll } from './testing/secure-bench.ts';

/** What servers promise of TLS. */
export function servers(t: () => SecureBench): void {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('speaks %s and says what was agreed on', async (version) => {
    const context = t().server(['a.test'], { alpn: ['h2', 'http/1.1'] });
    const listener = await t().listen(context);
    const socket = await t().dial(listener.address, {
      minVersion: version,
      maxVersion: version,
      ALPNProtocols: ['http/1.1', 'h2'],
    });
    const { transport, probe, hello } = await listener.get(0);
    expect(transport.secure).toEqual({
      version,
      cipher: socket.getCipher().standardName,
      serverName: 'a.test',
      alpn: 'h2',
      resumed: false,
      peerCertificate: undefined,
      context,
    });
    expect([socket.alpnProtocol, hello?.serverName, hello?.alpn]).toEqual([
      'h2',
      'a.test',
      ['http/1.1', 'h2'],
    ]);
    expect(transport.remote.port).toBe(socket.localPort);
    socket.write('ping');
    await probe.until(() => probe.size === 4);
    transport.write(Buffer.from('pong'));
    expect(String(await once(socket, 'data'))).toBe('pong');
  });

  it('refuses versions that are too old', async () => {
    const listener = await t().listen(t().server(['a.test'], { minVersion: 'TLSv1.3' }));
    await expect(t().dial(listener.address, { maxVersion: 'TLSv1.2' })).rejects.toThrow(/version/i);
    expect(await listener.failed(0)).toMatch(/version|protocol/i);
    expect(listener.accepted).toEqual([]);
  });

  it('chooses by the name asked for, whatever its case', async () => {
    const contexts = new Map(
      ['a.test', 'b.test'].map((serverName) => [serverName, t().server([serverName])]),
    );
    const wild = t().server(['*.c.test']);
    const listener = await t().listen(({ serverName = '' }) => {
      const context = contexts.get(serverName) ?? (serverName.endsWith('.c.test') ? wild : undefined);
      return context ? { kind: 'terminate', context } : { kind: 'refuse' };
    });
    for (const servername of ['a.test', 'B.TEST', 'x.c.test'])
      expect((await t().dial(listener.address, { servername })).authorized).toBe(true);
    await expect(t().dial(listener.address, { servername: 'd.test' })).rejects.toThrow(/unrecognized name/i);
    await expect(t().dial(listener.address, { servername: '' })).rejects.toThrow(/unrecognized name/i);
    expect(listener.failures).toHaveLength(2);
  });

  it('refuses a client whose protocols it has none of (RFC 7301), not one that offers none', async () => {
    const listener = await t().listen(t().server(['a.test'], { alpn: ['http/1.1'] }));
    await expect(t().dial(listener.address, { ALPNProtocols: ['h3'] })).rejects.toThrow(
      /application protocol/i,
    );
    expect((await t().dial(listener.address)).alpnProtocol).toBe(false);
    expect((await listener.get(0)).transport.secure?.alpn).toBeUndefined();
  });

  it('hands over what passes through as it came, with the hello in front', async () => {
    const listener = await t().listen(() => ({ kind: 'passthrough' }));
    const real = createServer({ ...nodeIdentity(t()) }, (socket) => socket.end('from behind'));
    await new Promise<void>((resolve) => real.listen(0, '127.0.0.1', resolve));
    t().later(() => real.close());
    const client = t().dial(listener.address);
    const { transport, probe, hello } = await listener.get(0);
    expect([hello?.serverName, transport.secure]).toEqual(['a.test', undefined]);
    const { port } = real.address() as { port: number };
    const behind = new Probe();
    const onward = t().reactor.connect({ ip: '127.0.0.1', port }, { timeoutMs: 1_000 }, behind);
    t().later(() => onward.destroy());
    probe.on = (told, bytes) => void (told === 'data' && bytes && onward.write(bytes));
    behind.on = (told, bytes) => void (told === 'data' && bytes && transport.write(bytes));
    for (const chunk of probe.chunks) onward.write(chunk);
    const chunk = await once(await client, 'data');
    expect(String(chunk[0])).toBe('from behind');
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)(
    '%s: carries much both ways at once, with pauses, and each side ends on its own',
    async (version) => {
      const listener = await t().listen(t().server(['a.test']));
      const socket = await t().dial(listener.address, {
        minVersion: version,
        maxVersion: version,
        allowHalfOpen: true,
      } as object);
      const { transport, probe } = await listener.get(0);
      const forth = pattern(6 * 1024 * 1024, 3);
      const back = pattern(6 * 1024 * 1024, 5);
      probe.on = (told) => {
        if (told !== 'data' || probe.size > 2_000_000) return;
        transport.pause();
        t().clock.after(1, () => transport.resume());
      };
      socket.end(forth);
      let stops = 0;
      for (let at = 0; at < back.length; at += 100_000) {
        if (transport.write(back.subarray(at, at + 100_000))) continue;
        stops++;
        const before = probe.drains;
        const received = socket.readableFlowing === null ? readAll(socket) : undefined;
        void received?.then((bytes) => (got = bytes));
        await probe.until(() => probe.drains > before);
      }
      expect(stops).toBeGreaterThan(0);
      await probe.until(() => probe.ended);
      expect(probe.bytes.equals(forth)).toBe(true);
      expect(probe.closes).toBe(0);
      transport.end();
      await probe.until(() => probe.closes === 1);
      await new Promise((resolve) => (socket.closed ? resolve(0) : socket.once('close', resolve)));
      expect(got.equals(back)).toBe(true);
      expect(probe.error).toBeUndefined();
    },
  );
  let got: Buffer = Buffer.alloc(0);

  it('resets where it is destroyed with an error, and the other end sees no clean end', async () => {
    const listener = await t().listen(t().server(['a.test']));
    const socket = await t().dial(listener.address);
    const { transport, probe } = await listener.get(0);
    const failed = once(socket, 'close');
    let ended = false;
    socket.removeAllListeners('error');
    socket.on('end', () => (ended = true)).on('error', () => {});
    socket.resume();
    transport.destroy(new Error('no more'));
    await failed;
    await probe.until(() => probe.closes === 1);
    expect([ended, probe.error?.message]).toEqual([false, 'no more']);
  });

  it('refuses renegotiation', async () => {
    const listener = await t().listen(t().server(['a.test']));
    const socket = await t().dial(listener.address, { maxVersion: 'TLSv1.2' });
    const { probe } = await listener.get(0);
    const outcome = await new Promise<unknown>((resolve) => {
      socket.removeAllListeners('error');
      socket.on('error', resolve).on('close', resolve);
      socket.renegotiate({}, (error) => resolve(error ?? 'renegotiated'));
      t().clock.after(300, () => resolve('ignored'));
    });
    expect(outcome).not.toBe('renegotiated');
    expect(probe.size).toBe(0);
  });

  it('a closed context serves the connections that it has', async () => {
    const context = t().server(['a.test']);
    const listener = await t().listen(context);
    const socket = await t().dial(listener.address);
    const { transport, probe } = await listener.get(0);
    context.close();
    context.close();
    socket.write('still');
    await probe.until(() => probe.size === 5);
    transport.write(Buffer.from('here'));
    expect(String(await once(socket, 'data'))).toBe('here');
    await expect(t().dial(listener.address)).rejects.toThrow();
  });

  it('says what is wrong with a certificate, a key, or ciphers', () => {
    const a = t().authority.issue(['a.test']);
    const b = t().authority.issue(['b.test']);
    const make = (more: object) => () => t().context({ kind: 'server', ...a, ...more });
    expect(make({ privateKey: b.privateKey })).toThrow(/does not belong/);
    expect(make({ certificateChain: 'nothing' })).toThrow(/no certificate/);
    expect(make({ privateKey: 'nothing' })).toThrow(/private key cannot be read/);
    expect(make({ ciphers: 'ROT13' })).toThrow(/cipher/i);
    expect(make({ ticketKeys: [new Uint8Array(47)] })).toThrow(/48 bytes/);
    expect(make({ verify: 'require' })).toThrow(/roots/);
    expect(() => t().context({ kind: 'server' })).toThrow(/needs a certificate/);
  });
}

const nodeIdentity = (t: SecureBench): { cert: string; key: string } => {
  const { certificateChain, privateKey } = t.authority.issue(['a.test']);
  return { cert: certificateChain, key: privateKey };
};
