import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { lstatSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { createHttpClient } from '../../core/http/client.ts';
import { systemRandom } from '../../core/random.ts';
import { fetcherConfigSchema } from './config.ts';
import type { FetcherConfig } from './config.ts';
import { createFetcher } from './fetcher.ts';
import type { Fetcher } from './fetcher.ts';

const http = createHttpClient();
afterAll(() => http.close());
/** Waits between two tries take no time. */
const clock: Clock = { ...systemClock, after: (ms, f) => systemClock.after(ms > 500 ? 0 : ms, f) };
const signal = new AbortController().signal;
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

let folder: string;
let sandbox: string;
let closing: (() => void)[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fetch-'));
  sandbox = join(folder, 'sandbox');
  await mkdir(sandbox);
  closing = [];
});
afterEach(async () => {
  for (const close of closing) close();
  await rm(folder, { recursive: true, force: true });
});

function fetcher(config: Partial<FetcherConfig> = {}): Fetcher {
  const whole = { ...fetcherConfigSchema.parse({}), ...config };
  return createFetcher({ http, clock, random: systemRandom, config: whole, workDir: folder });
}

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What of the sandbox is not the log. */
const fetched = async (): Promise<string[]> => (await readdir(sandbox)).filter((n) => n !== 'stderr').sort();
const log = (): Promise<string> => readFile(join(sandbox, 'stderr'), 'utf8');

describe('fetching over HTTP', () => {
  it('follows redirects, unpacks archives, marks programs, makes folders, and tells the log', async () => {
    await writeFile(join(folder, 'inside'), 'content');
    const packed = execFileSync('tar', ['-czf', '-', 'inside'], { cwd: folder });
    const at = await serve((request, response) => {
      if (request.url === '/old.tgz') response.writeHead(302, { location: '/new.tgz' }).end();
      else if (request.url === '/new.tgz') response.end(packed);
      else response.end('#!/bin/sh\n');
    });
    const tool = { value: `${at}/tool`, executable: true, output_file: 'bin/tool' };
    await fetcher().fetch([{ value: `${at}/old.tgz` }, tool], sandbox, signal);
    expect(await readFile(join(sandbox, 'inside'), 'utf8')).toBe('content');
    expect((await stat(join(sandbox, 'bin/tool'))).mode & 0o777).toBe(0o755);
    expect(await fetched()).toEqual(['bin', 'inside', 'old.tgz']);
    expect(await log()).toContain(`Fetched ${at}/tool (10 bytes) to 'bin/tool'\n`);
  });

  it.each([
    ['/none', 'the server answered 404 Not Found', 1],
    ['/circle', 'more than 5 redirects', 6],
    ['/scheme', 'the server redirects from http: to ftp:, which is not followed', 1],
    ['/busy', 'the server answered 503 Service Unavailable (tried 3 times)', 3],
    ['/cut', 'the server closed the connection in between (tried 3 times)', 3],
    ['/chunks', 'the server closed the connection in between (tried 3 times)', 3],
    ['/stall', 'nothing came for 0.2 s (tried 3 times)', 3],
    ['/silent', 'nothing came for 0.2 s (tried 3 times)', 3],
    ['/large', 'it has 2000000 bytes, 1000000 are allowed', 1],
    ['/endless', 'it is larger than 1000000 bytes', 1],
  ])('%s fails, says why, and leaves nothing', async (path, problem, asked) => {
    let count = 0;
    const at = await serve((_request, response) => {
      count++;
      if (path === '/none') response.writeHead(404).end('no');
      else if (path === '/circle') response.writeHead(301, { location: '/circle' }).end();
      else if (path === '/scheme') response.writeHead(301, { location: 'ftp://h/x' }).end();
      else if (path === '/busy') response.writeHead(503).end();
      else if (path === '/cut' || path === '/stall')
        response.writeHead(200, { 'content-length': 1000 }).write('half', () => {
          if (path === '/cut') response.destroy();
        });
      else if (path === '/chunks') response.writeHead(200).write('half', () => response.destroy());
      else if (path === '/large') response.writeHead(200, { 'content-length': 2_000_000 }).write('x');
      else if (path === '/endless') {
        const more = (): boolean => response.write(Buffer.alloc(100_000));
        response.on('drain', more);
        more();
      }
    });
    const parts = { stallTimeoutSeconds: 0.2, maxBytes: 1_000_000 };
    const failed = fetcher(parts).fetch([{ value: `${at}${path}` }], sandbox, signal);
    await expect(failed).rejects.toThrow(`Failed to fetch ${at}${path}: ${problem}`);
    expect([count, await fetched()]).toEqual([asked, []]);
    expect(await log()).toContain(problem);
  });

  it('goes well at another try', async () => {
    let count = 0;
    const at = await serve((_request, response) => {
      count++;
      if (count === 1)
        response.writeHead(200, { 'content-length': 9 }).write('half', () => response.destroy());
      else if (count === 2) response.writeHead(500).end();
      else response.end('whole');
    });
    await fetcher().fetch([{ value: `${at}/x` }], sandbox, signal);
    expect(await readFile(join(sandbox, 'x'), 'utf8')).toBe('whole');
  });

  it('sends the login of the URI, and does not show it', async () => {
    const at = await serve((request, response) =>
      response.writeHead(request.headers.authorization === 'Basic dTpwQHNz' ? 200 : 401).end('x'),
    );
    const value = `${at.replace('//', '//u:p%40ss@')}/x`;
    await fetcher().fetch([{ value }], sandbox, signal);
    const wrong = fetcher().fetch([{ value: value.replace('p%40ss', 'secret') }], sandbox, signal);
    await expect(wrong).rejects.toThrow('u:***@127');
    expect(await log()).not.toMatch(/p%40ss|secret/);
  });

  it.each([false, true])('ends at once when it is aborted, cached: %s', async (cache) => {
    const asked = Promise.withResolvers<void>();
    const at = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('half');
      asked.resolve();
    });
    const abort = new AbortController();
    const failed = expect(
      fetcher().fetch([{ value: `${at}/x`, cache }], sandbox, abort.signal),
    ).rejects.toThrow('killed');
    await asked.promise;
    abort.abort(new Error('killed'));
    await failed;
    expect(await fetched()).toEqual([]);
  });
});

