import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import type { NetConnectOpts } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { Marathon } from '../../support/marathon.ts';
import { Site } from '../../support/platform.ts';
import type { Running } from '../../support/platform.ts';
import { call } from '../../support/http.ts';
import { has } from '../../support/peers.ts';
import { canSeeProcesses, processesMarked } from '../../support/processes.ts';
import { root } from '../../support/root.ts';

// Two tasks speak mutual TLS with the files of their identities, while those and the authority's own certificate are replaced all the
// time. RIMROCK_AUTH_LONG: leaves of 60 s, an intermediate of 10 minutes, 100 handshakes a second for 20 minutes.

const LONG = process.env['RIMROCK_AUTH_LONG'] !== undefined;
const [LEAF, INTERMEDIATE, RATE, SECONDS] = LONG ? [60, 600, 100, 1_200] : [6, 14, 20, 15];
const ID = 'spiffe://rimrock.local/framework/marathon/task/';

const connects = (to: NetConnectOpts): Promise<boolean> =>
  new Promise((resolve) => {
    const connection = createConnection(to);
    connection.once('connect', () => (connection.destroy(), resolve(true)));
    connection.once('error', () => resolve(false));
  });

interface Tally {
  readonly handshakes: number;
  readonly failures: readonly string[];
  readonly certificates: number;
  readonly longPieces: number;
  readonly longCut: boolean;
  readonly me: string;
}

describe.skipIf(!canSeeProcesses)('identities of tasks (needs /proc)', () => {
  let site: Site;
  let platform: Running;
  let marathon: Marathon;

  const start = (): Promise<Running> =>
    site.start('up', {
      arguments: Object.entries({
        ...site.settings(),
        'auth.ca.leafSeconds': String(LEAF),
        'auth.ca.intermediateSeconds': String(INTERMEDIATE),
      }).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    });
  const app = (id: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
    id: `/${id}`,
    cmd: `exec ${process.execPath} ${join(root, 'test/support/mtls-task.mjs')} ${id}`,
    cpus: 0.1,
    mem: 128,
    ...more,
  });

  beforeAll(async () => {
    site = await Site.make();
    platform = await start();
    marathon = new Marathon(site.ports.marathon);
    await marathon.deploy('POST', '/apps', app('serve', { portDefinitions: [{ port: 0, name: 'https' }] }));
    await marathon.settled();
    const port = (await marathon.runningTasks('serve'))[0]?.ports[0];
    await eventually('the server to listen', () => connects({ host: '127.0.0.1', port: port ?? 0 }));
    const env = { SERVER_PORT: String(port), SERVER_ID: `${ID}serve`, RATE: String(RATE) };
    await marathon.deploy('POST', '/apps', app('call', { env, portDefinitions: [] }));
    await marathon.settled();
  });
  afterAll(() => site.close());

  const processOf = (id: string): { pid: number; environment: (name: string) => string } => {
    const found = processesMarked(site.data).find((p) => p.command.endsWith(`mtls-task.mjs ${id}`));
    const said = found?.environment ?? '';
    return {
      pid: found?.pid ?? 0,
      environment: (name) => new RegExp(`(?:^|\\0)${name}=([^\\0]*)`).exec(said)?.[1] ?? '',
    };
  };
  const tally = (): Tally => {
    const folder = processOf('call').environment('MESOS_SANDBOX');
    return JSON.parse(readFileSync(join(folder, 'tally.json'), 'utf8')) as Tally;
  };
  const intermediate = async (): Promise<string> => {
    const { json } = await call('GET', `http://127.0.0.1:${site.ports.auth}/ca/v1/state`);
    return (json as { active: { intermediate: { id: string } } }).active.intermediate.id;
  };

  it(
    'are renewed and rotated under handshakes, of which none fails',
    { timeout: (SECONDS + 120) * 1000 },
    async () => {
      await eventually('the first handshakes', () => tally().handshakes > 0, { timeoutMs: 30_000 });
      const first = await intermediate();
      const signers = new Set([first]);
      const end = performance.now() + SECONDS * 1000;
      while (performance.now() < end || signers.size < 3 || tally().certificates < 3) {
        await pause(500);
        signers.add(await intermediate());
      }
      const { failures, handshakes, certificates, longPieces, longCut, me } = tally();
      console.log(`${handshakes} handshakes, ${certificates} certificates, ${signers.size} intermediates`);
      expect([failures, longCut, me]).toEqual([[], false, `${ID}call`]);
      expect(handshakes).toBeGreaterThan(RATE);
      expect(longPieces).toBeGreaterThan(SECONDS / 2);
    },
  );

  it.skipIf(!has('openssl'))('are files that openssl verifies (needs openssl)', () => {
    const { environment } = processOf('serve');
    const link = dirname(environment('RIMROCK_CERT_FILE'));
    const folder = execFileSync('readlink', ['-f', link], { encoding: 'utf8' }).trim();
    const [cert, bundle] = [join(folder, 'cert.pem'), join(folder, 'bundle.pem')];
    const words = ['verify', '-x509_strict', '-CAfile', bundle, '-untrusted', cert, '-verify_hostname'];
    expect(execFileSync('openssl', [...words, 'serve.marathon.mesos', cert], { encoding: 'utf8' })).toContain(
      ': OK',
    );
    expect(statSync(join(folder, 'key.pem')).mode & 0o777).toBe(0o600);
  });

  it('do not leave the machine by the API of the agent', async () => {
    const key = processOf('serve').environment('RIMROCK_KEY_FILE');
    expect(readFileSync(key, 'utf8')).toContain('PRIVATE KEY');
    for (const call of ['read', 'download', 'browse']) {
      const query = `path=${encodeURIComponent(call === 'browse' ? dirname(key) : key)}`;
      const answer = await fetch(`http://127.0.0.1:${site.ports.agent}/files/${call}?${query}`);
      expect([call, answer.status]).toEqual([call, 400]);
    }
    expect(platform.output()).not.toContain('PRIVATE KEY');
  });

  it('outlive a kill of the platform: the same tasks, sockets and files, and then they are renewed again', async () => {
    const before = [processOf('serve').pid, processOf('call').pid];
    const socket = processOf('serve').environment('SPIFFE_ENDPOINT_SOCKET').replace('unix://', '');
    await platform.kill9();
    const { certificates } = tally();
    platform = await start();
    expect([processOf('serve').pid, processOf('call').pid]).toEqual(before);
    await eventually('the socket', () => connects({ path: socket }), { timeoutMs: 30_000 });
    const { handshakes } = tally();
    await eventually('another certificate', () => tally().certificates > certificates + 1, {
      timeoutMs: 60_000,
    });
    expect(tally().handshakes).toBeGreaterThan(handshakes);
  });

  it('end with their task', async () => {
    const socket = processOf('call').environment('SPIFFE_ENDPOINT_SOCKET').replace('unix://', '');
    const folder = dirname(processOf('call').environment('RIMROCK_CERT_FILE'));
    await marathon.deploy('DELETE', '/apps/call');
    await eventually('nothing to be left', () => {
      const left = [socket, folder].filter((path) => statSync(path, { throwIfNoEntry: false }));
      return left.length === 0;
    });
  });
});
