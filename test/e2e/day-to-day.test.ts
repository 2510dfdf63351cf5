import { execFile, spawn } from 'node:child_process';
import { request } from 'node:https';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputs } from '../../src/platform/cli/operate/shapes.ts';
import { eventually } from '../support/eventually.ts';
import { Marathon } from '../support/marathon.ts';
import { has } from '../support/peers.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';
import { root } from '../support/root.ts';

// An operator without a browser, in front of a platform that runs: the real command, real tasks.

const FILE = join(root, 'docs/operations/day-to-day.md');
const page = readFileSync(FILE, 'utf8');
const commands = [...page.matchAll(/^```sh\n(.*?)^```$/gms)].map((m) => m[1] ?? '');
const BIN = join(root, 'bin/rimrock.mjs');

interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** One command, as a person gives it. */
async function rimrock(environment: Record<string, string>, ...words: string[]): Promise<Said> {
  const env = { ...process.env, ...environment };
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [BIN, ...words], {
      env,
      timeout: 60_000,
    });
    return { status: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { status: code, out: stdout, err: stderr };
  }
}

/** Writes numbered lines that no terminal could show, some of them not UTF-8. */
const TALKER = String.raw`i=0; while :; do i=$((i+1)); printf '%d \303\251\377\n' $i; sleep 0.01; done`;

function numberedLines(count: number): Buffer {
  return Buffer.concat(
    Array.from({ length: count }, (_, i) =>
      Buffer.concat([Buffer.from(`${i + 1} `), Buffer.from([0xc3, 0xa9, 0xff, 0x0a])]),
    ),
  );
}

