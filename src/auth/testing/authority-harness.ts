import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import type { Store } from '../../store/index.ts';
import type { Audit, AuditEntry } from '../ca/audit.ts';
import { Authority } from '../ca/authority.ts';
import type { AuthorityParts, AuthoritySettings } from '../ca/parts.ts';
import type { IssuedChain } from '../identity/issuer.ts';
import { MemoryKeys } from '../keystore/memory-keys.ts';
import type { KeyStore } from '../keystore/types.ts';
import { chainOf, judge, readTrust } from '../x509/judge.ts';
import type { Judgement } from '../x509/judge.ts';
import { makeKeyPair } from '../x509/make.ts';

export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

export class MemoryAudit implements Audit {
  readonly entries: AuditEntry[] = [];
  readonly lost = 0;
  add(entry: AuditEntry): void {
    this.entries.push(entry);
  }
  async latest(limit: number): Promise<readonly AuditEntry[]> {
    return this.entries.toReversed().slice(0, limit);
  }
  async close(): Promise<void> {}
}

/** A machine with a disk: authorities come and go on it. */
export class AuthorityHarness {
  readonly clock = new FakeClock(Date.UTC(2026, 0, 1));
  readonly store: Store = memoryStore();
  readonly keys: KeyStore = new MemoryKeys();
  readonly audit = new MemoryAudit();
  readonly settings: AuthoritySettings = {
    trustDomain: 'test.local',
    rootMs: 3650 * DAY_MS,
    intermediateMs: DAY_MS,
    leafMs: HOUR_MS,
    spreadMs: MINUTE_MS,
  };
  /** Keys of leaves: the same for all, which is no matter here. */
  readonly publicKey = makeKeyPair().publicKey;

  parts(over: Partial<AuthorityParts> = {}): AuthorityParts {
    const { clock, store, keys, audit, settings } = this;
    return { clock, store, keys, audit, settings, random: seededRandom(1), log: silentLogger, ...over };
  }

  async start(over: Partial<AuthorityParts> = {}): Promise<Authority> {
    const authority = new Authority(this.parts(over));
    await authority.start();
    return authority;
  }

  issue(authority: Authority, path = '/web'): IssuedChain {
    return authority.issue({ publicKey: this.publicKey, path, names: [], by: 'test' });
  }

  judge(authority: Authority, chain: string): Judgement {
    return judge(chainOf(chain), readTrust(authority.bundle), { nowMs: this.clock.now() });
  }
}
