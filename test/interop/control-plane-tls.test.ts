import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { JoinedIdentity } from '../../src/auth/join/index.ts';
import { joinConfigSchema } from '../../src/auth/join/config.ts';
import { Health } from '../../src/core/health.ts';
import { createHttpClient } from '../../src/core/http/client.ts';
import type { HttpClient } from '../../src/core/http/client.ts';
import { towardsMaster } from '../../src/core/http/mutual-tls.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { FakeAuthority } from '../../src/lb/testing/fake-authority.ts';
import { httpApp } from '../support/marathon.ts';
import { has } from '../support/peers.ts';
import { TlsCluster } from '../support/tls-cluster.ts';

// The surface of the control plane where TLS is required, judged by raw sockets, openssl, sslscan, testssl.sh and tcpdump.

/** What a program says on both outputs, however it ends. `input` goes in at once; `ends` says whether that is all. */
function run(program: string, arguments_: readonly string[], input = '', ends = true): Promise<string> {
  return new Promise((resolve) => {
    const options = { timeout: 300_000, maxBuffer: 16 << 20 };
    const child = execFile(program, arguments_, options, (_error, out, err) => resolve(out + err));
    child.stdin?.on('error', () => {}).write(input);
    if (ends) child.stdin?.end();
  });
}

const PORTS = ['master', 'agent', 'marathon', 'dnsHttp', 'admin', 'auth'] as const;
/** Here routes for everybody are behind the same port: who has no certificate is refused by route. */
const PUBLIC = 'auth';

