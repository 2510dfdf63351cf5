import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Volume } from '../../mesos/index.ts';
import { listFolder, openDownload } from '../api/sandbox-files.ts';
import { mountsOf } from '../launcher/docker/volumes.ts';
import type { BindMount } from '../launcher/launcher.ts';
import { createSecretStore } from '../secrets/store.ts';
import { makeVolumes, removeSecretFiles, secretFile } from './volumes.ts';

let folder: string;
let sandbox: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'volumes-'));
  sandbox = join(folder, 'parent/containers/c1');
  await mkdir(sandbox, { recursive: true });
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const containerOf = (volumes: readonly Volume[]) => ({ type: 'MESOS' as const, volumes });
const make = (...volumes: Volume[]): Promise<BindMount[]> =>
  makeVolumes(
    containerOf(volumes),
    { sandbox, parentSandbox: join(folder, 'parent') },
    createSecretStore(undefined),
  );
const secret = { type: 'VALUE', value: { data: Buffer.from('pass').toString('base64') } } as const;

describe('volumes without an image', () => {
  it('are links to the machine, to the sandbox, or to that of the executor', async () => {
    await mkdir(join(folder, 'host'));
    await writeFile(join(sandbox, 'fetched'), 'text');
    const own = (path: string, type: 'SELF' | 'PARENT' = 'SELF') => ({
      source: { type: 'SANDBOX_PATH', sandbox_path: { type, path } },
    });
    await make(
      { container_path: 'a/host', mode: 'RW', host_path: join(folder, 'host') },
      { container_path: 'same', mode: 'RW', source: { host_path: { path: join(folder, 'host') } } },
      { container_path: 'b', mode: 'RW', ...own('data/b') },
      { container_path: 'c/file', mode: 'RW', ...own('fetched') },
      { container_path: 'd', mode: 'RW', ...own('shared', 'PARENT') },
      { container_path: 'e', mode: 'RW', host_path: 'f' },
    );
    for (const name of ['a/host', 'same', 'b', 'd', 'e'])
      await writeFile(join(sandbox, name, `from-${name.replace('/', '-')}`), 'x');
    expect((await readdir(join(folder, 'host'))).sort()).toEqual(['from-a-host', 'from-same']);
    expect(await readdir(join(sandbox, 'data/b'))).toEqual(['from-b']);
    expect(await readFile(join(sandbox, 'c/file'), 'utf8')).toBe('text');
    expect(await readdir(join(folder, 'parent/shared'))).toEqual(['from-d']);
    expect(await readdir(join(sandbox, 'f'))).toEqual(['from-e']);
  });

  it('that no link can be are mounts, on what is made in the sandbox or is there outside of it', async () => {
    const outside = join(folder, 'outside');
    await mkdir(join(folder, 'host'));
    await writeFile(join(folder, 'file'), 'text');
    await mkdir(outside);
    await symlink('outside', join(folder, 'named'));
    const [host, file] = [join(folder, 'host'), join(folder, 'file')];
    const source = { type: 'SECRET', secret } as const;
    const volumes = [
      { container_path: 'a/host', mode: 'RO', host_path: host },
      { container_path: 'file', mode: 'RO', host_path: file },
      { container_path: 'own', mode: 'RO' },
      { container_path: join(folder, 'named'), mode: 'RW', host_path: host },
      { container_path: file, mode: 'RO', source },
    ] as const;
    const at = (path: string): string => join(sandbox, path);
    expect(await make(...volumes)).toEqual(
      [
        { source: host, target: at('a/host'), readOnly: true },
        { source: file, target: at('file'), readOnly: true },
        { source: at('own'), target: at('own'), readOnly: true },
        { source: host, target: outside, readOnly: false },
        { source: secretFile(sandbox, 4), target: file, readOnly: true },
      ].map((mount, i) => ({ volume: volumes[i]?.container_path, ...mount })),
    );
    expect((await stat(at('a/host'))).isDirectory()).toBe(true);
    expect((await stat(at('file'))).size).toBe(0);
  });

  it.each<[string, Volume]>([
    ['must be there on the machine', { container_path: '/no/such', mode: 'RW', host_path: '/etc' }],
    ['without ..', { container_path: '/tmp/../etc', mode: 'RW', host_path: '/etc' }],
    ['without ..', { container_path: '/.', mode: 'RW', host_path: '/etc' }],
    ['must both be folders', { container_path: '/etc/passwd', mode: 'RW', host_path: '/etc' }],
    ['needs a host_path', { container_path: '/tmp', mode: 'RW' }],
    ["there is no '/no/such'", { container_path: '/tmp', mode: 'RW', host_path: '/no/such' }],
    ['a path in the sandbox', { container_path: '../x', mode: 'RW', host_path: '/etc' }],
    ['used by the agent itself', { container_path: '.rimrock/x', mode: 'RW', host_path: '/etc' }],
    ['something at its place already', { container_path: 'here', mode: 'RO', host_path: '/etc' }],
    ["'link' is no folder of the sandbox", { container_path: 'link/x', mode: 'RO', host_path: '/etc' }],
    ["there is no '/no/such' on the machine", { container_path: 'x', mode: 'RW', host_path: '/no/such' }],
    ['something at its place already', { container_path: 'here', mode: 'RW', host_path: '/etc' }],
    ["'link' is no folder of the sandbox", { container_path: 'link/x', mode: 'RW', host_path: '/etc' }],
    ['type DOCKER_VOLUME', { container_path: 'x', mode: 'RW', source: { type: 'DOCKER_VOLUME' } }],
    ['made of images', { container_path: 'x', mode: 'RW', image: {} }],
    [
      'a path in the sandbox',
      { container_path: 'x', mode: 'RW', source: { sandbox_path: { path: '../../x' } } },
    ],
    [
      'agent.secretsDir',
      { container_path: 'x', mode: 'RO', source: { secret: { reference: { name: 'n' } } } },
    ],
  ])('are refused: %s', async (problem, volume) => {
    await mkdir(join(sandbox, 'here'));
    await symlink('/tmp', join(sandbox, 'link'));
    await expect(make(volume)).rejects.toThrow(problem);
    await expect(make(volume)).rejects.toThrow(`Volume '${volume.container_path}': `);
  });

  it('are those of the engine where there is an image, but for secrets: files that whoever runs there may read', async () => {
    const host: Volume = { container_path: '/etc', mode: 'RO', host_path: '/etc' };
    const volume: Volume = { container_path: '/run/db', mode: 'RO', source: { type: 'SECRET', secret } };
    const container = { type: 'DOCKER' as const, volumes: [host, volume] };
    await makeVolumes(container, { sandbox }, createSecretStore(undefined));
    expect(await readdir(sandbox)).toEqual(['.rimrock-secrets']);
    const at = secretFile(sandbox, 1);
    expect(await readFile(at, 'utf8')).toBe('pass');
    expect((await stat(at)).mode & 0o777).toBe(0o444);
    expect((await stat(dirname(at))).mode & 0o777).toBe(0o700);
    const [, , mount] = await mountsOf(container.volumes, { sandbox, hostPaths: ['/'] });
    expect(mount).toEqual({ Type: 'bind', Source: at, Target: '/run/db', ReadOnly: true });
    const none: Volume = { ...volume, source: { secret: { reference: { name: 'n' } } } };
    await expect(
      makeVolumes({ ...container, volumes: [none] }, { sandbox }, createSecretStore(undefined)),
    ).rejects.toThrow("Volume '/run/db': this agent has no secret");
    await removeSecretFiles(container, sandbox);
    expect(await readdir(sandbox)).toEqual([]);
  });

  it('a secret is a file for its owner that no API shows, and is gone with the task', async () => {
    const volume: Volume = { container_path: 'etc/db', mode: 'RO', source: { type: 'SECRET', secret } };
    await make(volume);
    const at = join(sandbox, 'etc/db');
    expect(await readFile(at, 'utf8')).toBe('pass');
    expect((await stat(at)).mode & 0o777).toBe(0o400);
    expect(await readlink(at)).toBe('../.rimrock-secrets/0');
    const attached = new Map([['/s', sandbox]]);
    expect(await openDownload(attached, '/s/etc/db')).toMatchObject({ ok: false, status: 400 });
    expect(await listFolder(attached, '/s/.rimrock-secrets')).toMatchObject({ ok: false, status: 400 });
    await removeSecretFiles(containerOf([volume]), sandbox);
    expect((await lstat(at)).isSymbolicLink()).toBe(true);
    await expect(readFile(at)).rejects.toThrow('ENOENT');
  });
});
