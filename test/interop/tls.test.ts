import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { LoadBalancer } from '../../src/lb/index.ts';
import { FakeAuthority } from '../../src/lb/testing/fake-authority.ts';
import { instance, service } from '../../src/lb/testing/fake-catalog.ts';
import { ENGINES, startThreaded } from '../../src/lb/testing/threaded.ts';
import { has } from '../support/peers.ts';

// HTTPS of the load balancer as clients see it that we did not write, and as those do who look for weaknesses.

const LONG = process.env['RIMROCK_HTTP_LONG'] !== undefined;

/** What a program says on both outputs, however it ends. */
function run(program: string, arguments_: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(
      program,
      arguments_,
      { timeout: 600_000, maxBuffer: 1 << 26 },
      (_error, out, err) => resolve(out + err),
    );
    child.stdin?.end(input);
  });
}

describe.each(ENGINES)('HTTPS, %s engine', (engine) => {
  const home = mkdtempSync(join(tmpdir(), 'rimrock-tls-'));
  const ca = join(home, 'ca.pem');
  const authority = new FakeAuthority(systemClock);
  const origin = createServer((req, res) =>
    res.end(`${req.httpVersion} ${String(req.headers['x-forwarded-proto'])}\n`),
  );
  let lb: LoadBalancer;
  let at: string;

  beforeAll(async () => {
    writeFileSync(ca, authority.root);
    const { certificateChain, privateKey } = authority.issue(['a.test', '*.w.test', '127.0.0.1']);
    writeFileSync(join(home, 'a.pem'), certificateChain + privateKey);
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    const tls = { certificates: [{ certificate: join(home, 'a.pem') }] };
    const started = await startThreaded({ https: { port: 0 }, engine, tls });
    lb = started.lb;
    const labels = new Map([
      ['HAPROXY_GROUP', 'external'],
      ['HAPROXY_0_VHOST', 'a.test,x.w.test'],
    ]);
    const { port } = origin.address() as AddressInfo;
    await started.serve(service({ name: 'a', labels, instances: [instance(port)] }));
    at = `127.0.0.1:${started.securePort}`;
  });
  afterAll(async () => {
    await lb.stop();
    origin.close();
    rmSync(home, { recursive: true });
  });

  it.skipIf(!has('curl'))('curl: both versions of TLS and of HTTP, verified', async () => {
    const port = at.split(':')[1] ?? '';
    for (const tls of ['--tls-max 1.2', '--tlsv1.3'])
      for (const [http, version] of [
        ['--http1.1', '1.1'],
        ['--http2', '2'],
      ] as const)
        for (const name of ['a.test', 'x.w.test']) {
          const said = await run('curl', [
            '-sS',
            ...tls.split(' '),
            http,
            '--cacert',
            ca,
            '--resolve',
            `${name}:${port}:127.0.0.1`,
            '-w',
            '%{http_version}',
            `https://${name}:${port}/`,
          ]);
          expect(said).toBe(`1.1 https\n${version}`);
        }
  });

  it.skipIf(!has('openssl'))(
    'openssl: sessions are resumed, old versions and renegotiation refused',
    async () => {
      const client = (...more: string[]): Promise<string> =>
        run('openssl', ['s_client', '-connect', at, '-servername', 'a.test', '-CAfile', ca, ...more], 'Q\n');
      expect(await client('-tls1_3', '-brief')).toMatch(/Verification: OK/);
      const again = await client('-tls1_2', '-reconnect');
      expect(again.match(/^New, /gm)?.length).toBe(1);
      expect(again.match(/^Reused, /gm)?.length).toBe(5);
      expect(await client('-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0')).toMatch(/alert protocol version/);
      const renegotiated = await run(
        'openssl',
        ['s_client', '-connect', at, '-tls1_2', '-servername', 'a.test'],
        'R\n',
      );
      expect(renegotiated).toMatch(/RENEGOTIATING[^]*(no renegotiation|error|errno)/i);
    },
  );

  it.skipIf(!has('gnutls-cli'))('gnutls: verified, resumed', async () => {
    const [host = '', port = ''] = at.split(':');
    const said = await run(
      'gnutls-cli',
      ['--x509cafile', ca, '--sni-hostname', 'a.test', '--verify-hostname', 'a.test', '-r', '-p', port, host],
      '',
    );
    expect(said).toMatch(/The certificate is trusted/);
    expect(said).toMatch(/This is a resumed session/);
  });

  it.skipIf(!has('sslscan'))('sslscan: nothing but TLS 1.2 and 1.3 with forward secrecy', async () => {
    const said = await run('sslscan', ['--no-colour', '--sni-name=a.test', at]);
    for (const old of ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1'])
      expect(said).toMatch(new RegExp(`^${old.replace('.', '\\.')} +disabled`, 'm'));
    expect(said).toMatch(/not vulnerable to heartbleed/);
    const accepted = [...said.matchAll(/^(?:Preferred|Accepted) +(\S+) +\d+ bits +(\S+)/gm)].map(
      (m) => `${m[1]} ${m[2]}`,
    );
    expect(accepted.length).toBeGreaterThan(4);
    for (const cipher of accepted) expect(cipher).toMatch(/^TLSv1\.3 TLS_|^TLSv1\.2 ECDHE-.*(GCM|POLY1305)/);
  });

  if (!LONG) return;
  // Takes minutes.
  it.skipIf(!has('testssl'))(
    'testssl.sh finds no weakness',
    async () => {
      const file = join(home, 'testssl.json');
      await run('testssl', [
        '--quiet',
        '--color',
        '0',
        '--warnings',
        'off',
        '-p',
        '-s',
        '-f',
        '-U',
        '--jsonfile',
        file,
        at,
      ]);
      const { readFileSync } = await import('node:fs');
      const found = JSON.parse(readFileSync(file, 'utf8')) as {
        id: string;
        severity: string;
        finding: string;
      }[];
      expect(found.length).toBeGreaterThan(20);
      expect(found.filter(({ severity }) => /MEDIUM|HIGH|CRITICAL/.test(severity))).toEqual([]);
    },
    900_000,
  );
});
