import { once } from 'node:events';
import { connect } from 'node:net';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { guard } from '../../core/http/guard.ts';
import { createHttpClient } from '../../core/http/client.ts';
import { secureOptions } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { createApi, listen } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { peerIdOf } from '../../core/http/tls-gate.ts';
import type { IdentityContext } from '../../core/identity.ts';
import { TlsSite } from '../testing/tls-site.ts';

// The gate before every API, with a real authority behind it.

let site: TlsSite;
let api: Api;
let port: number;
const refusals: string[] = [];
beforeEach(() => {
  site = new TlsSite();
  refusals.length = 0;
});
afterEach(async () => {
  await api.close();
  await site.close();
});

/** An API of the master that says who asks. */
async function open(mode: MutualTls['mode']): Promise<void> {
  await site.start();
  api = createApi();
  api.all('/who', async (req) => ({
    id: peerIdOf(req) ?? 'nobody',
    got: (req.body as Buffer | undefined)?.toString() ?? '',
  }));
  const tls = { ...site.tls, mode, refused: (_address: string, why: string) => void refusals.push(why) };
  port = await listen(api, '127.0.0.1', 0, undefined, { tls });
}

const url = (scheme = 'http'): string => `${scheme}://127.0.0.1:${port}/who`;

/** Plain HTTP, in as many pieces as given. */
async function plain(...pieces: readonly string[]): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true });
  let text = '';
  socket.on('data', (piece) => void (text += String(piece))).on('error', () => {});
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise(setImmediate);
  }
  await once(socket, 'close');
  return text;
}

const CLOSING = 'GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

describe('a permissive port', () => {
  it('takes plain HTTP, however it comes, and TLS with and without a certificate', async () => {
    await open('permissive');
    expect(await plain(CLOSING)).toMatch(/"id":"nobody"/);
    expect(await plain('G', 'ET /who HTTP/1.1\r\n', 'Host: x\r\nConnection: close\r\n\r\n')).toMatch(
      /"nobody"/,
    );
    const { tls } = await site.joined(await site.token({ name: 'a1' }));
    const joined = await site.client(tls).request({ method: 'GET', url: url() });
    expect(await joined.text()).toMatch('spiffe://test.local/agent/a1');
    const anybody = createHttpClient({ tls: { verify: false } });
    expect(await (await anybody.request({ method: 'GET', url: url('https') })).text()).toMatch('nobody');
    await anybody.close();
  });

  it('takes large bodies both ways: what came with the first byte is not lost, and nothing comes twice', async () => {
    await open('permissive');
    const body = 'x'.repeat(3_000_000);
    const sent = request({ host: '127.0.0.1', port, path: '/who', method: 'POST', agent: false });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    let text = '';
    for await (const piece of answer) text += String(piece);
    expect((JSON.parse(text) as { got: string }).got === body).toBe(true);
    const { tls } = await site.joined(await site.token());
    const secure = await site.client(tls).request({ method: 'POST', url: url(), body });
    expect((JSON.parse(await secure.text()) as { got: string }).got === body).toBe(true);
  });
});

