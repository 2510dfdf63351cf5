import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import type { ExitStatus, LaunchSpec } from '../launcher.ts';
import { createProcessLauncher } from './process-launcher.ts';
import { rlimitWords } from './rlimits.ts';
import { lookUpUser } from './users.ts';

const root = process.getuid?.() === 0;
const launcher = createProcessLauncher({ clock: systemClock });
let folder: string;
let sandbox: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'users-'));
  sandbox = join(folder, 'sandbox');
  mkdirSync(sandbox);
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));

/** Run a script to its end as somebody else. */
async function run(script: string, more: Partial<LaunchSpec> = {}): Promise<ExitStatus> {
  chmodSync(folder, 0o711);
  const spec = {
    containerId: `users-${folder.slice(-6)}`,
    argv: ['/bin/sh', '-c', script] as const,
    environment: { PATH: '/usr/bin:/bin' },
    sandbox,
    runtimeDir: folder,
    user: 'nobody',
    ...more,
  };
  const handle = await launcher.launch(spec, async () => {});
  return handle.exited;
}
const stdout = (): string => readFileSync(join(sandbox, 'stdout'), 'utf8');

describe.runIf(root)('a task of another user', () => {
  it('has its ids and groups, and its sandbox; links in there are given away, not followed', async () => {
    const { uid, gid, groups } = await lookUpUser('nobody');
    const outside = join(folder, 'outside');
    writeFileSync(outside, '');
    mkdirSync(join(sandbox, 'fetched'));
    writeFileSync(join(sandbox, 'fetched/file'), 'x', { mode: 0o600 });
    symlinkSync(outside, join(sandbox, 'link'));
    const script = 'id -u; id -g; id -G; cat fetched/file; echo >made; stat -c %a .';
    expect(await run(script)).toEqual({ kind: 'exited', code: 0 });
    expect(stdout().split('\n')).toEqual([String(uid), String(gid), groups.join(' '), 'x750', '']);
    expect(statSync(join(sandbox, 'made')).uid).toBe(uid);
    expect(lstatSync(join(sandbox, 'link')).uid).toBe(uid);
    expect(statSync(outside).uid).toBe(0);
  });

  it('reads what is its own in the folder of its identity, and cannot put anything in its place', async () => {
    const folder = join(sandbox, '.rimrock');
    const { uid, gid } = await lookUpUser('nobody');
    mkdirSync(join(folder, 'one'), { recursive: true, mode: 0o711 });
    chmodSync(folder, 0o711);
    writeFileSync(join(folder, 'one/key.pem'), 'key\n', { mode: 0o600 });
    chownSync(join(folder, 'one/key.pem'), uid, gid);
    symlinkSync('one', join(folder, 'current'));
    const script =
      'cat .rimrock/current/key.pem; touch .rimrock/x || echo no; rm -f .rimrock/current; ls .rimrock || echo no';
    expect(await run(script)).toEqual({ kind: 'exited', code: 0 });
    expect(stdout()).toBe('key\nno\nno\n');
    expect([statSync(folder).uid, statSync(join(folder, 'one')).uid]).toEqual([0, 0]);
  });

  it('cannot have its environment act on the shells that run as root before it', async () => {
    const trap = join(sandbox, 'trap.so');
    writeFileSync(trap, 'no library');
    // the loader complains of what it cannot preload, once for each program that it starts with it
    const environment = { PATH: '/usr/bin:/bin', LD_PRELOAD: trap };
    expect(await run('exit 0', { environment })).toEqual({ kind: 'exited', code: 0 });
    const complaints = readFileSync(join(sandbox, 'stderr'), 'utf8').split('\n').filter(Boolean);
    expect(complaints.length).toBeLessThanOrEqual(1);
  });

  it('has the environment that it was given, whatever the names', async () => {
    const environment = {
      PATH: '/usr/bin:/bin',
      QUOTES: `a'b"c\\d$(e)`,
      LINES: 'one\ntwo',
      EMPTY: '',
      BLANK: '  two blanks',
      'dotted.name': 'x y',
      IFS: ':',
      RIMROCK_COUNT: '5',
      RIMROCK_VARIABLE_0: 'mine',
      OPTIND: 'abc',
      UID: '7',
      '-i': 'z',
    };
    const argv = ['/usr/bin/env', '-0'] as const;
    expect(await run('', { environment, argv })).toEqual({ kind: 'exited', code: 0 });
    const found = new Map(
      stdout()
        .split('\0')
        .filter(Boolean)
        .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
    for (const [name, value] of Object.entries(environment))
      expect([name, found.get(name)]).toEqual([name, value]);
    const own = new Set([...Object.keys(environment), 'RIMROCK_CONTAINER_ID', 'PWD', 'OLDPWD', '_', 'SHLVL']);
    expect([...found.keys()].filter((name) => !own.has(name))).toEqual([]);
  });

  it('has its limits, raised by root before it lost the right to', async () => {
    const rlimits = [
      { type: 'RLMT_NOFILE', soft: 200, hard: 300 },
      { type: 'RLMT_CORE', soft: 0, hard: 0 },
      { type: 'RLMT_STACK' },
    ];
    await run('ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -s; id -un', { rlimits });
    expect(stdout().split('\n')).toEqual(['200', '300', '0', 'unlimited', 'nobody', '']);
  });

  it('cannot read what belongs to root', async () => {
    writeFileSync(join(folder, 'secret'), 'x', { mode: 0o600 });
    expect(await run(`cat ${folder}/secret`)).toEqual({ kind: 'exited', code: 1 });
  });
});

describe('limits', () => {
  it('are told to prlimit by the names of Mesos', () => {
    expect(rlimitWords([{ type: 'RLMT_AS', soft: 1, hard: 2 }, { type: 'RLMT_RTTIME' }])).toEqual([
      '--as=1:2',
      '--rttime=unlimited:unlimited',
    ]);
    expect(() => rlimitWords([{ type: 'RLMT_AS', soft: 1 }])).toThrow("both 'soft' and 'hard'");
    expect(() => rlimitWords([{ type: 'RLMT_AS', soft: 1.5, hard: 2 }])).toThrow('whole numbers');
    expect(() => rlimitWords([{ type: 'NOFILE' }])).toThrow('Unknown rlimit');
  });
});

describe('users', () => {
  it('are those of the machine', async () => {
    expect(await lookUpUser('root')).toMatchObject({ uid: 0, gid: 0 });
    for (const name of ['', 'no-such-user', '-u', 'a b', '$(id)'])
      await expect(lookUpUser(name)).rejects.toThrow('This machine has no user');
  });
});
