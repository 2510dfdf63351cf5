import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../../core/http/client.ts';
import { createFetcher } from './fetcher.ts';
import { planFetch } from './uri.ts';

describe('what a URI asks for', () => {
  it.each([
    [{ value: 'https://h/a/tool.tgz' }, 'tool.tgz', 'tar'],
    [{ value: 'http://h/a/b%20c.zip?x=1' }, 'b c.zip', 'unzip'],
    [{ value: '/opt/data.gz' }, 'data.gz', 'gunzip'],
    [{ value: 'file:///opt/x.tar.xz', extract: false }, 'x.tar.xz', undefined],
    [{ value: 'file:///opt/x.tar.xz', executable: true }, 'x.tar.xz', undefined],
    [{ value: '/opt/x', output_file: 'sub/y' }, 'sub/y', undefined],
  ])('%j', (uri, target, extractor) => {
    const planned = planFetch(uri);
    if (!planned.ok) throw new Error(planned.problem);
    expect([planned.plan.target, planned.plan.extract?.[0]]).toEqual([target, extractor]);
  });

  it.each([
    { value: 'hdfs://h/x' },
    { value: 'relative' },
    { value: 'http://h/' },
    { value: '/x', output_file: '../y' },
    { value: '/x', output_file: '/etc/passwd' },
    { value: '/x', output_file: 'a/../..' },
  ])('refuses %j', (uri) => expect(planFetch(uri).ok).toBe(false));
});

describe('fetching', () => {
  let folder: string;
  const http = createHttpClient();
  const fetcher = createFetcher(http);
  const signal = new AbortController().signal;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fetch-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('follows redirects, unpacks archives, marks programs', async () => {
    await writeFile(join(folder, 'inside'), 'content');
    const packed = spawnSync('tar', ['-czf', '-', 'inside'], { cwd: folder }).stdout;
    await rm(join(folder, 'inside'));
    const server = createServer((request, response) => {
      if (request.url === '/old.tgz') response.writeHead(302, { location: '/new.tgz' }).end();
      else if (request.url === '/new.tgz') response.end(packed);
      else if (request.url === '/tool') response.end('#!/bin/sh\n');
      else response.writeHead(404).end('no');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const tool = { value: `${origin}/tool`, executable: true };
    await fetcher.fetch([{ value: `${origin}/old.tgz` }, tool], folder, signal);
    expect(await readFile(join(folder, 'inside'), 'utf8')).toBe('content');
    expect((await stat(join(folder, 'tool'))).mode & 0o111).toBe(0o111);
    const missing = fetcher.fetch([{ value: `${origin}/none` }], folder, signal);
    await expect(missing).rejects.toThrow(`${origin}/none: the server answered 404`);
    expect((await readdir(folder)).sort()).toEqual(['inside', 'old.tgz', 'tool']);
    server.closeAllConnections();
    server.close();
  });

  it('names what cannot be unpacked', async () => {
    await writeFile(join(folder, 'x.tar'), 'no archive at all');
    const bad = fetcher.fetch([{ value: join(folder, 'x.tar'), output_file: 'y.tar' }], folder, signal);
    await expect(bad).rejects.toThrow(/x[.]tar: tar could not unpack it/);
  });
});
