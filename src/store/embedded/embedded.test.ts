import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { runStoreContract } from '../store.contract.ts';
import type { Entry } from '../types.ts';
import { decodeFile, encodeBatch, encodeSnapshot } from './format.ts';
import { openEmbeddedStore } from './open.ts';

let root = '';
let count = 0;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'rimrock-store-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const log = silentLogger;
const newDir = (): string => join(root, String(++count));
const open = (dir: string, compactAfterBytes?: number): ReturnType<typeof openEmbeddedStore> =>
  openEmbeddedStore({ dir, log, ...(compactAfterBytes === undefined ? {} : { compactAfterBytes }) });

runStoreContract('embedded', () => open(newDir()));
runStoreContract('embedded, always compacting', () => open(newDir(), 0));

describe('embedded store', () => {
  it('has everything after opening again, revisions included', async () => {
    const dir = newDir();
    const store = await open(dir);
    await store.put('a', '1');
    const kept = await store.put('b', '2');
    await store.delete('a');
    await store.close();
    const again = await open(dir);
    expect(await again.list('')).toEqual([kept]);
    expect((await again.put('c', '3')).revision).toBe(kept.revision + 2);
    await again.close();
  });

  it('keeps its files to its user', async () => {
    const dir = newDir();
    const store = await open(dir);
    await store.put('a', '1');
    expect(statSync(dir).mode & 0o777).toBe(0o700);
    for (const name of ['store.log', 'lock']) expect(statSync(join(dir, name)).mode & 0o777).toBe(0o600);
    await store.close();
  });

  it('stays small when one key is written many times', async () => {
    const dir = newDir();
    const store = await open(dir, 10_000);
    for (let i = 0; i < 200; i++) await store.put('k', 'x'.repeat(1000));
    expect(statSync(join(dir, 'store.log')).size).toBeLessThan(25_000);
    await store.close();
    const again = await open(dir);
    expect((await again.get('k'))?.revision).toBe(200);
    await again.close();
  });

  it('refuses a newer format, and leaves the file alone', async () => {
    const dir = newDir();
    await (await open(dir)).close();
    const file = join(dir, 'store.log');
    const [header] = encodeSnapshot([], 0);
    const newer = Buffer.from(encodeLineLike(header, '"version":1', '"version":2'));
    writeFileSync(file, newer);
    await expect(open(dir)).rejects.toMatchObject({
      code: 'STORE_TOO_NEW',
      details: { version: 2, known: 1 },
    });
    expect(readFileSync(file)).toEqual(newer);
  });

  it('refuses a damaged middle, naming the place, and leaves the file alone', async () => {
    const dir = newDir();
    const file = join(dir, 'store.log');
    const head = Buffer.concat([...encodeSnapshot([], 0)]);
    const one = encodeBatch({ firstRevision: 1, changes: [{ key: 'a', value: 'first' }] });
    const two = encodeBatch({ firstRevision: 2, changes: [{ key: 'b', value: 'second' }] });
    await (await open(dir)).close();
    const damaged = Buffer.concat([head, one, two]);
    damaged[head.length + 30] = 0;
    writeFileSync(file, damaged);
    await expect(open(dir)).rejects.toMatchObject({
      code: 'STORE_CORRUPT',
      details: { file, offset: head.length },
    });
    writeFileSync(file, Buffer.concat([head, two]));
    await expect(open(dir)).rejects.toThrow(/revision 1 is missing/);
    expect(readFileSync(file)).toEqual(Buffer.concat([head, two]));
  });

  it('refuses a snapshot that is cut short', () => {
    const entries = Array.from({ length: 1200 }, (_, i) => ({ key: `k${i}`, value: 'v', revision: i + 1 }));
    const whole = Buffer.concat([...encodeSnapshot(entries, 1200)]);
    expect(decodeFile(whole)).toMatchObject({ kind: 'ok', revision: 1200, batches: 0 });
    for (const cut of [0, 10, 100, 10_000, whole.length - 1])
      expect(decodeFile(whole.subarray(0, cut)).kind).toBe('corrupt');
  });
});

/** A header with one thing changed and the checksum put right. */
function encodeLineLike(line: Buffer | undefined, from: string, to: string): string {
  const json = String(line).slice(9, -1).replace(from, to);
  return `${crc(json)} ${json}\n`;
}

