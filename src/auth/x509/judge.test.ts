import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { AuthorityHarness } from '../testing/authority-harness.ts';
import { chainOf, judge, readTrust } from './judge.ts';
import type { Trust } from './judge.ts';

let chain: readonly Buffer[] = [];
let trust: Trust;
let nowMs = 0;

beforeAll(async () => {
  const harness = new AuthorityHarness();
  const authority = await harness.start();
  chain = chainOf(harness.issue(authority, '/web').certificateChain);
  trust = readTrust(authority.bundle);
  nowMs = harness.clock.now();
  await authority.stop();
});

const runs = process.env['RIMROCK_AUTH_LONG'] === undefined ? 3_000 : 300_000;

describe('the judge', () => {
  it('takes what the authority made', () => {
    expect(judge(chain, trust, { nowMs, role: 'server' })).toMatchObject({ ok: true });
  });

  it('never takes a chain of which a byte was changed, and never throws', () => {
    const change = fc.record({ which: fc.nat(1), at: fc.nat(2_000), by: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(change, ({ which, at, by }) => {
        const changed = chain.map((bytes) => Buffer.from(bytes));
        const bytes = changed[which];
        if (!bytes) throw new Error('a leaf and an intermediate');
        const place = at % bytes.length;
        bytes[place] = (bytes[place] ?? 0) ^ by;
        expect(judge(changed, trust, { nowMs }).ok).toBe(false);
      }),
      { numRuns: runs },
    );
  });

  it('has a reason for anything', () => {
    const any = fc.array(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.nat(1_000)), { maxLength: 5 });
    fc.assert(
      fc.property(any, (pieces) => {
        const made = pieces.map((p) =>
          typeof p === 'number' ? (chain[0] ?? Buffer.of()).subarray(0, p) : p,
        );
        const verdict = judge(made, trust, { nowMs });
        if (verdict.ok) expect(made[0]).toEqual(chain[0]);
        else expect(verdict.code).toMatch(/^[a-z0-9-]+$/);
      }),
      { numRuns: runs },
    );
  });
});
