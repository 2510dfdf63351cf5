import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import type { BindMount, ExitStatus, LaunchSpec } from '../launcher.ts';
import { createProcessLauncher } from './process-launcher.ts';

const root = process.platform === 'linux' && process.getuid?.() === 0;
const launcher = createProcessLauncher({ clock: systemClock });
let folder: string;
let sandbox: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'mounts-')));
  sandbox = join(folder, 'sandbox');
  mkdirSync(sandbox);
  chmodSync(folder, 0o711);
});
afterEach(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));

const made = (name: string, mode = 0o755): string => {
  const path = join(folder, name);
  mkdirSync(path, { recursive: true });
  chmodSync(path, mode);
  return path;
};
const mount = (source: string, target: string, readOnly = false): BindMount => ({
  volume: target,
  source,
  target,
  readOnly,
});

/** Run a script with mounts to its end; `before`: between its checkpoint and its start. */
async function run(
  script: string,
  mounts: readonly BindMount[],
  more: Partial<LaunchSpec> = {},
  before: () => void = () => {},
): Promise<ExitStatus> {
  const spec = {
    containerId: `mounts-${folder.slice(-6)}`,
    argv: ['/bin/sh', '-c', script] as const,
    environment: { PATH: '/usr/bin:/bin' },
    sandbox,
    runtimeDir: made('run', 0o700),
    mounts,
    ...more,
  };
  const handle = await launcher.launch(spec, async () => before());
  return handle.exited;
}
const output = (name: string): string => readFileSync(join(sandbox, name), 'utf8');
const OK = { kind: 'exited', code: 0 };
const nobody = { user: 'nobody' };

describe.runIf(root)('mounts of a container', () => {
  it('are folders and files at other places, read-only or not, in all that it runs, and nowhere else', async () => {
    const [from, to] = [made('from'), made("to it's $HOME")];
    writeFileSync(join(from, 'file'), 'inside\n');
    writeFileSync(join(folder, 'alone'), 'was\n');
    const script = `cd "${to.replace('$', '\\$')}"; cat file; touch written; sh -c 'cat ../alone; : >../alone'; cd ..; : >alone`;
    const mounts = [mount(from, to), mount(join(from, 'file'), join(folder, 'alone'), true)];
    expect(await run(script, mounts)).not.toEqual(OK);
    expect(output('stdout')).toBe('inside\ninside\n');
    expect(output('stderr')).toMatch(/Read-only file system/);
    expect(statSync(join(from, 'written')).isFile()).toBe(true);
    expect(readFileSync(join(folder, 'alone'), 'utf8')).toBe('was\n');
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(folder);
  });

  it('keep what is forbidden where they come from', async () => {
    const [from, to] = [made('from'), made('to')];
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'nosuid,noexec,nodev', 'test', from]);
    try {
      expect(await run(`grep ' ${to} ' /proc/self/mountinfo`, [mount(from, to, true)])).toEqual(OK);
      expect(output('stdout').split(' ')[5]).toMatch(/^ro,nosuid,nodev,noexec/);
    } finally {
      execFileSync('umount', [from]);
    }
  });

  it('of another user are what that user reaches itself', async () => {
    const [open, closed, to] = [made('open'), made('closed/open'), made('to')];
    writeFileSync(join(open, 'file'), 'mine\n');
    chmodSync(join(folder, 'closed'), 0o700);
    expect(await run(`cat ${to}/file`, [mount(open, to, true)], nobody)).toEqual(OK);
    expect(output('stdout')).toBe('mine\n');
    const refused = run('true', [mount(closed, to)], { ...nobody, runtimeDir: made('run2') });
    await expect(refused).rejects.toThrow(`Volume '${to}': the user of the task does not reach '${closed}'`);
  });

  it('are not what somebody put there at the last moment', async () => {
    const [open, secret, to] = [made('open'), made('secret', 0o700), made('to')];
    writeFileSync(join(secret, 'key'), 'key\n');
    const exchange = (): void => {
      renameSync(open, `${open}.away`);
      symlinkSync(secret, open);
    };
    expect(await run(`cat ${to}/key`, [mount(open, to)], nobody, exchange)).not.toEqual(OK);
    expect(output('stdout')).toBe('');
    expect(output('stderr')).toContain('what it names has changed meanwhile');
  });

  it('are not where a link leads that somebody put there at the last moment', async () => {
    const [open, to] = [made('open'), made('to')];
    const exchange = (): void => {
      renameSync(to, `${to}.away`);
      symlinkSync('/usr/bin', to);
    };
    expect(await run('true', [mount(open, to)], nobody, exchange)).not.toEqual(OK);
    expect(output('stderr')).toContain('its place has changed meanwhile');
  });

  it.each(['/', '/bin', '/usr/bin', '/usr', '/etc', '/usr/local/share'])(
    'of another user never stand where root runs programs: %s',
    async (target) => {
      const refused = run('true', [mount(made('open'), await realpath(target))], nobody);
      await expect(refused).rejects.toThrow(/container_path (may not be in|would hide)/);
    },
  );

  it('do not hide the sandbox', async () => {
    const refused = run('true', [mount(made('open'), folder)]);
    await expect(refused).rejects.toThrow('container_path would hide the sandbox');
  });

  it('let no program of another user become root', async () => {
    const to = made('to');
    const script = 'grep NoNewPrivs /proc/self/status; id -un';
    expect(await run(script, [mount(made('open'), to)], nobody)).toEqual(OK);
    expect(output('stdout')).toBe('NoNewPrivs:\t1\nnobody\n');
  });

  it('that the kernel refuses are told before anything runs', async () => {
    // what is no folder for the kernel cannot be a place for one, whatever stat(2) says
    const refused = run('true', [mount(made('open'), '/proc/self/fd')]);
    await expect(refused).rejects.toThrow(/The volumes cannot be mounted: .*its place has changed/s);
  });
});

describe('mounts of a container', () => {
  it('need an agent that runs as root on Linux, and name the field', async () => {
    vi.spyOn(process, 'getuid').mockReturnValue(1000);
    onTestFinished(() => void vi.restoreAllMocks());
    const [from, to] = [made('from'), made('to')];
    await expect(run('true', [mount(from, to, true)])).rejects.toThrow('mode RO without an image needs');
    await expect(run('true', [mount(from, to)])).rejects.toThrow(
      'an absolute container_path without an image',
    );
  });
});
