import type { Clock, Timer } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { CatalogFramework, SetDiff } from '../cluster/index.ts';

/** How often names are looked up again; Mesos-DNS does it at each of its reloads. */
const EVERY_MS = 60_000;

export interface FrameworkHostsParts {
  /** All addresses of a host name, by the system's resolver. Rejects when there are none. */
  readonly lookup: (host: string) => Promise<readonly string[]>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Frameworks whose addresses became known or others. */
  readonly onChange: (changed: SetDiff<CatalogFramework>['changed']) => void;
}

/**
 * Schedulers on the HTTP API give a host name, not an address, and Mesos-DNS publishes what it resolves to
 * (mesos-dns.md §6.1). Names are looked up here, one after the other and off the path of queries; a name that does not
 * resolve keeps its last addresses, or has none.
 */
export class FrameworkHosts {
  readonly #parts: FrameworkHostsParts;
  readonly #published = new Map<string, CatalogFramework>();
  readonly #addresses = new Map<string, readonly string[]>();
  readonly #queue = new Set<string>();
  #working = false;
  #stopped = false;
  #timer: Timer | undefined;

  constructor(parts: FrameworkHostsParts) {
    this.#parts = parts;
  }

  /** The frameworks as they are published: with addresses where they are known. */
  get published(): ReadonlyMap<string, CatalogFramework> {
    return this.#published;
  }

  start(): void {
    this.#timer = this.#parts.clock.every(EVERY_MS, () => {
      for (const f of this.#published.values()) this.#ask(f);
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#queue.clear();
  }

  /** Take a step of the catalog; returns the same step with addresses. */
  follow(diff: SetDiff<CatalogFramework>): SetDiff<CatalogFramework> {
    const removed = diff.removed.map((f) => this.#published.get(f.id) ?? f);
    for (const f of diff.removed) this.#published.delete(f.id);
    return {
      added: diff.added.map((f) => this.#publish(f)),
      changed: diff.changed.map(({ before, after }) => ({
        before: this.#published.get(before.id) ?? before,
        after: this.#publish(after),
      })),
      removed,
    };
  }

  #publish(framework: CatalogFramework): CatalogFramework {
    const known = this.#addresses.get(framework.host);
    const value = framework.ips.length === 0 && known ? { ...framework, ips: known } : framework;
    this.#published.set(value.id, value);
    if (known === undefined) this.#ask(value);
    return value;
  }

  #ask(framework: CatalogFramework): void {
    const { host, ips } = framework;
    if (host === '' || (ips.length > 0 && !this.#addresses.has(host))) return;
    this.#queue.add(host);
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (const host of this.#queue) {
      try {
        this.#learn(host, [...(await this.#parts.lookup(host))].sort());
      } catch (error) {
        this.#parts.log.debug({ host, error: errorText(error) }, 'the host of a framework does not resolve');
      }
      this.#queue.delete(host);
      if (this.#stopped) return;
    }
    this.#working = false;
  }

  #learn(host: string, ips: readonly string[]): void {
    if (this.#stopped || this.#addresses.get(host)?.join() === ips.join()) return;
    this.#addresses.set(host, ips);
    const changed = [...this.#published.values()]
      .filter((f) => f.host === host)
      .map((before) => ({ before, after: { ...before, ips } }));
    for (const { after } of changed) this.#published.set(after.id, after);
    if (changed.length > 0) this.#parts.onChange(changed);
  }
}
