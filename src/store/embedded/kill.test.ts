import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { openEmbeddedStore } from './open.ts';

const ROUNDS = 12;

/** Writes without end, 20 at a time, and tells each write only after it was acknowledged. */
const writer = (dir: string, round: number): string => `
  import { openEmbeddedStore } from ${JSON.stringify(new URL('./open.ts', import.meta.url).href)};
  import { silentLogger } from ${JSON.stringify(new URL('../../core/log.ts', import.meta.url).href)};
  const store = await openEmbeddedStore({ dir: ${JSON.stringify(dir)}, log: silentLogger, compactAfterBytes: 5000 });
  for (let i = 0; ; i++) {
    await Promise.all(Array.from({ length: 20 }, async (_, k) => {
      const { revision } = await store.put('k/' + k, ${round} + '.' + i);
      process.stdout.write(k + ' ${round}.' + i + ' ' + revision + '\\n');
    }));
  }`;

describe('embedded store under kill -9', () => {
  it('has every acknowledged write, whenever its writer is killed', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'rimrock-kill-'));
    const acknowledged = new Map<string, { readonly value: string; readonly revision: number }>();
    for (let round = 0; round < ROUNDS; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', writer(dir, round)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const killAfterLines = 1 + Math.floor(Math.random() * 600);
      let output = '';
      let lines = 0;
      child.stdout.on('data', (piece: Buffer) => {
        const text = piece.toString();
        output += text;
        lines += text.split('\n').length - 1;
        if (lines >= killAfterLines) child.kill('SIGKILL');
      });
      await new Promise((ended) => child.once('close', ended));
      expect(lines).toBeGreaterThanOrEqual(killAfterLines);
      for (const line of output.split('\n').slice(0, -1)) {
        const [k = '', value = '', revision = ''] = line.split(' ');
        acknowledged.set(`k/${k}`, { value, revision: Number(revision) });
      }
      const store = await openEmbeddedStore({ dir, log: silentLogger });
      const kept = new Map((await store.list('k/')).map((e) => [e.key, e]));
      for (const [key, { value, revision }] of acknowledged) {
        // What is kept is the acknowledged value or a later one that was on its way.
        expect(kept.get(key)?.revision).toBeGreaterThanOrEqual(revision);
        if (kept.get(key)?.revision === revision) expect(kept.get(key)?.value).toBe(value);
      }
      await store.close();
    }
    rmSync(dir, { recursive: true, force: true });
  });
});