describe('a port that requires TLS', () => {
  it('says nothing to plain HTTP, nor to who has no certificate, and tells the log why', async () => {
    await open('required');
    expect(await plain(CLOSING)).toBe('');
    const anybody = createHttpClient({ tls: { verify: false } });
    await expect(anybody.request({ method: 'GET', url: url('https') })).rejects.toThrow();
    await anybody.close();
    expect(refusals[0]).toMatch(/does not speak TLS/);
    expect(refusals).toHaveLength(2);
  });

  it('says nothing to who has a certificate of another authority of the same name', async () => {
    await open('required');
    const stranger = new TlsSite();
    await stranger.start();
    const { current } = stranger.tls.identity;
    if (!current) throw new Error('no identity');
    const socket = connectTls({
      ...secureOptions(current),
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
    });
    let text = '';
    socket.on('data', (piece) => void (text += String(piece))).on('error', () => {});
    socket.write(CLOSING);
    await once(socket, 'close');
    await stranger.close();
    expect(text).toBe('');
    expect(refusals).toEqual([expect.stringMatching(/certificate is not good/)]);
  });

  it('goes on with connections that are open while its identity changes; new ones see the new', async () => {
    await open('required');
    const joined = await site.joined(await site.token());
    const shown = async (): Promise<string> => {
      const { current } = joined;
      if (!current) throw new Error('no identity');
      const socket = connectTls({
        ...secureOptions(current),
        host: '127.0.0.1',
        port,
        checkServerIdentity: () => undefined,
      });
      await once(socket, 'secureConnect');
      const { serialNumber } = socket.getPeerCertificate();
      socket.destroy();
      return serialNumber;
    };
    const { current } = joined;
    if (!current) throw new Error('no identity');
    const open1 = connectTls({
      ...secureOptions(current),
      host: '127.0.0.1',
      port,
      checkServerIdentity: () => undefined,
    });
    await once(open1, 'secureConnect');
    const first = await shown();
    const renewed = new Promise<void>((resolve) => site.tls.identity.onChange(() => resolve()));
    const { authority } = site.auth;
    await authority.prepare('test');
    await renewed;
    await authority.activate('test', true);
    const tainted = new Promise<void>((resolve) => {
      site.tls.identity.onChange(
        ({ svid }) => svid.certificateChain !== joined.current?.svid.certificateChain && resolve(),
      );
    });
    await authority.taint('test');
    await tainted;
    open1.write(CLOSING);
    let text = '';
    for await (const piece of open1) text += String(piece);
    expect(text).toMatch(/200 OK/);
    const stop = Date.now() + 20_000;
    let next = await shown();
    while (next === first && Date.now() < stop) {
      await new Promise(setImmediate);
      next = await shown();
    }
    expect(next).not.toBe(first);
  });

  it('makes the id of the certificate the subject of a request', async () => {
    await site.start();
    api = createApi();
    guard(
      api,
      {
        authenticator: {
          authenticate: async ({ spiffeId = '' }) => ({
            kind: 'subject',
            subject: { kind: 'workload', name: spiffeId, groups: [] },
          }),
        },
        authorizer: {
          decide: ({ subject }) => ({ allowed: subject.name.endsWith('/agent/good'), rule: 'r', version: 1 }),
        },
      },
      {
        open: () => false,
        asks: () => ({ action: 'x', object: '' }),
        refuse: (_request, reply, { status }) => reply.code(status).send(''),
      },
    );
    api.get('/who', async () => 'in');
    port = await listen(api, '127.0.0.1', 0, undefined, site);
    for (const [name, status] of [
      ['good', 200],
      ['bad', 403],
    ] as const) {
      const { tls } = await site.joined(await site.token({ name }), name);
      const answer = await site.client(tls).request({ method: 'GET', url: url() });
      await answer.text();
      expect([name, answer.status]).toEqual([name, status]);
    }
  });

  it('is no master to a client when it is somebody else with a good certificate', async () => {
    await site.start();
    const [one, other] = [
      await site.joined(await site.token({ name: 'one' }), 'one'),
      await site.joined(await site.token({ name: 'two' }), 'two'),
    ];
    api = createApi();
    api.get('/who', async () => 'in');
    port = await listen(api, '127.0.0.1', 0, undefined, one);
    await expect(site.client(other.tls).request({ method: 'GET', url: url() })).rejects.toThrow(
      /which was not asked for/,
    );
  });

  it('lets nobody in before it has an identity, and everybody who may from then on', async () => {
    await site.start();
    const { tls } = await site.joined(await site.token({ name: 'a1' }));
    const tell: ((next: IdentityContext) => void)[] = [];
    const identity = {
      current: undefined as IdentityContext | undefined,
      onChange: (listener: (next: IdentityContext) => void) => {
        tell.push(listener);
        return () => {};
      },
    };
    api = createApi();
    api.get('/who', async (req) => ({ id: peerIdOf(req) ?? 'nobody' }));
    const refused = (_address: string, why: string): void => void refusals.push(why);
    port = await listen(api, '127.0.0.1', 0, undefined, { tls: { ...site.tls, identity, refused } });
    const ask = async (): Promise<string> =>
      (await site.client(tls).request({ method: 'GET', url: url() })).text();
    await expect(ask()).rejects.toThrow();
    expect(await plain(CLOSING)).toBe('');
    expect(refusals).toEqual([
      'this process has no identity yet',
      'it does not speak TLS, which auth.tls requires',
    ]);
    const { current } = site.tls.identity;
    if (!current) throw new Error('the authority has none');
    identity.current = current;
    for (const told of tell) told(current);
    expect(await ask()).toMatch('spiffe://test.local/agent/a1');
  });

  it('closes at once, with connections that never said anything', async () => {
    await open('required');
    const silent = connect({ host: '127.0.0.1', port });
    await once(silent, 'connect');
    const gone = once(silent.resume(), 'close');
    await api.close();
    await gone;
    expect(silent.destroyed).toBe(true);
  });
});