function crc(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

describe('embedded store after a crash', () => {
  it('holds a prefix of the batches wherever the file was cut', () => {
    const head = Buffer.concat([...encodeSnapshot([{ key: 'old', value: '0', revision: 7 }], 7)]);
    const batches = [
      [
        { key: 'a', value: '1' },
        { key: 'b', value: 'ü\n' },
      ],
      [{ key: 'a', value: undefined }],
      [
        { key: 'c', value: '3' },
        { key: 'a', value: '4' },
        { key: 'old', value: undefined },
      ],
    ];
    let revision = 7;
    const pieces = batches.map((changes) => {
      const piece = encodeBatch({ firstRevision: revision + 1, changes });
      revision += changes.length;
      return piece;
    });
    const whole = Buffer.concat([head, ...pieces]);
    for (let cut = head.length; cut <= whole.length; cut++) {
      let complete = 0;
      for (let end = head.length; complete < pieces.length; complete++) {
        end += pieces[complete]?.length ?? 0;
        if (end > cut) break;
      }
      const content = decodeFile(whole.subarray(0, cut));
      expect(content).toMatchObject({
        kind: 'ok',
        batches: complete,
        revision: 7 + batches.slice(0, complete).flat().length,
        goodBytes: head.length + pieces.slice(0, complete).reduce((n, p) => n + p.length, 0),
      });
    }
  });

  it('cuts a torn end off and writes on behind it', async () => {
    const dir = newDir();
    const store = await open(dir);
    await store.put('a', '1');
    await store.close();
    for (const tail of ['deadbeef {"rev', '\u0000\u0000\u0000\u0000', 'garbage\n\u0000\u0000\ngarbage']) {
      writeFileSync(join(dir, 'store.log'), tail, { flag: 'a' });
      const again = await open(dir);
      expect((await again.get('a'))?.value).toBe('1');
      await again.put('b', tail);
      await again.close();
    }
    const last = await open(dir);
    expect(await last.list('')).toHaveLength(2);
    await last.close();
  });

  it('forgets a compaction that did not finish', async () => {
    const dir = newDir();
    const store = await open(dir);
    await store.put('a', '1');
    await store.close();
    writeFileSync(join(dir, 'store.log.new'), 'half a sna');
    const again = await open(dir);
    expect((await again.get('a'))?.value).toBe('1');
    await again.close();
  });
});

describe('embedded store against a model', () => {
  const key = fc.constantFrom('a', 'b', 'c/d', 'c/e', 'c/f/g');
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant('put' as const),
        key,
        value: fc.string({ unit: 'binary', maxLength: 20 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('delete' as const), key }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('cas' as const),
        key,
        right: fc.boolean(),
        value: fc.string(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
  );

  it('behaves like a Map', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 25 }),
        fc.constantFrom(0, 300, 1e6),
        async (steps, compactAfter) => {
          const dir = newDir();
          const model = new Map<string, Entry>();
          let revision = 0;
          let store = await open(dir, compactAfter);
          for (const s of steps) {
            if (s.kind === 'reopen') {
              await store.close();
              store = await open(dir, compactAfter);
            } else if (s.kind === 'delete') {
              expect(await store.delete(s.key)).toBe(model.delete(s.key));
              revision = Math.max(revision, (await store.put('probe', '')).revision);
            } else if (s.kind === 'put') {
              const entry = await store.put(s.key, s.value);
              expect(entry.revision).toBeGreaterThan(revision);
              revision = entry.revision;
              model.set(s.key, entry);
            } else {
              const at = model.get(s.key)?.revision ?? 0;
              const entry = await store.compareAndSet(s.key, s.right ? at : at + 1, s.value);
              expect(entry !== undefined).toBe(s.right);
              if (entry) {
                revision = entry.revision;
                model.set(s.key, entry);
              }
            }
            const listed = (await store.list('')).filter((e) => e.key !== 'probe');
            expect(listed).toEqual([...model.values()].sort((x, y) => (x.key < y.key ? -1 : 1)));
          }
          await store.close();
          rmSync(dir, { recursive: true });
        },
      ),
      { numRuns: 60 },
    );
  });
});
