import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import { loginFor, registryOf } from './credentials.ts';
import { withTag } from './images.ts';
import { PullProgress } from './pull-progress.ts';

describe('names of images', () => {
  it.each([
    ['nginx', 'docker.io', 'nginx:latest'],
    ['library/nginx:1', 'docker.io', 'library/nginx:1'],
    ['localhost/x', 'localhost', 'localhost/x:latest'],
    ['reg.example:5000/a/b', 'reg.example:5000', 'reg.example:5000/a/b:latest'],
    ['reg.example/a@sha256:0', 'reg.example', 'reg.example/a@sha256:0'],
  ])('%s is of %s, and pulled as %s', (image, registry, tagged) => {
    expect(registryOf(image)).toBe(registry);
    expect(withTag(image)).toBe(tagged);
  });
});

describe('logins of registries', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'logins-'));
    await mkdir(join(folder, 'sandbox', '.docker'), { recursive: true });
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  const auth = Buffer.from('me:pass:word').toString('base64');
  const login = (image: string): ReturnType<typeof loginFor> =>
    loginFor(image, join(folder, 'sandbox'), join(folder, 'agent.json'));

  it("are the task's own first, then the agent's; servers are hosts or URLs", async () => {
    await writeFile(
      join(folder, 'sandbox', '.docker', 'config.json'),
      JSON.stringify({ auths: { 'a.example': { auth } } }),
    );
    await writeFile(
      join(folder, 'agent.json'),
      JSON.stringify({
        auths: {
          'a.example': { username: 'agent', password: 'x' },
          'https://index.docker.io/v1/': { username: 'hub', password: 'y' },
          'b.example': { identitytoken: 't' },
        },
      }),
    );
    expect(await login('a.example/x')).toEqual({
      username: 'me',
      password: 'pass:word',
      serveraddress: 'a.example',
    });
    expect(await login('nginx')).toMatchObject({
      username: 'hub',
      serveraddress: 'https://index.docker.io/v1/',
    });
    expect(await login('b.example/x')).toEqual({ identitytoken: 't', serveraddress: 'b.example' });
    expect(await login('c.example/x')).toBeUndefined();
  });

  it('may be in the old file; a damaged one is said, not passed over', async () => {
    const file = join(folder, 'sandbox', '.dockercfg');
    await writeFile(file, JSON.stringify({ 'https://a.example/v1/': { auth } }));
    expect(await login('a.example/x')).toMatchObject({ username: 'me' });
    await writeFile(file, '{');
    await expect(login('a.example/x')).rejects.toThrow('cannot be read');
  });

  it('are not lent by a link out of the sandbox', async () => {
    await writeFile(join(folder, 'secret.json'), JSON.stringify({ auths: { 'a.example': { auth } } }));
    await symlink(join(folder, 'secret.json'), join(folder, 'sandbox', '.docker', 'config.json'));
    expect(await login('a.example/x')).toBeUndefined();
  });
});

describe('the progress of a download', () => {
  it('is told at each change, and summed up now and then', () => {
    const clock = new FakeClock();
    const told: string[] = [];
    const progress = new PullProgress(clock, (line) => told.push(line));
    const say = (message: unknown): void => progress.take(Buffer.from(`${JSON.stringify(message)}\r\n`));
    const downloading = (id: string, current: number): void =>
      say({ id, status: 'Downloading', progressDetail: { current, total: 10_000_000 } });
    say({ status: 'Pulling from library/x', id: 'latest' });
    downloading('a', 1_000_000);
    downloading('b', 2_000_000);
    clock.advance(2_000);
    downloading('a', 5_000_000);
    downloading('a', 6_000_000);
    say({ id: 'a', status: 'Pull complete' });
    progress.take(Buffer.from('not JSON\n'));
    expect(told).toEqual([
      'latest: Pulling from library/x',
      'a: Downloading',
      'b: Downloading',
      'Downloaded 7.0 of 20.0 MB',
      'a: Pull complete',
    ]);
    expect(progress.problem).toBeUndefined();
    const half = Buffer.from('{"error":"no such image: ü"}\n');
    progress.take(half.subarray(0, 26));
    progress.take(half.subarray(26));
    expect(progress.problem).toBe('no such image: ü');
  });
});
