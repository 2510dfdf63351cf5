import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { Probe } from './testing/probe.ts';
import { helloBytes } from './testing/secure-bench.ts';
import type { SecureBench, SecureListener } from './testing/secure-bench.ts';
import type { ClientHello } from './types.ts';

const keyOf = (): Buffer => randomBytes(48);

/** Who comes back goes on with a session. */
export function resumption(t: () => SecureBench): void {
  /** One connection, and the session that it leaves, where tickets are given out. */
  const visit = async (
    listener: SecureListener,
    version: string,
    session?: Buffer,
    tickets = true,
    renewed = false,
  ): Promise<{ reused: boolean; session: Buffer | undefined }> => {
    const index = listener.accepted.length;
    const socket = await t().dial(listener.address, {
      minVersion: version,
      maxVersion: version,
      ...(session ? { session } : {}),
    } as object);
    const { transport } = await listener.get(index);
    transport.write(Buffer.from('x'));
    await once(socket, 'data');
    const reused = socket.isSessionReused();
    expect(transport.secure?.resumed).toBe(reused);
    const ticket = t().tickets.get(socket);
    const left =
      (!reused || renewed) && tickets && version === 'TLSv1.3' ? await ticket : socket.getSession();
    socket.destroy();
    return { reused, session: left };
  };

  it.each(['TLSv1.2', 'TLSv1.3'])(
    '%s: tickets are good at every context with their key, also later ones',
    async (version) => {
      const identity = t().authority.issue(['a.test']);
      const [k1, k2, k3, k4] = [keyOf(), keyOf(), keyOf(), keyOf()];
      const make = (...ticketKeys: Buffer[]) =>
        t().listen(t().context({ kind: 'server', ...identity, ticketKeys }));
      const [here, there, rotated, foreign] = [
        await make(k1),
        await make(k1),
        await make(k2, k3, k1),
        await make(k4),
      ];
      const { session, reused } = await visit(here, version);
      expect(reused).toBe(false);
      expect((await visit(there, version, session)).reused).toBe(true);
      expect((await visit(rotated, version, session)).reused).toBe(true);
      expect((await visit(foreign, version, session)).reused).toBe(false);
    },
  );

  it('who comes back with a ticket of an older key leaves with one of the newest', async () => {
    const identity = t().authority.issue(['a.test']);
    const [older, newest] = [keyOf(), keyOf()];
    const make = (...ticketKeys: Buffer[]) =>
      t().listen(t().context({ kind: 'server', ...identity, ticketKeys }));
    const [before, now, later] = [await make(older), await make(newest, older), await make(newest)];
    const first = await visit(before, 'TLSv1.3');
    const second = await visit(now, 'TLSv1.3', first.session, true, true);
    expect(second.reused).toBe(true);
    expect((await visit(later, 'TLSv1.3', first.session)).reused).toBe(false);
    expect((await visit(later, 'TLSv1.3', second.session)).reused).toBe(true);
  });

  it('without keys there are no tickets', async () => {
    const listener = await t().listen(t().server(['a.test']));
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
      const { session } = await visit(listener, version, undefined, false);
      expect((await visit(listener, version, session, false)).reused).toBe(false);
    }
  });
}

