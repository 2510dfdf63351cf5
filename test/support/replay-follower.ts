import type { MasterDirectory } from '../../src/cluster/detect/index.ts';
import { ClusterModel } from '../../src/cluster/model/index.ts';
import { createWatcher } from '../../src/cluster/watch/index.ts';
import type { ClusterEvent, WatchOptions } from '../../src/cluster/watch/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createHttpClient } from '../../src/core/http/client.ts';
import { seededRandom } from '../../src/core/random.ts';

export type FollowerOptions = Partial<WatchOptions> & { readonly masters: readonly string[] };

/** Consumes a watch, keeping the state that its events add up to. */
export class ReplayFollower {
  readonly events: ClusterEvent[] = [];
  state = new ClusterModel();
  stale = false;
  readonly #abort = new AbortController();
  readonly #stop: () => Promise<void>;
  #wake: () => void = () => {};

  constructor(options: FollowerOptions, clock: Clock = systemClock, directory?: MasterDirectory) {
    const http = createHttpClient();
    const watcher = createWatcher({
      options: {
        mode: 'auto',
        https: false,
        refreshMs: 15,
        stateTimeoutMs: 5_000,
        heartbeatLossFactor: 2.5,
        streamRetryMs: 60_000,
        auditMs: 10_000,
        ...options,
      },
      clock,
      random: seededRandom(1),
      http,
      observer: { onAttempt: () => {}, onEnd: () => {}, onEvents: () => {} },
      ...(directory ? { directory } : {}),
    });
    const done = this.#consume(watcher.events(this.#abort.signal));
    this.#stop = async () => {
      this.#abort.abort();
      await done;
      await http.close();
    };
  }

  stop(): Promise<void> {
    return this.#stop();
  }

  async #consume(events: AsyncIterable<ClusterEvent>): Promise<void> {
    for await (const event of events) {
      this.events.push(event);
      this.stale = event.kind === 'stale';
      if (event.kind === 'snapshot') this.state = ClusterModel.of(event.state);
      if (event.kind === 'delta') for (const change of event.changes) this.state.apply(change);
      this.#wake();
    }
  }

  /** Resolves when `test` holds; it is tried after each event. */
  async until(test: (f: ReplayFollower) => boolean): Promise<void> {
    while (!test(this)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What came, in order; an outage is one however often its reason changes. */
  get kinds(): string {
    const kinds = this.events.map((e) => e.kind);
    return kinds.filter((kind, i) => kind !== 'stale' || kinds[i - 1] !== 'stale').join(' ');
  }

  task(id: string): string | undefined {
    return [...this.state.tasks.values()].find((t) => t.id === id)?.state;
  }
}
