import type { Clock } from '../../core/clock.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { TlsOptions } from '../../core/http/client.ts';
import { followLockedKey } from '../../core/http/consul-key.ts';
import type { ConsulKey } from '../../core/http/consul-key.ts';
import type { Random } from '../../core/random.ts';
import { addressOfJsonInfo } from './master-info.ts';
import type { DetectorListener, MasterDetector } from './types.ts';

interface ConsulDetectorParts {
  readonly key: ConsulKey;
  /** How it is spoken to where it is https; as the system does without it. */
  readonly consulTls?: TlsOptions | undefined;
  readonly clock: Clock;
  readonly random: Random;
}

/** Follows the election of masters in Consul: the key of the leader holds its MasterInfo, as long as it leads. */
export class ConsulDetector implements MasterDetector {
  readonly #parts: ConsulDetectorParts;
  readonly #stop = new AbortController();

  constructor(parts: ConsulDetectorParts) {
    this.#parts = parts;
  }

  start(listener: DetectorListener): void {
    void this.#follow(listener);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #follow(listener: DetectorListener): Promise<void> {
    const { key, consulTls: tls } = this.#parts;
    const http = createHttpClient({ connections: 1, ...(tls && { tls }) });
    this.#stop.signal.addEventListener('abort', () => void http.close(), { once: true });
    for await (const news of followLockedKey(key, { ...this.#parts, http }, this.#stop.signal)) {
      if (news.kind === 'problem') {
        listener.onProblem(news.reason);
        continue;
      }
      const { value } = news;
      const leader = value === undefined ? undefined : addressOfJsonInfo(new TextEncoder().encode(value));
      const unread = value !== undefined && leader === undefined;
      listener.onProblem(
        value === undefined
          ? `no master leads, says ${key.key} in Consul`
          : unread
            ? `${key.key} in Consul holds no address of a master`
            : undefined,
      );
      if (!unread) listener.onMasters({ leader, others: [] });
    }
  }
}
