import type { Clock } from '../../core/clock.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import { differentKeys } from '../config/difference.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { RimrockConfig, Section } from '../config/schema.ts';

/** What came of reading the configuration again, counted. */
export class ReloadCounts {
  /** Something was taken over; nothing had changed; what changed needs a restart; it does not hold. */
  readonly counts = { applied: 0, unchanged: 0, restart: 0, refused: 0 };

  expose(metrics: Metrics): void {
    metrics.observed(
      'rimrock_config_reloads_total',
      'How often the configuration was read again: applied, unchanged, restart (what changed needs one), refused (it does not hold).',
      () => Object.entries(this.counts).map(([outcome, value]) => ({ labels: { outcome }, value })),
    );
  }
}

export interface ReloaderParts {
  readonly load: () => Promise<LoadedConfig>;
  /** What runs now. */
  readonly config: RimrockConfig;
  /** The sections that this role reads; others may change as they like. */
  readonly sections: readonly Section[];
  readonly parts: readonly { readonly section: Section; readonly component: Pick<Component, 'reload'> }[];
  readonly counts: ReloadCounts;
  readonly log: Logger;
}

/** Takes over what has changed in the configuration, as far as that goes without a restart. */
export class Reloader {
  readonly #parts: ReloaderParts;
  #running: RimrockConfig;
  #last: Promise<void> = Promise.resolve();

  constructor(parts: ReloaderParts) {
    this.#parts = parts;
    this.#running = parts.config;
  }

  /** Read it again. One after the other; never rejects. */
  reload(): Promise<void> {
    this.#last = this.#last.then(() => this.#reload());
    return this.#last;
  }

  async #reload(): Promise<void> {
    const { load, counts, log } = this.#parts;
    try {
      const loaded = await load();
      if (loaded.ok) return this.#take(loaded);
      counts.counts.refused++;
      const issues = loaded.issues.map(({ path, message }) => `${path}: ${message}`);
      log.error({ issues }, 'the changed configuration does not hold; nothing changes');
    } catch (error) {
      counts.counts.refused++;
      log.error({ error }, 'the changed configuration could not be taken over');
    }
  }

  #take({ config, kind }: Extract<LoadedConfig, { ok: true }>): void {
    const { sections, counts, log } = this.#parts;
    const applied = kind === 'mesos-dns' ? [] : this.#apply(config);
    const left = sections.flatMap((section) =>
      differentKeys(this.#running[section], config[section], section),
    );
    if (applied.length > 0) log.info({ applied }, 'the changed configuration is in effect');
    if (left.length > 0) {
      const why = kind === 'mesos-dns' ? ' (nothing of a Mesos-DNS file is taken over while it runs)' : '';
      log.warn(`the configuration has changed; needs a restart: ${left.join(', ')}${why}`);
    }
    if (applied.length === 0 && left.length === 0)
      log.info('the configuration was read again; nothing has changed');
    if (applied.length > 0) counts.counts.applied++;
    else if (left.length > 0) counts.counts.restart++;
    else counts.counts.unchanged++;
  }

  /** The keys that parts took over. */
  #apply(config: RimrockConfig): string[] {
    return this.#parts.parts.flatMap(({ section, component }) => {
      const next = config[section];
      const taken = component.reload?.(next) ?? [];
      if (taken.length === 0) return [];
      const values = Object.fromEntries(taken.map((key) => [key, (next as Record<string, unknown>)[key]]));
      this.#running = { ...this.#running, [section]: { ...(this.#running[section] as object), ...values } };
      return taken.map((key) => `${section}.${key}`);
    });
  }
}

/** Several changes in a row, as editors make them, are one: `f` runs when it has been quiet for `ms`. */
export function whenQuiet(clock: Clock, ms: number, f: () => void): () => void {
  let timer: { cancel(): void } | undefined;
  return () => {
    timer?.cancel();
    timer = clock.after(ms, f);
  };
}
