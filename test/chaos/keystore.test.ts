import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileKeys } from '../../src/auth/keystore/file-keys.ts';
import { systemRandom } from '../../src/core/random.ts';
import { has } from '../support/peers.ts';
import { root } from '../support/root.ts';

// Private keys on a machine that fails: whoever looks afterwards finds the whole old key or the whole new one, for its owner only.

const KILLS = process.env['RIMROCK_AUTH_LONG'] === undefined ? 50 : 500;

/** Longer than a page, and it tells where it ends. */
const textOf = (n: number): string => `${n} ${'k'.repeat(9_000 + (n % 7))} ${n}`;

const numberOf = (text: string | undefined): number => {
  const n = Number.parseInt(text ?? '', 10);
  expect(text).toBe(textOf(n));
  return n;
};

const PREAMBLE = (folder: string): string => `
  import { FileKeys } from './src/auth/keystore/file-keys.ts';
  import { systemRandom } from './src/core/random.ts';
  const textOf = (n) => n + ' ' + 'k'.repeat(9000 + (n % 7)) + ' ' + n;
  const keys = new FileKeys(${JSON.stringify(folder)}, systemRandom);
  await keys.open();`;

/** Writes one key after the other from `first` on, and tells each only when it is written. */
const writer = (folder: string, first: number): string => `${PREAMBLE(folder)}
  for (let n = ${first}; ; n++) {
    await keys.write('a', textOf(n));
    process.stdout.write(n + '\\n');
  }`;

/** Writes the key 2 and tells how that went. */
const once = (folder: string): string => `${PREAMBLE(folder)}
  await keys.write('a', textOf(2)).then(() => console.log('done'), (e) => console.log(e.code, e.message));`;

let folder: string;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'rimrock-keys-')), 'keys');
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }));

const open = async (): Promise<FileKeys> => {
  const keys = new FileKeys(folder, systemRandom);
  await keys.open();
  return keys;
};

/** Only whole files are left, and nobody else can read them. */
const looksWell = (): void => {
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  expect(readdirSync(folder)).toEqual(['a.key']);
  expect(statSync(join(folder, 'a.key')).mode & 0o777).toBe(0o600);
};

describe('keys in files', () => {
  it(`are whole after each of ${KILLS} times kill -9`, { timeout: 3_600_000 }, async () => {
    await (await open()).write('a', textOf(0));
    let last = 0;
    let halfWritten = 0;
    for (let kill = 0; kill < KILLS; kill++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', writer(folder, last + 1)], {
        cwd: root,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const killAfter = last + 1 + Math.floor(Math.random() * 3);
      let output = '';
      child.stdout.on('data', (piece: Buffer) => {
        output += piece.toString();
        const told = Number(output.trimEnd().split('\n').at(-1));
        // At another moment of the write each time.
        if (told >= killAfter) setTimeout(() => child.kill('SIGKILL'), Math.random() * 20);
      });
      await new Promise((ended) => child.once('close', ended));
      const acknowledged = Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1));
      expect(acknowledged).toBeGreaterThanOrEqual(killAfter);
      for (const file of readdirSync(folder)) expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
      if (readdirSync(folder).length > 1) halfWritten++;
      last = numberOf(await (await open()).read('a'));
      expect([acknowledged, acknowledged + 1]).toContain(last);
      looksWell();
    }
    console.log(`${KILLS} kills, ${last} keys written, ${halfWritten} times in the middle of a file`);
    expect(halfWritten).toBeGreaterThan(0);
  });

  const traced = (fault: string, code: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const words = [
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        `trace=${fault.split(':')[0]}`,
        '-e',
        `inject=${fault}`,
      ];
      const command = [process.execPath, '--input-type=module', '-e', code];
      // strace counts the calls of each thread
      const env = { ...process.env, UV_THREADPOOL_SIZE: '1' };
      execFile('strace', [...words, ...command], { cwd: root, env, timeout: 120_000 }, (error, out, err) =>
        error && out === '' ? reject(new Error(err, { cause: error })) : resolve(out.trim()),
      );
    });

  describe.skipIf(!has('strace') || process.platform !== 'linux')(
    'on a disk that fails (needs strace)',
    () => {
      it.each([
        ['fsync:error=EIO:when=1', 1, 'EIO'],
        ['fsync:error=ENOSPC:when=1', 1, 'ENOSPC'],
        ['rename:error=EIO:when=1', 1, 'EIO'],
        ['rename:error=ENOSPC:when=1', 1, 'ENOSPC'],
        // The new name is there, and whoever wrote it hears that it may not last.
        ['fsync:error=EIO:when=2', 2, 'EIO'],
        ['fsync:error=ENOSPC:when=2', 2, 'ENOSPC'],
      ])('%s leaves key %i, and is told', async (fault, left, code) => {
        const keys = await open();
        await keys.write('a', textOf(1));
        expect(await traced(fault, once(folder))).toMatch(new RegExp(`^AUTH_KEY_NOT_WRITTEN .*${code}`));
        looksWell();
        expect(numberOf(await (await open()).read('a'))).toBe(left);
        await keys.write('a', textOf(3));
        expect(numberOf(await keys.read('a'))).toBe(3);
      });

      it('does not notice faults of other calls', async () => {
        await (await open()).write('a', textOf(1));
        expect(await traced('fsync:error=EIO:when=3', once(folder))).toBe('done');
        expect(numberOf(await (await open()).read('a'))).toBe(2);
      });
    },
  );
});
