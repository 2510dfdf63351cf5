import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Store } from '../../store/index.ts';
import type { KeyStore } from '../keystore/types.ts';
import type { Audit } from './audit.ts';
import type { AuthorityState } from './state.ts';

export interface AuthorityParts {
  readonly settings: AuthoritySettings;
  readonly store: Store;
  readonly keys: KeyStore;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface AuthoritySettings {
  readonly trustDomain: string;
  readonly rootMs: number;
  readonly intermediateMs: number;
  readonly leafMs: number;
  readonly spreadMs: number;
}

/** What may be told of the authority; no key is in it. */
export interface AuthorityView {
  readonly state: AuthorityState;
  readonly alarm: string | undefined;
}

/** How long ago certificates begin, for clocks that are behind. */
export const BACKDATE_MS = 10_000;
