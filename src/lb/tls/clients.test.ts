import { X509Certificate, createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as http2Connect } from 'node:http2';
import { request } from 'node:https';
import { connect as tcpConnect } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { FakeIdentity, TRUST_DOMAIN } from '../testing/fake-identity.ts';
import { WrittenLines } from '../testing/lb-harness.ts';
import { ENGINES, startOrigin, startThreaded } from '../testing/threaded.ts';

const authority = new FakeAuthority(systemClock);
const partners = new FakeAuthority(systemClock);
const HOSTS = ['open.test', 'must.test', 'may.test', 'partner.test', 'mixed.test', 'new.test'];
const ID = `spiffe://${TRUST_DOMAIN}/marathon/caller`;

const pair = ({ certificateChain: cert, privateKey: key }: ReturnType<FakeAuthority['issue']>) => ({
  cert,
  key,
});
const ME = pair(authority.issue([ID, 'caller.test']));
const PARTNER = pair(partners.issue(['spiffe://partner.test/x']));
const NAMELESS = pair(authority.issue(['caller.test']));

type Shown = Pick<ConnectionOptions, 'cert' | 'key' | 'maxVersion'>;

describe.each(ENGINES)('certificates of clients, the %s engine', (engine) => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(limits: object = {}) {
    const origin = await startOrigin((req, res) => {
      const told = req.rawHeaders.flatMap((name, i) =>
        i % 2 === 0 && /^x.forwarded.client.cert$/i.test(name) ? [req.rawHeaders[i + 1]] : [],
      );
      res.end(JSON.stringify(told));
    });
    cleanup.push(origin.stop);
    const identity = new FakeIdentity(authority);
    identity.issue('edge');
    const access = new WrittenLines();
    const own = authority.issue(HOSTS);
    const config = {
      https: { port: 0 },
      engine,
      limits,
      trustedProxies: ['127.0.0.1'],
      accessLog: { sample: 1 },
      tls: { certificates: [{ certificate: '/own.pem' }], authorities: { partners: '/partners.pem' } },
    };
    const {
      lb,
      serve,
      securePort: port,
    } = await startThreaded(config, {
      identity,
      certificateFiles: {
        read: async (path) =>
          path === '/partners.pem' ? partners.root : own.certificateChain + own.privateKey,
        list: async () => [],
      },
      openLogFile: async () => access,
    });
    cleanup.push(() => lb.stop());
    const rules: Record<string, Record<string, string>> = {
      open: { host: 'open.test' },
      must: { host: 'must.test', 'tls.clientAuth': 'require' },
      may: { host: 'may.test', 'tls.clientAuth': 'request' },
      partner: { host: 'partner.test', 'tls.clientAuth': 'require', 'tls.clientCa': 'partners' },
      mixed: { host: 'mixed.test' },
      inner: { host: 'mixed.test', pathPrefix: '/inner', 'tls.clientAuth': 'require' },
      new: { host: 'new.test', 'tls.minVersion': '1.3' },
      late: { host: 'open.test', pathPrefix: '/new', 'tls.minVersion': '1.3' },
    };
    const labels = Object.entries(rules).flatMap(([rule, options]) =>
      Object.entries(options).map(([option, value]) => [`rimrock.http.${rule}.${option}`, value] as const),
    );
    await serve(service({ name: 'a', labels: new Map(labels), instances: [instance(origin.port)] }));
    /** What a request comes to: status and reason, or what the instance was told of the certificate, or that there was no TLS. */
    const ask = async (
      name: string,
      shown: Shown = {},
      host = name,
      path = '/',
      headers = {},
    ): Promise<string> => {
      const sent = request({
        port,
        host: '127.0.0.1',
        servername: name,
        path,
        headers: { host, ...headers },
        ca: authority.root,
        agent: false,
        ...shown,
      });
      sent.end();
      return new Promise((resolve) => {
        sent.on('error', () => resolve('no TLS'));
        sent.on('response', (response) => {
          let text = '';
          response.on('data', (part) => (text += String(part)));
          response.on('end', () =>
            resolve(
              response.statusCode === 200
                ? text
                : `${response.statusCode} ${String(response.headers['x-rimrock-reason'])}`,
            ),
          );
        });
      });
    };
    return { lb, port, ask, access, identity };
  }

  it('asks for them as the rules of the host say, and takes whom it should', async () => {
    const { ask } = await start();
    expect(await ask('open.test', ME)).toBe('[]');
    expect(await ask('must.test')).toBe('no TLS');
    expect(await ask('must.test', ME)).toMatch(/URI=/);
    expect(await ask('must.test', PARTNER)).toBe('no TLS');
    expect(await ask('must.test', NAMELESS)).toBe('no TLS');
    expect(await ask('may.test')).toBe('[]');
    expect(await ask('may.test', ME)).toMatch(/URI=/);
    expect(await ask('may.test', PARTNER)).toBe('no TLS');
    expect(await ask('partner.test', PARTNER)).toMatch(/URI=spiffe:\/\/partner.test\/x/);
    expect(await ask('partner.test', ME)).toBe('no TLS');
    expect(await ask('mixed.test')).toBe('[]');
    expect(await ask('mixed.test', {}, 'mixed.test', '/inner')).toBe('403 client-certificate-required');
    expect(await ask('mixed.test', ME, 'mixed.test', '/inner')).toMatch(/URI=/);
  });

  it('a connection for another host is no way around, over HTTP/1.1 and HTTP/2', async () => {
    const { ask, port } = await start();
    expect(await ask('open.test', ME, 'must.test')).toBe('421 misdirected');
    expect(await ask('open.test', {}, 'may.test')).toBe('421 misdirected');
    expect(await ask('partner.test', PARTNER, 'must.test')).toBe('421 misdirected');
    // Who was asked by the same authority need not come again.
    expect(await ask('may.test', ME, 'must.test')).toMatch(/URI=/);
    expect(await ask('may.test', {}, 'must.test')).toBe('403 client-certificate-required');
    const session = http2Connect(`https://127.0.0.1:${port}`, {
      servername: 'open.test',
      ca: authority.root,
    });
    cleanup.push(() => session.destroy());
    const stream = session.request({ ':path': '/', ':authority': 'must.test' });
    const [head] = (await once(stream, 'response')) as [{ ':status': number }];
    expect(head[':status']).toBe(421);
    stream.resume();
    const good = session.request({ ':path': '/', ':authority': 'open.test' });
    const [fine] = (await once(good, 'response')) as [{ ':status': number }];
    expect(fine[':status']).toBe(200);
    good.resume();
  });

  it('instances are told of the certificate by us alone, and the log has the id', async () => {
    const { ask, access } = await start();
    const hash = createHash('sha256').update(new X509Certificate(ME.cert).raw).digest('hex');
    const told = `By=spiffe://${TRUST_DOMAIN}/edge;Hash=${hash};Subject="CN=${ID}";URI=${ID};DNS=caller.test`;
    const lies = { 'x-forwarded-client-cert': 'URI=spiffe://evil', 'x-forwarded-for': '10.0.0.1' };
    expect(JSON.parse(await ask('must.test', ME, 'must.test', '/', lies))).toEqual([told]);
    expect(await ask('open.test', {}, 'open.test', '/', lies)).toBe('[]');
    expect(await ask('open.test', {}, 'open.test', '/', { X_Forwarded_Client_Cert: 'x' })).toBe(
      '400 alias-field',
    );
    expect(await ask('partner.test', PARTNER)).toMatch(/^\["By=/);
    const lines = await access.until(({ host }) => host === 'partner.test');
    expect(lines.map(({ host, peer }) => [host, peer])).toEqual([
      ['must.test', ID],
      ['open.test', undefined],
      [undefined, undefined],
      // An id of somebody else's domain is none that we vouch for.
      ['partner.test', undefined],
    ]);
  });

  it('the oldest version is as the rules say: in the handshake if all do, else by request', async () => {
    const { ask } = await start();
    const old = { maxVersion: 'TLSv1.2' } as const;
    expect(await ask('new.test')).toBe('[]');
    expect(await ask('new.test', old)).toBe('no TLS');
    expect(await ask('open.test', old)).toBe('[]');
    expect(await ask('open.test', old, 'open.test', '/new')).toBe('403 tls-version-refused');
    expect(await ask('open.test', old, 'new.test')).toBe('421 misdirected');
    expect(await ask('open.test', {}, 'open.test', '/new')).toBe('[]');
  });

  it('whom it believes changes with its identity; who is connected stays', async () => {
    const { ask, port, identity } = await start();
    const open = connect({ port, host: '127.0.0.1', servername: 'must.test', ca: authority.root, ...ME });
    await once(open, 'secureConnect');
    cleanup.push(() => open.destroy());
    identity.issue('edge', [partners.root]);
    while ((await ask('must.test', ME)) !== 'no TLS');
    open.write('GET / HTTP/1.1\r\nHost: must.test\r\n\r\n');
    expect(String(((await once(open, 'data')) as [Buffer])[0])).toMatch(/^HTTP\/1.1 200 /);
    identity.issue('edge', [partners.root, authority.root]);
    while (!(await ask('must.test', ME)).includes('URI='));
  });

  it('handshakes count as connections from the first moment, and no longer than they last', async () => {
    const { ask, port } = await start({ connectionsPerClient: 3 });
    const waiting = Array.from({ length: 3 }, () => tcpConnect({ port, host: '127.0.0.1' }));
    for (const socket of waiting) cleanup.push(() => socket.destroy());
    await Promise.all(waiting.map((socket) => once(socket, 'connect')));
    while ((await ask('open.test')) !== 'no TLS');
    waiting[0]?.destroy();
    while ((await ask('open.test')) !== '[]');
    // Whatever became of them, each was given back once.
    for (let i = 0; i < 10; i++) await ask('must.test');
    expect(await ask('open.test')).toBe('[]');
    for (const socket of waiting) socket.destroy();
    const three = Array.from({ length: 3 }, () =>
      connect({ port, host: '127.0.0.1', servername: 'open.test', ca: authority.root }),
    );
    for (const socket of three) cleanup.push(() => socket.destroy());
    await Promise.all(three.map((socket) => once(socket, 'secureConnect')));
    expect(await ask('open.test')).toBe('no TLS');
  });
});
