import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { FakeAuthority } from '../../src/lb/testing/fake-authority.ts';
import { instance, service } from '../../src/lb/testing/fake-catalog.ts';
import { FakeIdentity, TRUST_DOMAIN } from '../../src/lb/testing/fake-identity.ts';
import { ENGINES, startThreaded } from '../../src/lb/testing/threaded.ts';
import { freePorts } from '../support/free-ports.ts';
import { has } from '../support/peers.ts';

// Certificates on both sides, with curl before us and `openssl s_server` behind us.

const CALLER = `spiffe://${TRUST_DOMAIN}/marathon/caller`;
const WEB = `spiffe://${TRUST_DOMAIN}/marathon/web`;

/** What a program says on both outputs, however it ends. */
function run(program: string, arguments_: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const child = execFile(program, arguments_, { timeout: 20_000 }, (_error, out, err) =>
      resolve(out + err),
    );
    child.stdin?.end();
  });
}

describe.skipIf(!has('curl') || !has('openssl')).each(ENGINES)(
  'mutual TLS, %s engine (curl, openssl)',
  (engine) => {
    const home = mkdtempSync(join(tmpdir(), 'rimrock-mutual-'));
    const at = (name: string): string => join(home, name);
    const authority = new FakeAuthority(systemClock);
    const cleanup: (() => unknown)[] = [];
    let port: string;

    const put = (name: string, by: FakeAuthority, names: readonly string[]): void => {
      const { certificateChain, privateKey } = by.issue(names);
      writeFileSync(at(`${name}.pem`), certificateChain + privateKey);
    };

    beforeAll(async () => {
      const stranger = new FakeAuthority(systemClock);
      writeFileSync(at('ca.pem'), authority.root);
      put('edge', authority, ['open.test', 'must.test', 'web.test']);
      put('caller', authority, [CALLER]);
      put('evil', stranger, [CALLER]);
      put('web', authority, [WEB]);
      const origin = createServer((req, res) => {
        if (req.url === '/early') return void res.writeHead(413, { connection: 'close' }).end('too much');
        req.resume().on('end', () => res.end(String(req.headers['x-forwarded-client-cert'])));
      }).listen(0, '127.0.0.1');
      await once(origin, 'listening');
      cleanup.push(() => (origin.closeAllConnections(), origin.close()));
      const [webPort = 0] = await freePorts(1);
      const sServer = spawn(
        'openssl',
        ['s_server', '-accept', `127.0.0.1:${webPort}`, '-cert', at('web.pem'), '-key', at('web.pem')].concat(
          ['-CAfile', at('ca.pem'), '-Verify', '1', '-verify_return_error', '-www'],
        ),
        { stdio: ['ignore', 'pipe', 'pipe'] },
      );
      cleanup.push(() => sServer.kill());
      await once(sServer.stdout, 'data'); // ACCEPT
      const identity = new FakeIdentity(authority);
      identity.issue('edge');
      const tls = { certificates: [{ certificate: at('edge.pem') }] };
      const { lb, serve, securePort } = await startThreaded(
        { https: { port: 0 }, engine, tls },
        { identity },
      );
      cleanup.push(() => lb.stop());
      await serve(
        service({
          name: 'plain',
          labels: new Map([
            ['rimrock.http.open.host', 'open.test'],
            ['rimrock.http.must.host', 'must.test'],
            ['rimrock.http.must.tls.clientAuth', 'require'],
          ]),
          instances: [instance((origin.address() as AddressInfo).port)],
        }),
        service({
          name: 'web',
          labels: new Map([
            ['rimrock.http.web.host', 'web.test'],
            ['rimrock.http.web.upstream.tls', 'mutual'],
            ['rimrock.http.web.upstream.tls.spiffeId', WEB],
          ]),
          instances: [instance(webPort)],
        }),
      );
      port = String(securePort);
    });
    afterAll(async () => {
      for (const f of cleanup.splice(0).reverse()) await f();
      rmSync(home, { recursive: true });
    });

    const curl = (name: string, path: string, ...more: string[]): Promise<string> =>
      run(
        'curl',
        ['-sS', '--cacert', at('ca.pem'), '--resolve', `${name}:${port}:127.0.0.1`, ...more].concat(
          `https://${name}:${port}${path}`,
        ),
      );

    it('curl is asked for a certificate where a route says so', async () => {
      // The first of all: while the instance is being connected to, the client's socket has not taken all of the handshake yet.
      expect(await curl('open.test', '/', '--http2', '-m', '10')).toBe('undefined');
      for (const version of ['--http1.1', '--http2']) {
        expect(await curl('must.test', '/', version, '--cert', at('caller.pem'))).toMatch(`URI=${CALLER}`);
        expect(await curl('must.test', '/', version)).toMatch(/curl: \((?:35|55|56)\)|alert|SSL/);
        expect(await curl('must.test', '/', version, '--cert', at('evil.pem'))).toMatch(/curl: \(|alert|SSL/);
      }
    });

    it('openssl s_server takes our identity, and we its', async () => {
      const said = await curl('web.test', '/', '--http1.1');
      expect(said).toMatch(/Secure Renegotiation|SSL-Session/);
      // Its page tells of the certificate that the client has shown.
      expect(said).toMatch(/Client certificate[^]*spiffe:\/\/mesos\.test\/edge/);
    });

    it('an early answer to an upload that nobody reads arrives, and no reset with it', async () => {
      for (const path of ['/early', '/early?chunked']) {
        for (let i = 0; i < 5; i++) {
          const size = 5_000_000;
          const sent = request({
            port,
            host: '127.0.0.1',
            servername: 'open.test',
            method: 'POST',
            path: path.slice(0, '/early'.length),
            headers: { host: 'open.test', ...(path.includes('?') ? {} : { 'content-length': size }) },
            ca: authority.root,
            agent: false,
          });
          sent.end(Buffer.alloc(size));
          const [response] = (await once(sent, 'response')) as [
            NodeJS.ReadableStream & { statusCode: number },
          ];
          let text = '';
          for await (const part of response) text += String(part);
          expect([response.statusCode, text]).toEqual([413, 'too much']);
        }
      }
    });
  },
);
