import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { SecureBench } from './testing/secure-bench.ts';
import type { SecureListener } from './testing/secure-bench.ts';
import { peerNames } from './tls/peer-names.ts';
import type { JudgePeer, SecureContext } from './types.ts';

const ID = 'spiffe://a.test/web';
const OLD = { notBefore: new Date('2001-01-01'), notAfter: new Date('2002-01-01') };

/** Wants exactly this URI. */
const only =
  (id: string): JudgePeer =>
  (certificate) => {
    const { uris } = peerNames(certificate);
    return uris.length === 1 && uris[0] === id ? undefined : `it is ${uris.join(' and ') || 'nobody'}`;
  };

/** Certificates of both ends, and who is taken by them. */
export function identities(t: () => SecureBench): void {
  /** What becomes of a client, as the server sees it: the URIs it has shown, or why it was refused. */
  const outcome = async (listener: SecureListener, client: SecureContext): Promise<string> => {
    const [index, failures] = [listener.accepted.length, listener.failures.length];
    const { client: transport, probe } = t().connect(listener.address, client, 'a.test');
    const served = listener.get(index).then(({ transport: { secure } }) => {
      const shown = secure?.peerCertificate;
      return shown === undefined ? 'nobody' : peerNames(shown).uris.join();
    });
    const first = await Promise.race([served, listener.failed(failures).then((why) => `refused: ${why}`)]);
    transport.destroy();
    await probe.until(() => probe.closes === 1);
    return first;
  };

  it('asks clients for certificates, and judges them', async () => {
    const trust = t().authority.root;
    const stranger = new SecureBench(t().reactor, t().clock).authority.issue([ID]);
    const mine = t().client(t().authority.issue([ID]));
    const [nobody, evil, old] = [
      t().client(),
      t().client(stranger),
      t().client(t().authority.issue([ID], OLD)),
    ];
    const of = (verify: 'none' | 'request' | 'require') =>
      t().listen(t().server(['a.test'], { verify, ...(verify === 'none' ? {} : { trust }) }));
    const [none, request, require] = [await of('none'), await of('request'), await of('require')];
    expect(await outcome(none, mine)).toBe('nobody');
    expect(await outcome(request, nobody)).toBe('nobody');
    expect(await outcome(request, mine)).toBe(ID);
    expect(await outcome(require, mine)).toBe(ID);
    expect(await outcome(require, nobody)).toMatch(/refused: .*certificate/i);
    for (const listener of [request, require]) {
      expect(await outcome(listener, evil)).toMatch(/refused: .*(verify|issuer|signature)/i);
      expect(await outcome(listener, old)).toMatch(/refused: .*(expired|verify)/i);
    }
  });

  it('the owner of a listener has a say on a certificate whose chain is good', async () => {
    const context = t().server(['a.test'], { verify: 'request', trust: t().authority.root });
    const listener = await t().listen(() => ({ kind: 'terminate', context, judge: only(ID) }));
    const as = (...names: string[]): SecureContext => t().client(t().authority.issue(names));
    expect(await outcome(listener, as(ID))).toBe(ID);
    expect(await outcome(listener, t().client())).toBe('nobody');
    expect(await outcome(listener, as('spiffe://a.test/other'))).toBe('refused: it is spiffe://a.test/other');
    expect(await outcome(listener, as(ID, `${ID}/2`))).toBe(`refused: it is ${ID} and ${ID}/2`);
    expect(await outcome(listener, as('a.test'))).toBe('refused: it is nobody');
  });

  it('a client that looks for a URI takes no other server, whatever name it has, and sends it nothing', async () => {
    const at = async (...names: string[]) => t().listen(t().server(names));
    const [web, other] = [await at(ID), await at('spiffe://a.test/other', 'a.test')];
    const open = (listener: SecureListener, secured = t().client()) => {
      const opened = t().connect(listener.address, secured, 'a.test', 5_000, only(ID));
      opened.client.write(Buffer.from('secret'));
      return opened;
    };
    const good = open(web);
    await good.probe.until(() => good.probe.connected || good.probe.closes > 0);
    expect(good.probe.error).toBeUndefined();
    const served = await web.get(0);
    await served.probe.until(() => served.probe.size === 6);
    const bad = open(other);
    await bad.probe.until(() => bad.probe.closes === 1);
    expect([bad.probe.connected, bad.probe.code]).toEqual([false, 'NET_PEER_NOT_TRUSTED']);
    expect(bad.probe.error?.message).toMatch(/it is spiffe:\/\/a.test\/other/);
    // The server may have seen a handshake that was good for all it knows; of what was written it has nothing.
    for (const { probe } of other.accepted) {
      await probe.until(() => probe.closes === 1 || probe.ended);
      expect(probe.size).toBe(0);
    }
    // Who looks for a URI wants it of whom it trusts.
    const stranger = open(web, t().context({ kind: 'client' }));
    await stranger.probe.until(() => stranger.probe.closes === 1);
    expect([stranger.probe.connected, stranger.probe.code]).toEqual([false, 'NET_PEER_NOT_TRUSTED']);
  });

  it('identities change while connections are open, which go on', async () => {
    const trust = t().authority.root;
    const make = (): SecureContext => t().server(['a.test'], { verify: 'require', trust });
    let server = make();
    const listener = await t().listen(() => ({ kind: 'terminate', context: server }));
    const as = (id: string): SecureContext => t().client(t().authority.issue([id]));
    let client = as(`${ID}/1`);
    const first = t().connect(listener.address, client, 'a.test');
    const { transport, probe } = await listener.get(0);
    const [oldServer, oldClient] = [server, client];
    server = make();
    client = as(`${ID}/2`);
    oldServer.close();
    oldClient.close();
    expect(await outcome(listener, client)).toBe(`${ID}/2`);
    first.client.write(Buffer.from('ping'));
    await probe.until(() => probe.size === 4);
    transport.write(Buffer.from('pong'));
    await first.probe.until(() => first.probe.size === 4);
    expect(peerNames(transport.secure?.peerCertificate ?? new Uint8Array()).uris).toEqual([`${ID}/1`]);
    expect([transport.secure?.context, first.client.secure?.context]).toEqual([oldServer, oldClient]);
  });

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: who showed a certificate shows it again', async (version) => {
    const [trust, ticketKeys] = [t().authority.root, [randomBytes(48)]];
    const open = await t().listen(t().server(['a.test'], { ticketKeys }));
    const guarded = await t().listen(t().server(['a.test'], { verify: 'require', trust, ticketKeys }));
    const { certificateChain: cert, privateKey: key } = t().authority.issue([ID]);
    const visit = async (to: SecureListener, session?: Buffer, shows = true) => {
      const index = to.accepted.length;
      const socket = await t().dial(to.address, {
        minVersion: version,
        maxVersion: version,
        ...(shows ? { cert, key } : {}),
        ...(session === undefined ? {} : { session }),
      });
      const { transport } = await to.get(index);
      transport.write(Buffer.from('x'));
      await once(socket, 'data');
      const tickets = version === 'TLSv1.3' && to === open && session === undefined;
      const left = tickets ? await t().tickets.get(socket) : socket.getSession();
      return { reused: socket.isSessionReused(), left };
    };
    const first = await visit(open, undefined, false);
    expect((await visit(open, first.left, false)).reused).toBe(true);
    // A session that was had without a certificate is no way in.
    expect((await visit(guarded, first.left)).reused).toBe(false);
    const seen = guarded.accepted.length;
    const without = visit(guarded, first.left, false).then(
      () => 'served',
      () => 'refused',
    );
    expect(await Promise.race([without, guarded.failed(0).then(() => 'refused')])).toBe('refused');
    expect(guarded.accepted.length).toBe(seen);
    const shown = await visit(guarded);
    expect((await visit(guarded, shown.left)).reused).toBe(false);
  });

  it('asks whether a connection may come before it reads of it, and tells how each one ended up', async () => {
    const context = t().server(['a.test']);
    const open = new Set<number>();
    let refusing = false;
    const listener = await t().listen(context, 5_000, {
      admit: ({ port }) => {
        if (!refusing) open.add(port);
        return !refusing;
      },
      onEnd: ({ port }) => void open.delete(port),
    });
    const served = await t().dial(listener.address);
    const waiting = t().raw(listener.address);
    const broken = t().raw(listener.address);
    broken.write('GET / HTTP/1.1\r\n\r\n');
    await listener.failed(0);
    while (open.size < 2) await new Promise((resolve) => setImmediate(resolve));
    expect(open).toEqual(new Set([served.localPort, waiting.localPort]));
    refusing = true;
    const late = t().raw(listener.address);
    await new Promise((resolve) => (late.closed ? resolve(0) : late.once('close', resolve)));
    expect(listener.failures).toHaveLength(1);
    waiting.resetAndDestroy();
    await listener.failed(1);
    expect([...open]).toEqual([served.localPort]);
    expect([listener.accepted.length, listener.failures.length]).toEqual([1, 2]);
  });

  it('takes plain connections beside TLS where it is asked to, by the first byte', async () => {
    const context = t().server(['a.test'], { verify: 'require', trust: t().authority.root });
    const both = await t().listen(context, 5_000, { alsoPlain: true });
    const raw = t().raw(both.address);
    raw.write('GET /');
    const plain = await both.get(0);
    await plain.probe.until(() => plain.probe.size === 5);
    plain.transport.write(Buffer.from('200'));
    expect(String((await once(raw, 'data'))[0])).toBe('200');
    expect([plain.hello, plain.transport.secure]).toEqual([undefined, undefined]);
    raw.end();
    await plain.probe.until(() => plain.probe.ended);
    expect(await outcome(both, t().client(t().authority.issue([ID])))).toBe(ID);
    expect(await outcome(both, t().client())).toMatch(/refused: .*certificate/i);
    // Nobody who says nothing is taken for one or the other.
    const silent = t().raw(both.address);
    silent.end();
    expect(await both.failed(1)).toMatch(/closed/);
    expect(both.accepted).toHaveLength(2);
  });
}
