import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { systemRandom } from '../../core/random.ts';
import { FetchCache } from './cache.ts';

let folder: string;
let clock: FakeClock;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cache-'));
  clock = new FakeClock();
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (maxBytes = 100): FetchCache =>
  new FetchCache({ folder, maxBytes, clock, random: systemRandom });
const quiet = { signal: new AbortController().signal, tell: (): void => {} };

/** The text under `key`; `made` hears when it has to be brought. */
async function get(cache: FetchCache, key: string, made: string[] = [], text = key): Promise<string> {
  clock.advance(10_000);
  return cache.with(
    key,
    async (path) => {
      made.push(key);
      await writeFile(path, text);
    },
    (path) => readFile(path, 'utf8'),
    quiet,
  );
}

describe('the cache of the fetcher', () => {
  it('brings what several want at a time once, and tells all of them', async () => {
    const cache = open();
    const go = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    let times = 0;
    const heard: string[] = [];
    const want = (who: string): Promise<string> =>
      cache.with(
        'key',
        async (path, _signal, tell) => {
          times++;
          began.resolve();
          await go.promise;
          tell('half');
          await writeFile(path, 'text');
        },
        (path) => readFile(path, 'utf8'),
        { ...quiet, tell: (line) => heard.push(`${who} ${line}`) },
      );
    const both = Promise.all([want('a'), want('b')]);
    await began.promise;
    go.resolve();
    expect([await both, times, heard]).toEqual([['text', 'text'], 1, ['a half', 'b half']]);
    expect(await get(cache, 'key', [], 'other')).toBe('text');
  });

  it('goes on for the others when one is gone, and ends when all are', async () => {
    const cache = open();
    const aborts = [new AbortController(), new AbortController()];
    const ended = Promise.withResolvers<string>();
    const began = Promise.withResolvers<void>();
    let seen: AbortSignal | undefined;
    const waiting = aborts.map(({ signal }) =>
      cache.with(
        'key',
        (_path, inner) => {
          seen = inner;
          began.resolve();
          return new Promise((_resolve, reject) => {
            inner.addEventListener('abort', () => {
              ended.resolve('ended');
              reject(new Error('ended'));
            });
          });
        },
        async () => {},
        { ...quiet, signal },
      ),
    );
    const ends = waiting.map((one) => expect(one).rejects.toThrow('gone'));
    await began.promise;
    aborts[0]?.abort(new Error('gone'));
    await ends[0];
    expect(seen?.aborted).toBe(false);
    aborts[1]?.abort(new Error('gone'));
    await ends[1];
    expect(await ended.promise).toBe('ended');
    expect(await get(cache, 'key')).toBe('key');
  });

  it('a failure is for all who wait, and the next one tries anew', async () => {
    const cache = open();
    const fail = (): Promise<void> =>
      cache.with(
        'key',
        () => Promise.reject(new Error('no')),
        async () => {},
        quiet,
      );
    for (const failed of [fail(), fail()]) await expect(failed).rejects.toThrow('no');
    expect(await readdir(folder)).toEqual([]);
    expect(await get(cache, 'key')).toBe('key');
  });

  it('keeps what was used last, within its bound; what is larger serves once', async () => {
    const cache = open(9);
    const made: string[] = [];
    for (const key of ['aaa', 'bbb', 'ccc', 'aaa', 'ddd', 'aaa', 'ccc', 'bbb']) await get(cache, key, made);
    expect(made).toEqual(['aaa', 'bbb', 'ccc', 'ddd', 'bbb']);
    expect(await get(cache, 'much', made, 'more than nine')).toBe('more than nine');
    await get(cache, 'much', made);
    expect(made.slice(5)).toEqual(['much', 'much']);
    expect(await get(cache, '', made)).toBe('');
    expect(await get(cache, '', made)).toBe('');
    expect(made.slice(7)).toEqual(['']);
  });

  it('outlives its process: whole files count, in the order of their use, and halves do not', async () => {
    const first = open();
    for (const key of ['old', 'new', 'old']) await get(first, key);
    await writeFile(join(folder, `${'0'.repeat(64)}.abc.part`), 'half');
    const made: string[] = [];
    const second = open(6);
    await get(second, 'xyz', made); // 'new' goes
    await get(second, 'old', made);
    await get(second, 'new', made);
    expect(made).toEqual(['xyz', 'new']);
    expect(await readdir(folder)).toHaveLength(2);
    // somebody has cleaned up, or written into it
    for (const name of await readdir(folder)) await writeFile(join(folder, name), 'changed');
    expect(await get(second, 'new', made)).toBe('new');
    expect(made).toEqual(['xyz', 'new', 'new']);
  });

  it('is tried again when it could not be opened', async () => {
    const cache = open();
    await rm(folder, { recursive: true });
    await writeFile(folder, 'in its place');
    await expect(get(cache, 'a')).rejects.toThrow('EEXIST');
    await rm(folder);
    expect(await get(cache, 'a')).toBe('a');
  });
});
