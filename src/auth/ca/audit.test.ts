import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { FileAudit } from './audit.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'rimrock-audit-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (maxBytes = 1_000_000): FileAudit =>
  new FileAudit(join(folder, 'a', 'audit.log'), silentLogger, { maxBytes, files: 3 });
const entry = (n: number): { time: string; what: string; by: string; n: number } => ({
  time: '2026-01-01T00:00:00.000Z',
  what: 'issue',
  by: 'test',
  n,
});

describe('the audit log', () => {
  it('tells the newest first, also after a restart and past a line that a crash cut off', async () => {
    const audit = open();
    for (let n = 0; n < 50; n++) audit.add(entry(n));
    expect((await audit.latest(3)).map((e) => e['n'])).toEqual([49, 48, 47]);
    await audit.close();
    appendFileSync(join(folder, 'a', 'audit.log'), '{"time": "2026-\n');
    const again = open();
    again.add(entry(50));
    expect((await again.latest(3)).map((e) => e['n'])).toEqual([50, 49]);
    expect(statSync(join(folder, 'a', 'audit.log')).mode & 0o777).toBe(0o600);
    await again.close();
  });

  it('begins a new file when one is full, and keeps so many', async () => {
    const audit = open(1_000);
    for (let n = 0; n < 200; n++) {
      audit.add(entry(n));
      if (n % 5 === 4) await audit.latest(1);
    }
    expect(readdirSync(join(folder, 'a')).length).toBeLessThanOrEqual(3);
    const kept = (await audit.latest(1_000)).map((e) => e['n']);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, i) => 199 - i));
    expect(kept.length).toBeGreaterThan(20);
    expect(kept.length).toBeLessThan(60);
    await audit.close();
  });

  it('counts what it loses, and never fails', async () => {
    writeFileSync(join(folder, 'a'), 'a file where the folder should be');
    const audit = open();
    audit.add(entry(1));
    expect(await audit.latest(5)).toEqual([]);
    expect(audit.lost).toBe(1);
    await audit.close();
  });
});