describe('checksums', () => {
  it('are compared before anything is to be seen', async () => {
    await writeFile(join(folder, 'x'), 'content');
    const value = `${join(folder, 'x')}#sha256=`;
    await fetcher().fetch([{ value: value + sha256('content').toUpperCase() }], sandbox, signal);
    expect(await fetched()).toEqual(['x']);
    await rm(join(sandbox, 'x'));
    for (const cache of [false, true]) {
      const wrong = fetcher().fetch([{ value: value + sha256('other'), cache }], sandbox, signal);
      await expect(wrong).rejects.toThrow(`its SHA-256 is ${sha256('content')}, not ${sha256('other')}`);
    }
    expect([await fetched(), await readdir(join(folder, 'fetch-cache'))]).toEqual([[], []]);
  });
});

describe('files of the machine', () => {
  it('are those below the folders that are allowed, after all links', async () => {
    await mkdir(join(folder, 'allowed'));
    await writeFile(join(folder, 'allowed/in'), 'in');
    await writeFile(join(folder, 'out'), 'out');
    symlinkSync('../out', join(folder, 'allowed/link'));
    const some = fetcher({ localFolders: [join(folder, 'none'), join(folder, 'allowed')] });
    // a folder that is not there allows nothing, and stops nothing
    await mkdir(join(folder, 'none'));
    await some.fetch([{ value: `file://${folder}/allowed/in` }], sandbox, signal);
    for (const path of ['out', 'allowed/link', 'allowed/../out']) {
      const value = join(folder, 'allowed', '..', path);
      await expect(some.fetch([{ value }], sandbox, signal)).rejects.toThrow('localFolders');
    }
    await expect(some.fetch([{ value: join(folder, 'allowed/none') }], sandbox, signal)).rejects.toThrow(
      'there is no such file on the agent',
    );
    await expect(
      some.fetch([{ value: join(folder, 'allowed'), output_file: 'y' }], sandbox, signal),
    ).rejects.toThrow('it is no file');
    expect(await fetched()).toEqual(['in']);
  });

  it('may be named relative to a home', async () => {
    await writeFile(join(folder, 'x'), 'content');
    await fetcher({ frameworksHome: folder }).fetch([{ value: 'x' }], sandbox, signal);
    expect(await fetched()).toEqual(['x']);
  });

  it.runIf(process.getuid?.() === 0)('are those that the user of the task may read', async () => {
    await chmod(folder, 0o711);
    await writeFile(join(folder, 'open'), 'for all', { mode: 0o644 });
    await writeFile(join(folder, 'closed'), 'for root', { mode: 0o600 });
    await fetcher().fetch([{ value: join(folder, 'open') }], sandbox, signal, 'nobody');
    expect(await readFile(join(sandbox, 'open'), 'utf8')).toBe('for all');
    const closed = [{ value: join(folder, 'closed') }];
    await expect(fetcher().fetch(closed, sandbox, signal, 'nobody')).rejects.toThrow(
      "the user 'nobody' may not read it",
    );
    await fetcher().fetch(closed, sandbox, signal);
    expect(await fetched()).toEqual(['closed', 'open']);
    const unknown = fetcher().fetch(closed, sandbox, signal, 'no-such-user');
    await expect(unknown).rejects.toThrow("This machine has no user 'no-such-user'");
  });
});

describe('where it is put', () => {
  it('is never beyond a link, never the place of a folder, and never what the agent keeps for itself', async () => {
    await writeFile(join(folder, 'x'), 'new');
    symlinkSync('..', join(sandbox, 'up'));
    await mkdir(join(sandbox, 'folder'));
    await writeFile(join(sandbox, 'file'), 'old');
    const put = (output_file: string): Promise<void> =>
      fetcher().fetch([{ value: join(folder, 'x'), output_file }], sandbox, signal);
    await expect(put('up/y')).rejects.toThrow("'up' is no folder of the sandbox");
    await expect(put('file/y')).rejects.toThrow("'file' is no folder of the sandbox");
    await expect(put('folder')).rejects.toThrow("'folder' is a folder already");
    await expect(put('.rimrock/key.pem')).rejects.toThrow('is used by the agent itself');
    await put('up');
    await put('file');
    expect(await readFile(join(sandbox, 'file'), 'utf8')).toBe('new');
    expect(lstatSync(join(sandbox, 'up')).isFile()).toBe(true);
    expect((await readdir(folder)).sort()).toEqual(['sandbox', 'x']);
  });
});