describe('every port of the control plane, where TLS is required', () => {
  let cluster: TlsCluster;
  const at = (name: string): string => String(cluster.ports.get(name));

  beforeAll(async () => {
    cluster = await TlsCluster.start();
  }, 180_000);
  afterAll(() => cluster?.close());

  it.each(PORTS)('%s answers plain bytes with none', async (name) => {
    for (const bytes of [
      'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
      '\r\n',
      '\0\0\0\0',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    ]) {
      const socket = connect({ host: '127.0.0.1', port: Number(at(name)) });
      const got: Buffer[] = [];
      socket.on('data', (piece: Buffer) => void got.push(piece)).on('error', () => {});
      socket.write(bytes);
      await once(socket, 'close');
      expect(Buffer.concat(got).toString()).toBe('');
    }
  });

  it.each(PORTS)('%s lets in who has a certificate of ours, and nobody else', async (name) => {
    const port = Number(at(name));
    const ask = (cert?: { certificateChain: string; privateKey: string }): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({
          host: '127.0.0.1',
          port,
          rejectUnauthorized: false,
          ...(cert ? { cert: cert.certificateChain, key: cert.privateKey } : {}),
        });
        let text = '';
        socket.on('data', (piece) => void (text += String(piece)));
        socket.on('error', () => {}).on('close', () => resolve(text.split('\r\n', 1)[0] ?? ''));
        socket.write('GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      });
    const pem = readFileSync(cluster.operator, 'utf8');
    expect(await ask({ certificateChain: pem, privateKey: pem })).toMatch(/^HTTP\/1.1 404/);
    expect(await ask()).toBe(name === PUBLIC ? 'HTTP/1.1 403 Forbidden' : '');
    const stranger = new FakeAuthority(systemClock).issue(['spiffe://rimrock.local/operator']);
    expect(await ask(stranger)).toBe('');
  });

  it.skipIf(!has('openssl')).each(PORTS)(
    '%s speaks TLS 1.2 and 1.3, and does not renegotiate',
    async (name) => {
      const client = (version: string, input = 'Q\n', ends = true): Promise<string> =>
        run(
          'openssl',
          ['s_client', '-connect', `127.0.0.1:${at(name)}`, version, '-cipher', 'ALL@SECLEVEL=0'].concat([
            '-cert',
            cluster.operator,
            '-key',
            cluster.operator,
            '-CAfile',
            cluster.bundle,
            '-cert_chain',
            cluster.operator,
          ]),
          input,
          ends,
        );
      for (const version of ['-tls1', '-tls1_1'])
        expect(await client(version), version).toMatch(
          /alert protocol version|no protocols available|Cipher is \(NONE\)/,
        );
      for (const version of ['-tls1_2', '-tls1_3']) {
        const said = await client(version);
        expect(said).toMatch(/Verify return code: 0 \(ok\)/);
        expect(said).toMatch(/Cipher is (ECDHE-ECDSA|TLS)_?/);
        expect(said).toMatch(/No client certificate CA names sent|Acceptable client certificate CA names/);
      }
      expect(await client('-tls1_2', 'R\n', false)).toMatch(/RENEGOTIATING[^]*no renegotiation/);
    },
  );

  it.skipIf(!has('sslscan'))('sslscan finds no old protocol and no weak cipher', async () => {
    const said = await Promise.all(
      PORTS.map((name) => run('sslscan', ['--no-colour', `127.0.0.1:${at(name)}`])),
    );
    for (const text of said) {
      for (const old of ['SSLv2', 'SSLv3', 'TLSv1.0', 'TLSv1.1'])
        expect(text).toMatch(new RegExp(`^${old.replace('.', '\\.')} +disabled`, 'm'));
      expect(text).toMatch(/^TLSv1.2 +enabled/m);
      expect(text).toMatch(/^TLSv1.3 +enabled/m);
      expect(text).toMatch(/not vulnerable to heartbleed/);
      expect(text).not.toMatch(/RC4|3DES|-CBC|-SHA +|NULL|Insecure session renegotiation supported/);
    }
  });

  it.skipIf(!has('testssl'))(
    'testssl.sh finds nothing worse than low',
    async () => {
      const file = join(cluster.site.data, 'testssl.json');
      const parts = [
        '--protocols',
        '--renegotiation',
        '--heartbleed',
        '--ccs-injection',
        '--crime',
        '--sweet32',
      ];
      await run(
        'testssl',
        ['--quiet', '--color', '0', '--warnings', 'off', '--jsonfile', file].concat([
          ...parts,
          `127.0.0.1:${at('master')}`,
        ]),
      );
      const found = JSON.parse(readFileSync(file, 'utf8')) as {
        id: string;
        severity: string;
        finding: string;
      }[];
      const of = (id: string): string => found.find((f) => f.id === id)?.severity ?? 'not looked at';
      for (const id of ['SSLv2', 'SSLv3', 'TLS1', 'TLS1_1', 'TLS1_2', 'TLS1_3'])
        expect(of(id), id).toMatch(/^(OK|INFO)$/);
      // Whether it sees in time that a certificate is asked for decides which of the two it says; that no port renegotiates is shown above.
      const renego = found.find((f) => f.id === 'secure_client_renego');
      const cannot = 'client x509-based authentication prevents this from being tested';
      if (renego?.finding !== cannot) expect(renego?.severity).toMatch(/^(OK|INFO)$/);
      expect(found.filter(({ severity }) => /^(MEDIUM|HIGH|CRITICAL)$/.test(severity))).toEqual([]);
    },
    320_000,
  );

  it.skipIf(!has('tcpdump') || process.getuid?.() !== 0)(
    'nothing that goes over the wire can be read',
    async () => {
      const file = join(cluster.site.data, 'wire.pcap');
      const filter = PORTS.map((name) => `port ${at(name)}`).join(' or ');
      const dump = spawn(
        'tcpdump',
        ['-i', 'lo', '-U', '--immediate-mode', '-s', '0', '-w', file, '-Z', 'root', filter],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      try {
        await once(dump.stderr, 'data'); // listening
        const { marathon } = cluster.site.ports;
        const app = httpApp('quite-secret-name', { instances: 1 });
        const created = await cluster.ask(marathon, '/v2/apps', { method: 'POST', body: app });
        expect(created.status, created.text).toBe(201);
        for (const name of PORTS) await cluster.ask(Number(at(name)), '/health');
      } finally {
        dump.kill('SIGINT');
        await once(dump, 'exit');
      }
      const wire = readFileSync(file).toString('latin1');
      expect(wire.length).toBeGreaterThan(10_000);
      expect(wire).not.toMatch(/HTTP\/1\.|quite-secret-name|Mesos-Stream-Id|content-type/i);
    },
  );

  it('a request that has no certificate cannot be smuggled in behind one that needs none', async () => {
    const socket = connectTls({ host: '127.0.0.1', port: Number(at('auth')), rejectUnauthorized: false });
    let text = '';
    socket.on('data', (piece) => void (text += String(piece)));
    socket.write('GET /ca/v1/bundle HTTP/1.1\r\nHost: x\r\n\r\n');
    socket.write('GET /ca/v1/state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    expect(text.match(/^HTTP\/1\.1 \d+/gm)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 403']);
  });

  describe('an agent that has a certificate of its own', () => {
    const NAME = 'spiffe://rimrock.local/agent/other';
    let other: JoinedIdentity;
    let client: HttpClient;
    const streams = new AbortController();

    beforeAll(async () => {
      const url = `https://127.0.0.1:${cluster.site.ports.auth}`;
      const parts = { clock: systemClock, random: systemRandom, log: silentLogger, health: new Health() };
      other = new JoinedIdentity({
        ...parts,
        config: joinConfigSchema.parse({ url, token: await cluster.token('agent', 'other') }),
        mode: 'required',
        trustDomain: 'rimrock.local',
        role: 'agent',
        folder: join(cluster.site.data, 'other-agent'),
      });
      await other.start();
      client = createHttpClient(towardsMaster(other.tls));
    }, 60_000);
    afterAll(async () => {
      streams.abort();
      await client?.close();
      await other?.stop();
    });

    const say = (body: object, streamId = '') =>
      client.request({
        method: 'POST',
        url: `https://127.0.0.1:${at('master')}/api/v1/agent`,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          ...(streamId === '' ? {} : { 'mesos-stream-id': streamId }),
        },
        body: JSON.stringify(body),
        signal: streams.signal,
      });
    /** Of an agent that lies where nobody is asked whether it lives. */
    const subscribe = (id?: string) =>
      say({
        type: 'SUBSCRIBE',
        subscribe: {
          agent_info: {
            hostname: 'other.example.test',
            port: 1,
            resources: [],
            attributes: [],
            ...(id === undefined ? {} : { id: { value: id } }),
          },
          address: { ip: '127.0.0.1', port: 1 },
          version: '1.11.0',
          capabilities: [],
          frameworks: [],
          tasks: [],
        },
      });
    const agents = async (): Promise<{ id: string; hostname: string; active: boolean }[]> => {
      const { text } = await cluster.ask(Number(at('master')), '/slaves');
      return (JSON.parse(text) as { slaves: { id: string; hostname: string; active: boolean }[] }).slaves;
    };

    it('is itself, and neither registers nor speaks as another that has one', async () => {
      const [victim] = await agents();
      const own = await subscribe();
      const streamId = own.headers['mesos-stream-id'] as string;
      expect([own.status, typeof streamId]).toEqual([200, 'string']);
      const mine = (await agents()).find(({ hostname }) => hostname === 'other.example.test');
      const refusal = `Agent ${victim?.id} belongs to the certificate that registered it; this one is of ${NAME}`;

      const taken = await subscribe(victim?.id);
      expect([taken.status, await taken.text()]).toEqual([403, refusal]);
      for (const call of [
        { type: 'UNREGISTER' },
        {
          type: 'EXITED_EXECUTOR',
          exited_executor: { framework_id: { value: 'f' }, executor_id: { value: 'e' }, status: 0 },
        },
        { type: 'MESSAGE', message: { framework_id: { value: 'f' }, executor_id: { value: 'e' }, data: '' } },
      ]) {
        const spoken = await say({ ...call, agent_id: { value: victim?.id } }, streamId);
        expect([call.type, spoken.status, await spoken.text()]).toEqual([call.type, 403, refusal]);
      }
      expect((await agents()).find(({ id }) => id === victim?.id)).toMatchObject({ active: true });
      expect(cluster.running.get('master')?.output()).toContain('agent id of another: refused');

      const left = await say({ type: 'UNREGISTER', agent_id: { value: mine?.id } }, streamId);
      expect(left.status).toBe(202);
    });
  });
});
