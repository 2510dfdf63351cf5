import type { Clock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import type { TlsOptions } from '../../core/http/client.ts';
import type { Access } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import type { Predecessor } from '../../core/predecessor.ts';
import type { Random } from '../../core/random.ts';
import type { EmbeddedStore } from '../../store/index.ts';
import type { Section } from '../config/schema.ts';
import { ReloadCounts } from './reload.ts';

/** A component with what tells about it. */
export interface Part {
  readonly name: string;
  readonly section: Section;
  readonly component: Component;
  readonly health: Health;
  readonly metrics: Metrics;
  /** The ports that are really in use, by the key that asked for them; valid once started. */
  ports(): Readonly<Record<string, number>>;
  /** What whoever starts it has to know; valid once started. */
  notes(): readonly string[];
}

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Of the configuration; shown with the metrics of DNS. */
  readonly reloads?: ReloadCounts;
  /** Who served before this process; nobody unless said. */
  readonly predecessor?: Predecessor;
  /** Aborts when the process is to end, also while parts still start. */
  readonly stop?: AbortSignal;
  /** Called by a part that sees no point in going on; the process ends. */
  readonly fail?: (error: Error) => void;
  /** Of which tasks get a part. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a part tells about itself. */
export interface Told {
  readonly health: Health;
  readonly metrics: Metrics;
}

/** What every part gets; without `access` its APIs are open, without `tls` they speak plain HTTP. */
export type Shared = Surroundings &
  Told & {
    readonly access: Access | undefined;
    readonly tls: MutualTls | undefined;
    /** Towards Consul, where masters are found there by https. */
    readonly consulTls: TlsOptions;
  };

export function newTold(): Told {
  return { health: new Health(), metrics: new Metrics() };
}

/** A part that keeps things on this machine is well only as long as the store takes them. */
export function watched(shared: Shared, store: EmbeddedStore | undefined): Shared {
  if (!store) return shared;
  shared.health.require('store', () => {
    const problem = store.problem();
    return problem === undefined ? { ok: true } : { ok: false, detail: problem };
  });
  return shared;
}

/** The ports that are really in use, by the key that asked for them. */
export type Ports<C> = (component: C) => Readonly<Record<string, number>>;

export type Add = <C extends Component>(
  name: string,
  section: Section,
  make: (shared: Shared) => C,
  options?: {
    readonly ports?: Ports<C>;
    readonly notes?: (component: C) => readonly string[];
    readonly told?: Told;
  },
) => C;
