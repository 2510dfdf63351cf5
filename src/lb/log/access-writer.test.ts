import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { AccessWriter } from './access-writer.ts';
import { openLogFile } from './log-file.ts';
import type { LogFile } from './log-file.ts';

describe('who writes the access log', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'access-log-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const make = (path: string, open = openLogFile) => {
    const clock = new FakeClock();
    const writer = new AccessWriter({ path, open, clock, log: silentLogger, queueLines: 10 });
    const put = (text: string, lines = 1): Promise<void> =>
      new Promise((resolve) => writer.write(text, lines, 0, resolve));
    return { clock, writer, put };
  };

  it('appends, and opens the file anew when it was moved away or somebody says so', async () => {
    const path = join(folder, 'access.log');
    const { clock, writer, put } = make(path);
    await put('1\n');
    await rename(path, `${path}.1`);
    await put('2\n');
    // It looks every two seconds.
    clock.advance(2_000);
    await put('3\n');
    await rename(path, `${path}.2`);
    writer.reopen();
    await put('4\n');
    await writer.close();
    expect(await readFile(`${path}.1`, 'utf8')).toBe('1\n2\n');
    expect(await readFile(`${path}.2`, 'utf8')).toBe('3\n');
    expect(await readFile(path, 'utf8')).toBe('4\n');
    expect(writer.counts).toEqual({ written: 4, dropped: 0 });
  });

  it('is never waited for: what does not fit while a disk is slow is dropped and counted', async () => {
    const written: string[] = [];
    const disk = Promise.withResolvers<void>();
    const slow: LogFile = {
      write: async (text) => {
        await disk.promise;
        written.push(text);
      },
      inPlace: async () => true,
      close: async () => {},
    };
    const { writer } = make('slow', async () => slow);
    let taken = 0;
    for (let i = 0; i < 25; i++) writer.write(`${i}\n`, 1, 0, () => (taken += 1));
    expect(taken).toBe(15);
    disk.resolve();
    await writer.close();
    expect(taken).toBe(25);
    expect(written.join('')).toBe('0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n');
    expect(writer.counts).toEqual({ written: 10, dropped: 15 });
  });

  it('goes on when the disk is well again', async () => {
    let well = false;
    const open = async (): Promise<LogFile> => {
      if (!well) throw new Error('no space left on device');
      return { write: async () => {}, inPlace: async () => true, close: async () => {} };
    };
    const { clock, writer, put } = make('full', open);
    await put('1\n');
    well = true;
    await put('2\n');
    clock.advance(2_000);
    await put('3\n');
    expect(writer.counts).toEqual({ written: 1, dropped: 2 });
    await writer.close();
  });
});
