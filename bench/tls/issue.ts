import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileAudit } from '../../src/auth/ca/audit.ts';
import { Authority } from '../../src/auth/ca/authority.ts';
import { MemoryKeys } from '../../src/auth/keystore/memory-keys.ts';
import { chainOf, judge, readTrust } from '../../src/auth/x509/judge.ts';
import { makeKeyPair } from '../../src/auth/x509/make.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { systemRandom } from '../../src/core/random.ts';
import { memoryStore } from '../../src/store/index.ts';
import type { Figure, FigureResult, Finding } from '../support/figure.ts';
import { median } from '../support/statistics.ts';

const ROUNDS = 9;
const EACH = 2_000;
const GOAL = 500;
const HOUR_MS = 3_600_000;

/** How many a CPU second makes, the threads that write and collect garbage included: the median of the rounds. */
async function rate(work: () => void, finish = async (): Promise<void> => {}): Promise<number> {
  const rates: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const before = process.cpuUsage();
    for (let i = 0; i < EACH; i++) work();
    await finish();
    const { user, system } = process.cpuUsage(before);
    rates.push(EACH / ((user + system) / 1e6));
  }
  return Math.round(median(rates.slice(1)));
}

/** Certificates that one CPU second issues, judges, and makes keys for. */
export const issuing: Figure = { name: 'issuing', run: measure };

async function measure(): Promise<FigureResult> {
  const folder = mkdtempSync(join(tmpdir(), 'rimrock-bench-tls-'));
  const audit = new FileAudit(join(folder, 'audit.log'), silentLogger, { maxBytes: 10_000_000, files: 5 });
  const authority = new Authority({
    store: memoryStore(),
    keys: new MemoryKeys(),
    audit,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    settings: {
      trustDomain: 'bench.local',
      rootMs: 3650 * 24 * HOUR_MS,
      intermediateMs: 24 * HOUR_MS,
      leafMs: HOUR_MS,
      spreadMs: 0,
    },
  });
  await authority.start();
  try {
    // Each has a key of its own, which is read and checked for every certificate.
    const publicKeys = Array.from({ length: EACH }, () => makeKeyPair().publicKey);
    let n = 0;
    const names = ['web.marathon.mesos'];
    const issue = (): void => {
      const publicKey = publicKeys[n++ % EACH] ?? '';
      authority.issue({ publicKey, path: `/ns/prod/app/web/task/${n}`, names, by: 'bench' });
    };
    // What is to be written down is written down before the round ends.
    const issued = await rate(issue, () => audit.close());
    if (audit.lost > 0) throw new Error('entries of the audit log were lost');
    const chain = chainOf(
      authority.issue({ publicKey: publicKeys[0] ?? '', path: '/web', by: 'bench' }).certificateChain,
    );
    const trust = readTrust(authority.bundle);
    const nowMs = systemClock.now();
    const judged = await rate(() => {
      if (!judge(chain, trust, { nowMs }).ok) throw new Error('it does not verify');
    });
    const keys = await rate(() => void makeKeyPair());
    const told = (what: string, n: number): Finding => ({
      what: `${what} for a CPU second`,
      goal: '',
      measured: String(n),
      reached: undefined,
    });
    const what = 'certificates issued for a CPU second, audit log included';
    return {
      findings: [
        { what, goal: `≥ ${GOAL}`, measured: String(issued), reached: issued >= GOAL },
        told('chains judged', judged),
        told('keys made (P-256)', keys),
      ],
      details: [],
    };
  } finally {
    await authority.stop();
    await audit.close();
    rmSync(folder, { recursive: true, force: true });
  }
}
