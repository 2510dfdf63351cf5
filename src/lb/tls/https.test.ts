import { once } from 'node:events';
import { request } from 'node:https';
import { connect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { LoadBalancer } from '../index.ts';
import { FakeAuthority } from '../testing/fake-authority.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { ENGINES, startOrigin, startThreaded } from '../testing/threaded.ts';

const authority = new FakeAuthority(systemClock);

/** Files of a certificate for these names. */
function files(name: string, names: readonly string[]): Record<string, string> {
  const { certificateChain, privateKey } = authority.issue(names);
  return { [`${name}.crt`]: certificateChain, [`${name}.key`]: privateKey };
}

describe.each(ENGINES)('HTTPS in threads, the %s engine', (engine) => {
  const cleanup: (() => unknown)[] = [];
  afterEach(async () => {
    for (const f of cleanup.splice(0).reverse()) await f();
  });

  async function start(
    disk: Map<string, string>,
    tls: Readonly<Record<string, unknown>>,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<{ lb: LoadBalancer; port: number; admin: string }> {
    const origin = await startOrigin((req, res) => {
      req.resume();
      res.setHeader(
        'x-origin-saw',
        [req.headers['x-forwarded-proto'], req.headers['x-forwarded-port']].join(' '),
      );
      req.on('end', () => res.end(`${req.method} ${req.url}`));
    });
    cleanup.push(origin.stop);
    const config = { https: { port: 0 }, workers: engine === 'linux' ? 2 : 1, engine };
    const started = await startThreaded(
      { ...config, tls: { reloadMs: 20, ...tls } },
      {
        certificateFiles: {
          read: async (path) => {
            const text = disk.get(path);
            if (text === undefined) throw new Error(`ENOENT: no ${path}`);
            return text;
          },
          list: async () => [...disk.keys()],
        },
      },
    );
    cleanup.push(() => started.lb.stop());
    await started.serve(
      service({
        name: 'a',
        labels: new Map([
          ['HAPROXY_GROUP', 'external'],
          ['HAPROXY_0_VHOST', 'a.test,b.test'],
          ...Object.entries(labels),
        ]),
        instances: [instance(origin.port)],
      }),
    );
    return { lb: started.lb, port: started.securePort, admin: started.admin };
  }

  const shown = async (port: number, servername: string): Promise<string> => {
    const socket = connect({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return String(name);
  };

  it('serves requests, and tells instances of it', async () => {
    const disk = new Map(Object.entries(files('a', ['a.test'])));
    const { port } = await start(disk, { directory: '/certificates' });
    for (const body of ['', 'x'.repeat(200_000)]) {
      const sent = request({
        port,
        host: '127.0.0.1',
        servername: 'a.test',
        method: 'POST',
        path: '/path',
        headers: { host: 'a.test' },
        ca: authority.root,
      });
      sent.end(body);
      const [response] = (await once(sent, 'response')) as [
        NodeJS.ReadableStream & { headers: Record<string, string>; statusCode: number },
      ];
      let text = '';
      for await (const chunk of response) text += String(chunk);
      expect([response.statusCode, text, response.headers['x-origin-saw']]).toEqual([
        200,
        'POST /path',
        `https ${port}`,
      ]);
    }
  });

  it('shows each name its certificate, takes new ones in, and keeps the last good one', async () => {
    const disk = new Map(
      Object.entries({ ...files('a', ['a.test']), ...files('w', ['w.test', '*.w.test']) }),
    );
    const { port, admin } = await start(disk, { directory: '/certificates' });
    expect(await shown(port, 'a.test')).toBe('a.test');
    expect(await shown(port, 'x.w.test')).toBe('w.test');
    expect(await shown(port, 'unknown.test')).toBe('a.test'); // the first
    const open = connect({ port, host: '127.0.0.1', servername: 'a.test', ca: authority.root });
    await once(open, 'secureConnect');
    const next = authority.issue(['renewed.test', 'a.test']);
    disk.set('a.crt', next.certificateChain).set('a.key', next.privateKey).set('w.key', 'broken');
    for (const [name, text] of Object.entries(files('n', ['n.test']))) disk.set(name, text);
    while ((await shown(port, 'a.test')) !== 'renewed.test')
      await new Promise((resolve) => setImmediate(resolve));
    while ((await shown(port, 'n.test')) !== 'n.test') await new Promise((resolve) => setImmediate(resolve));
    expect(await shown(port, 'x.w.test')).toBe('w.test');
    const { rejected } = (await (await fetch(`${admin}/rejected`)).json()) as { rejected: unknown };
    expect(rejected).toEqual([
      {
        service: 'config',
        label: 'w.crt',
        reason: expect.stringMatching(/private key cannot be read/) as unknown,
      },
    ]);
    expect(await (await fetch(`${admin}/metrics`)).text()).toMatch(
      /rimrock_lb_certificate_expiry_seconds\{certificate="n.crt"\} 1\d{9}/,
    );
    // Who came before the change is served as before.
    open.write('GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of open) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1.1 200 /);
  });

  it('shows the certificate that a rule names; what is not there is told, and takes TLS from nobody else', async () => {
    const disk = new Map(Object.entries({ ...files('a', ['a.test']), ...files('n', ['n.test']) }));
    const { port, admin } = await start(
      disk,
      { directory: '/certificates' },
      {
        'rimrock.http.named.host': 'named.test',
        'rimrock.http.named.certificate': 'n.crt',
        'rimrock.http.lost.host': 'lost.test',
        'rimrock.http.lost.certificate': 'gone.crt',
        'rimrock.http.inner.host': 'a.test',
        'rimrock.http.inner.pathPrefix': '/inner',
        'rimrock.http.inner.certificate': 'gone.crt',
      },
    );
    expect(await shown(port, 'named.test')).toBe('n.test');
    await expect(shown(port, 'lost.test')).rejects.toThrow(/unrecognized name/i);
    expect(await shown(port, 'a.test')).toBe('a.test');
    const { rejected } = (await (await fetch(`${admin}/rejected`)).json()) as {
      rejected: readonly { readonly label: string; readonly reason: string }[];
    };
    expect(rejected.map(({ label }) => label).sort()).toEqual([
      'rimrock.http.inner.certificate',
      'rimrock.http.lost.certificate',
    ]);
    for (const { reason } of rejected) expect(reason).toMatch(/^there is no certificate 'gone.crt' here/);
  });

  it('has a certificate of its own for those who try it out, and refuses other names where told to', async () => {
    const { port } = await start(new Map(), {
      selfSigned: ['localhost', '127.0.0.1'],
      unknownNames: 'refuse',
    });
    expect(await shown(port, 'localhost')).toBe('localhost');
    await expect(shown(port, 'a.test')).rejects.toThrow(/unrecognized name/i);
  });

  it('goes on with a session in whichever thread', async () => {
    const { port } = await start(new Map(Object.entries(files('a', ['a.test']))), { directory: '/c' });
    let session: Buffer | undefined;
    const reused: boolean[] = [];
    for (let i = 0; i < 8; i++) {
      const socket = connect({
        port,
        host: '127.0.0.1',
        servername: 'a.test',
        ca: authority.root,
        ...(session ? { session } : {}),
      });
      const ticket = once(socket, 'session');
      await once(socket, 'secureConnect');
      reused.push(socket.isSessionReused());
      if (session === undefined) [session] = (await ticket) as [Buffer];
      socket.destroy();
    }
    expect(reused).toEqual([false, true, true, true, true, true, true, true]);
  });
});
