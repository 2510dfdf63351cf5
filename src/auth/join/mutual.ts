import type { Clock } from '../../core/clock.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { IdentitySource } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import { judgeLeaf } from '../x509/judge.ts';

/** One line of the log for each address and this long: whoever knocks at the wrong door does it often. */
const QUIET_MS = 60_000;
const MOST_ADDRESSES = 1_000;

/** TLS of the control plane by an identity: OpenSSL verifies chains, `judgeLeaf` what leaves say. */
export function mutualTlsOf(
  mode: MutualTls['mode'],
  identity: IdentitySource,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): MutualTls {
  const told = new Map<string, number>();
  return {
    mode,
    identity,
    judge(leaf, role) {
      const { current } = identity;
      if (!current) return { ok: false, why: 'nobody is believed yet' };
      const verdict = judgeLeaf(leaf, current.bundle.trustDomain, role);
      return verdict.ok ? verdict : { ok: false, why: `${verdict.code}: ${verdict.detail}` };
    },
    refused(address, why) {
      const now = clock.monotonic();
      if (now - (told.get(address) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return;
      if (told.size >= MOST_ADDRESSES) told.clear();
      told.set(address, now);
      log.warn({ address, why }, 'a connection was refused');
    },
  };
}
