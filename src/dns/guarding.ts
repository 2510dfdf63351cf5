import type { Clock, Timer } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import { rateLimitSettings } from './answer-config.ts';
import {
  adoptCookieSecret,
  cookieSecretTexts,
  newCookieSecrets,
  rotateCookieSecret,
} from './answer/cookies.ts';
import type { SharedGuards } from './answer/thread-guards.ts';
import { ageRateTable, newRateTable } from './answer/rate-limit.ts';
import type { DnsConfig } from './config.ts';

/** 2^16 slots a row are 512 KiB. */
const RATE_SLOTS_LOG2 = 16;
const AGE_MS = 20 * 60_000;

/** For the thread that starts the others: once, before any of them runs. `earlier`: `guardsState` of the process before. */
export function sharedGuards(
  config: DnsConfig,
  random: Random,
  clock: Clock,
  earlier?: unknown,
): SharedGuards {
  const settings = rateLimitSettings(config.rateLimit);
  const limited = settings.limits.some((l) => l.perSecond > 0);
  const secrets = config.cookies.enabled ? newCookieSecrets(random) : undefined;
  const { secret } = config.cookies;
  if (secrets) for (const text of secretsIn(earlier)) adoptCookieSecret(secrets, Buffer.from(text, 'hex'));
  if (secrets && secret !== undefined) adoptCookieSecret(secrets, Buffer.from(secret, 'hex'));
  return {
    cookieSecrets: secrets,
    rates: limited
      ? { table: newRateTable(RATE_SLOTS_LOG2, random, microseconds(clock)), settings }
      : undefined,
    exempt: config.rateLimit.exempt,
  };
}

/** For the process that takes over: the cookies that clients have from this one stay good there. */
export const guardsState = ({ cookieSecrets }: SharedGuards): GuardsState => ({
  cookieSecrets: cookieSecrets ? cookieSecretTexts(cookieSecrets) : [],
});

interface GuardsState {
  readonly cookieSecrets: readonly string[];
}

/** Of a process that may have been another version. */
function secretsIn(state: unknown): readonly string[] {
  const { cookieSecrets = [] } = (state ?? {}) as Partial<GuardsState>;
  if (!Array.isArray(cookieSecrets)) return [];
  return cookieSecrets.filter((text) => typeof text === 'string' && /^[0-9a-f]{32}$/.test(text));
}

/** Keeps what is shared in good order. Returns how to stop that. */
export function tendGuards(
  shared: SharedGuards,
  config: DnsConfig,
  random: Random,
  clock: Clock,
): () => void {
  const { cookieSecrets, rates } = shared;
  const timers: Timer[] = [];
  if (cookieSecrets && config.cookies.secret === undefined) {
    const rotate = (): void => rotateCookieSecret(cookieSecrets, random);
    timers.push(clock.every(config.cookies.rotationSeconds * 1000, rotate));
  }
  if (rates) timers.push(clock.every(AGE_MS, () => ageRateTable(rates.table, microseconds(clock))));
  return () => {
    for (const timer of timers) timer.cancel();
  };
}

/** The wall clock: monotonic ones begin anew in each thread. */
function microseconds(clock: Clock): number {
  return Math.floor(clock.now() * 1000);
}