describe.skipIf(!has('bash'))('the page for day to day (needs bash)', () => {
  let site: Site;
  let marathon: Marathon;
  let asOperator: Record<string, string>;

  beforeAll(async () => {
    site = await Site.make();
    await site.start('up');
    asOperator = { RIMROCK_MASTER: `127.0.0.1:${site.ports.master}`, RIMROCK_HOME: site.data };
    marathon = new Marathon(site.ports.marathon);
    await marathon.deploy('POST', '/apps', { id: '/web', cmd: TALKER, cpus: 0.1, mem: 32, instances: 2 });
    await marathon.settled(60_000);
  });
  afterAll(() => site.close());

  const ask = async (...words: string[]): Promise<Said> => rimrock(asOperator, ...words);

  const taskOf = async (app: string): Promise<string> =>
    eventually('a task that runs', async () => (await marathon.runningTasks(app))[0]?.id, {
      timeoutMs: 60_000,
    });

  it('has commands that do what it says', { timeout: 180_000 }, async () => {
    const separator = '--- done ---';
    const script = [
      `rimrock() { '${process.execPath}' '${BIN}' "$@"; }`,
      ...commands.flatMap((text) => [text, `echo '${separator}'`]),
    ].join('\n');
    const { stdout } = await promisify(execFile)(
      'bash',
      ['-euo', 'pipefail', '-c', script.replaceAll('localhost:5050', `127.0.0.1:${site.ports.master}`)],
      { cwd: site.data, timeout: 170_000, env: { ...process.env, RIMROCK_HOME: site.data } },
    );
    const said = stdout.split(separator);
    const find = (part: string): string => said[commands.findIndex((c) => c.includes(part))] ?? '';
    expect(find('rimrock leader')).toMatch(/ leads /);
    expect(find('rimrock frameworks')).toMatch(/^marathon +active .*^web\S+ +running +127\.0\.0\.1 /ms);
    expect(find('task show')).toMatch(/^id +web\..*^app +\/web$.*TASK_RUNNING/ms);
    expect(find('--tail 5').trim().split('\n')).toHaveLength(5);
    expect(find('task kill')).toMatch(/is being killed, of app \/web\..*has ended: TASK_KILLED/s);
    expect(find('agent drain')).toMatch(
      / is drained\.\n.*^127\.0\.0\.1 +drained .* is active\.\nNothing is planned\./ms,
    );
    await marathon.settled(60_000);
  });

  it('links to pages that are there', () => {
    const links = [...page.matchAll(/\]\(([^)#]+)/g)].map((m) => m[1] ?? '');
    expect(links.length).toBeGreaterThan(3);
    expect(links.filter((link) => !existsSync(join(dirname(FILE), link)))).toEqual([]);
  });

  it('prints for machines what the reference says', async () => {
    const task = await taskOf('web');
    for (const command of ['agents', 'tasks', 'frameworks', 'leader', 'maintenance', 'task show'] as const) {
      const words = [...command.split(' '), ...(command === 'task show' ? [task] : []), '--json'];
      const { status, out } = await ask(...words);
      expect([command, status]).toEqual([command, 0]);
      expect(outputs[command].safeParse(JSON.parse(out)).error?.message, command).toBeUndefined();
    }
    const { out } = await ask('task', 'show', task, '--json');
    expect(JSON.parse(out)).toMatchObject({
      state: 'TASK_RUNNING',
      sandbox: expect.stringContaining(site.data),
      placement: { app: '/web' },
      statuses: expect.arrayContaining([expect.objectContaining({ state: 'TASK_RUNNING' })]),
    });
  });

  it(
    'follows a log byte for byte over rotations and to its end, and says how that was',
    { timeout: 120_000 },
    async () => {
      // Rotates its own log as loggers do, by a new name and by a copy, once somebody reads.
      const go = join(site.data, 'go');
      const cmd = [
        'say() { printf "%d \\303\\251\\377\\n" $1; }',
        'i=0; while [ $i -lt 40 ]; do i=$((i+1)); say $i; sleep 0.02; done',
        `while [ ! -e '${go}' ]; do sleep 0.1; done; while [ $i -lt 50 ]; do i=$((i+1)); say $i; done`,
        'mv stdout stdout.1; exec >stdout; while [ $i -lt 80 ]; do i=$((i+1)); say $i; sleep 0.02; done; sleep 2',
        'mv stdout.1 stdout.2; cp stdout stdout.1; : >stdout; exec >>stdout',
        'while [ $i -lt 120 ]; do i=$((i+1)); say $i; sleep 0.02; done; exit 3',
      ].join('\n');
      await marathon.deploy('POST', '/apps', {
        id: '/rotates',
        cmd,
        cpus: 0.1,
        mem: 32,
        backoffSeconds: 3600,
      });
      const task = await taskOf('rotates');
      const child = spawn(process.execPath, [BIN, 'logs', task, '-f'], {
        env: { ...process.env, ...asOperator },
      });
      const out: Buffer[] = [];
      let err = '';
      child.stdout.on('data', (piece: Buffer) => void out.push(piece));
      child.stderr.on('data', (piece: Buffer) => void (err += piece.toString()));
      const end = new Promise((done) => child.once('close', done));
      await eventually('the log to be read', () => Buffer.concat(out).includes('40 '), { timeoutMs: 60_000 });
      writeFileSync(go, '');
      const status = await end;
      expect(err).not.toContain('cut short');
      expect([status, err]).toEqual([0, expect.stringContaining(`${task} has ended: TASK_FAILED (`)]);
      expect(Buffer.concat(out).toString('latin1')).toBe(numberedLines(120).toString('latin1'));
      await marathon.deploy('DELETE', '/apps/rotates');
    },
  );

  it('ends where its reader has enough', async () => {
    const task = await taskOf('web');
    const line = `'${process.execPath}' '${BIN}' logs -f ${task} | head -2`;
    const { stdout } = await promisify(execFile)('bash', ['-c', line], {
      env: { ...process.env, ...asOperator },
      timeout: 60_000,
    });
    expect(stdout.split('\n')).toHaveLength(3);
  });

  it('says what it does not know', async () => {
    expect(await ask('logs', 'nothing')).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringContaining('there is no task nothing\n'),
    });
    expect(await ask('task', 'show', 'web')).toMatchObject({
      status: 1,
      err: expect.stringContaining('several tasks are meant'),
    });
    expect(await ask('agent', 'drain', 'rack7')).toMatchObject({
      status: 1,
      err: expect.stringContaining('there is no agent rack7'),
    });
    expect(await ask('logs', await taskOf('web'), '--file', '../../../../etc/passwd')).toMatchObject({
      status: 1,
      out: '',
    });
    expect(await ask('agents', '--master', '127.0.0.1:1')).toMatchObject({
      status: 1,
      err: expect.stringContaining('no master answers'),
    });
    expect(await ask('agent', 'drain', '--max-grace', 'soon', 'S0')).toMatchObject({ status: 2 });
  });
});

describe('a platform that asks for logins', () => {
  let site: Site;
  let up: Running;
  let home: string;

  beforeAll(async () => {
    site = await Site.make();
    home = mkdtempSync(join(tmpdir(), 'rimrock-day-'));
    const settings = { ...site.settings(), 'auth.required': 'true' };
    up = await site.start('up', {
      arguments: Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    });
  });
  afterAll(async () => {
    await site.close();
    rmSync(home, { recursive: true, force: true });
  });

  it(
    'refuses those who have not logged in and says how; whoever has may do it',
    { timeout: 120_000 },
    async () => {
      const api = `http://127.0.0.1:${site.ports.auth}`;
      const environment = {
        RIMROCK_MASTER: `127.0.0.1:${site.ports.master}`,
        RIMROCK_HOME: home,
        RIMROCK_API: api,
      };
      const refused = await rimrock(environment, 'agents');
      expect(refused).toMatchObject({
        status: 1,
        out: '',
        err: expect.stringContaining('Log in with `rimrock login NAME'),
      });
      const wrong = await rimrock(environment, 'agents', '--token', 'nonsense');
      expect(wrong).toMatchObject({ status: 1, err: expect.stringContaining('it does not take this token') });
      const password = await eventually(
        'the one-time password',
        () => /account admin, one-time password (\S+) /.exec(up.output())?.[1],
      );
      const login = await rimrock(
        { ...environment, RIMROCK_PASSWORD: password, RIMROCK_NEW_PASSWORD: 'a-long-password' },
        'login',
        'admin',
      );
      expect(login.status, login.err).toBe(0);
      const agents = await rimrock(environment, 'agents', '--json');
      expect([agents.status, agents.err]).toEqual([0, '']);
      const drained = await rimrock(environment, 'agent', 'drain', 'S0', '--wait');
      expect(drained).toMatchObject({ status: 0, out: expect.stringContaining('is drained') });
      // Another host gets to see no token.
      const elsewhere = await rimrock(
        { ...environment, RIMROCK_MASTER: `127.0.0.2:${site.ports.master}` },
        'agents',
      );
      expect(elsewhere).toMatchObject({ status: 1 });
    },
  );
});

describe('a platform whose parts speak TLS alone', () => {
  let site: Site;

  beforeAll(async () => {
    site = await Site.make();
    const settings = { ...site.settings(), 'auth.tls': 'required' };
    const given = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    await site.start('up', { arguments: given });
  });
  afterAll(() => site.close());

  it(
    'is asked, its agents and its Marathon too, by the certificate of the operator',
    { timeout: 120_000 },
    async () => {
      const master = { RIMROCK_MASTER: `127.0.0.1:${site.ports.master}`, RIMROCK_HOME: site.data };
      expect(await rimrock(master, 'agents')).toMatchObject({
        status: 1,
        err: expect.stringContaining('does it speak TLS'),
      });
      const operator = { ...master, RIMROCK_IDENTITY: join(site.data, 'auth/operator.pem') };
      const { ca, identity } = identityOf(operator.RIMROCK_IDENTITY);
      const app = { id: '/web', cmd: 'echo hello; sleep 1000', cpus: 0.1, mem: 32 };
      const created = await post(`https://127.0.0.1:${site.ports.marathon}/v2/apps`, app, {
        ca,
        ...identity,
      });
      expect(created).toBe(201);
      const task = await eventually(
        'a task that runs',
        async () => {
          const { out } = await rimrock(operator, 'tasks', '--json', '--state', 'running');
          return (JSON.parse(out) as { tasks: { id: string }[] }).tasks[0]?.id;
        },
        { timeoutMs: 60_000 },
      );
      const log = await eventually('its log', async () => {
        const said = await rimrock(operator, 'logs', task);
        return said.out !== '' && said;
      });
      expect(log).toMatchObject({ status: 0, out: 'hello\n', err: '' });
      expect(await rimrock(operator, 'task', 'kill', task)).toMatchObject({
        status: 0,
        out: expect.stringContaining('of app /web'),
      });
    },
  );
});

/** What a client needs that shows a certificate of ours. */
function identityOf(file: string): { readonly ca: string; readonly identity: { cert: string; key: string } } {
  const cert = readFileSync(file, 'utf8');
  const key = cert.includes('PRIVATE KEY') ? cert : readFileSync(file.replace('.pem', '-key.pem'), 'utf8');
  return { ca: readFileSync(join(dirname(file), 'bundle.pem'), 'utf8'), identity: { cert, key } };
}

/** The status of the answer. */
function post(url: string, body: object, tls: { ca: string; cert: string; key: string }): Promise<number> {
  return new Promise((done, fail) => {
    const options = {
      ...tls,
      method: 'POST',
      checkServerIdentity: () => undefined,
      headers: { 'content-type': 'application/json' },
    };
    const sent = request(url, options, (response) => {
      response.resume();
      done(response.statusCode ?? 0);
    });
    sent.on('error', fail).end(JSON.stringify(body));
  });
}
