import { CidrSet } from '../acl/cidr.ts';
import { Cookies } from './cookies.ts';
import { Guards } from './guards.ts';
import { RateLimiter } from './rate-limit.ts';
import type { RateLimitSettings } from './rate-limit.ts';

/** What the guards of all threads share, and how they are set; plain data and shared memory. */
export interface SharedGuards {
  readonly cookieSecrets: Int32Array | undefined;
  readonly rates: { readonly table: Int32Array; readonly settings: RateLimitSettings } | undefined;
  readonly exempt: readonly string[];
}

/** For each thread that answers. */
export function guardsOf(shared: SharedGuards): Guards {
  const { cookieSecrets, rates, exempt } = shared;
  const networks = new CidrSet(exempt);
  return new Guards({
    cookies: cookieSecrets && new Cookies(cookieSecrets),
    limiter: rates && new RateLimiter(rates.table, rates.settings),
    isExempt: (bytes, at, length) => networks.has(bytes, at, length),
  });
}