/** What clients promise of TLS. */
export function clients(t: () => SecureBench): void {
  it('asks for the name, verifies the server, agrees on a protocol, and resumes', async () => {
    const listener = await t().listen(t().server(['a.test'], { alpn: ['h2'], ticketKeys: [keyOf()] }));
    const context = t().client({ alpn: ['http/1.1', 'h2'] });
    const resumed: unknown[] = [];
    for (let i = 0; i < 2; i++) {
      const { client, probe } = t().connect(listener.address, context, 'a.test');
      client.write(Buffer.from('early'));
      await probe.until(() => probe.connected || probe.closes > 0);
      expect(probe.error).toBeUndefined();
      const server = await listener.get(i);
      await server.probe.until(() => server.probe.size === 5);
      server.transport.write(Buffer.from('late'));
      await probe.until(() => probe.size === 4);
      const { secure } = client;
      expect(secure).toMatchObject({ version: 'TLSv1.3', alpn: 'h2', serverName: 'a.test' });
      expect(secure?.peerCertificate?.length).toBeGreaterThan(100);
      resumed.push(secure?.resumed, server.transport.secure?.resumed);
      client.end();
      server.transport.end();
      await probe.until(() => probe.closes === 1);
      expect(probe.error).toBeUndefined();
    }
    expect(resumed).toEqual([false, false, true, true]);
  });

  it('refuses an unknown root, a wrong name, a certificate out of its time; takes them unverified', async () => {
    const old = { notBefore: new Date('2001-01-01'), notAfter: new Date('2002-01-01') };
    const identities = {
      good: t().authority.issue(['a.test', '127.0.0.1']),
      other: t().authority.issue(['b.test']),
      old: t().authority.issue(['a.test'], old),
    };
    const at = async (identity: keyof typeof identities) =>
      (await t().listen(t().context({ kind: 'server', ...identities[identity] }))).address;
    const outcome = async (
      to: { ip: string; port: number },
      context = t().client(),
      serverName: string | undefined = 'a.test',
    ) => {
      const { probe } = t().connect(to, context, serverName);
      await probe.until(() => probe.connected || probe.closes === 1);
      return probe.connected ? 'connected' : `${String(probe.code)} ${probe.error?.message}`;
    };
    const stranger = t().context({ kind: 'client' });
    expect(await outcome(await at('good'), stranger)).toMatch(/NET_PEER_NOT_TRUSTED.*(issuer|verify)/i);
    expect(await outcome(await at('other'))).toMatch(/NET_PEER_NOT_TRUSTED.*(mismatch|altnames)/i);
    expect(await outcome(await at('old'))).toMatch(/NET_PEER_NOT_TRUSTED.*expired/i);
    expect(await outcome(await at('good'))).toBe('connected');
    const unverified = t().context({ kind: 'client', verify: 'none' });
    for (const which of ['good', 'other', 'old'] as const)
      expect(await outcome(await at(which), unverified)).toBe('connected');
    // Without a name the address must be in the certificate.
    const byAddress = async (which: keyof typeof identities) => {
      const { probe } = t().connect(await at(which), t().client());
      await probe.until(() => probe.connected || probe.closes === 1);
      return probe.connected;
    };
    expect([await byAddress('good'), await byAddress('other')]).toEqual([true, false]);
  });

  it('gives up in time on a server that says nothing, and on one that speaks no TLS', async () => {
    const silent = await t().reactor.listen({ host: '127.0.0.1', port: 0 }, () => new Probe());
    t().later(() => silent.close());
    const { probe } = t().connect(silent.address, t().client(), 'a.test', 100);
    await probe.until(() => probe.closes === 1);
    expect([probe.connected, probe.code]).toEqual([false, 'NET_CONNECT_TIMEOUT']);
    const rude = await t().reactor.listen({ host: '127.0.0.1', port: 0 }, (transport) => {
      transport.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'));
      transport.end();
      return new Probe();
    });
    t().later(() => rude.close());
    const second = t().connect(rude.address, t().client(), 'a.test');
    await second.probe.until(() => second.probe.closes === 1);
    expect([second.probe.connected, second.probe.code]).toEqual([false, 'NET_TLS_FAILED']);
  });
}

/** Many at once. */
export function load(t: () => SecureBench): void {
  it('a burst of handshakes, and those that leave in the middle, leave nothing behind', async () => {
    const context = t().server(['a.test'], { ticketKeys: [keyOf()] });
    const listener = await t().listen(context);
    const client = t().client();
    const hello = await helloBytes(t());
    const helloListeners = listener.accepted.length;
    for (let round = 0; round < 10; round++) {
      const all = Array.from({ length: 20 }, () => t().connect(listener.address, client, 'a.test'));
      for (let i = 0; i < 5; i++) {
        const raw = t().raw(listener.address);
        raw.write(hello, () => raw.destroy());
      }
      for (const { client: c, probe } of all) {
        await probe.until(() => probe.connected || probe.closes > 0);
        expect(probe.error).toBeUndefined();
        c.write(Buffer.from('hi'));
        c.end();
      }
      for (let i = 0; i < 20; i++) {
        const { transport, probe } = await listener.get(helloListeners + round * 20 + i);
        await probe.until(() => probe.ended);
        expect(probe.bytes.toString()).toBe('hi');
        transport.end();
      }
      for (const { probe } of all) await probe.until(() => probe.closes === 1);
    }
    const seen: ClientHello[] = listener.accepted.flatMap(({ hello: h }) => (h ? [h] : []));
    expect(seen.length).toBe(listener.accepted.length);
  });
}
