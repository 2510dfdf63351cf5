import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../core/clock.ts';
import type { Condition } from '../core/health.ts';
import type { HttpClient, HttpResponse, TlsOptions } from '../core/http/client.ts';
import type { Logger } from '../core/log.ts';
import type { Random } from '../core/random.ts';
import { masterOrigin } from '../mesos/index.ts';
import type { ClusterConfig } from './config.ts';
import { createDetector, MasterDirectory } from './detect/index.ts';
import type { MasterDetector } from './detect/index.ts';
import { clusterErrors } from './errors.ts';
import type { Credentials } from './login/index.ts';
import { dialTcp } from './zookeeper/index.ts';
import type { Dial } from './zookeeper/index.ts';

export interface MastersParts {
  readonly config: ClusterConfig;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** How Consul is spoken to where masters are found there by https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
  /** How ZooKeeper is reached; TCP where nothing else is given. */
  readonly dial?: Dial;
  /** Whether any state is being served. */
  served(): boolean;
  /** There is no point in going on. */
  fail(error: Error): void;
}

/** Who the masters are: finds them, keeps the directory of them, and says what is known about the search. */
export class Masters {
  readonly directory: MasterDirectory;
  readonly #parts: MastersParts;
  #detector: MasterDetector | undefined;
  #http: HttpClient | undefined;
  #credentials: Credentials | undefined;
  #startedMs = 0;
  #deadline: Timer | undefined;

  constructor(parts: MastersParts) {
    this.#parts = parts;
    const { masters, https } = parts.config;
    this.directory = new MasterDirectory(masters, https, (error) =>
      parts.log.error({ error }, 'a change of masters was not taken in'),
    );
  }

  /** Begin to look, where the configuration says where. */
  start(http: HttpClient, credentials: Credentials | undefined): void {
    const { config, clock, log } = this.#parts;
    this.#http = http;
    this.#credentials = credentials;
    this.#startedMs = clock.monotonic();
    if (config.zk === '') return;
    const detector = createDetector(config.zk, {
      ...this.#parts,
      dial: this.#parts.dial ?? dialTcp,
      readFile: (path) => readFile(path, 'utf8'),
      get: (address, path, signal) => this.#get(address, path, signal),
    });
    // The schema has looked at it, so it is none.
    if (typeof detector === 'string') throw new Error(detector);
    this.#detector = detector;
    this.#await();
    detector.start({
      onMasters: (masters) => {
        const before = this.directory.view.leader;
        this.directory.update(masters);
        const { leader } = this.directory.view;
        if (leader !== before) log.info({ leader, others: masters.others }, leaderNews(leader));
        this.#await();
      },
      onProblem: (problem) => {
        if (problem !== undefined && problem !== this.directory.problem)
          log.warn({ problem }, 'the search for masters is held up; what is known stays');
        this.directory.problem = problem;
      },
    });
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#detector?.stop();
  }

  /** Headers for a request to `url`: only masters that we were told of get to see them, never whom a redirect names. */
  async credentialsFor(url: string): Promise<Readonly<Record<string, string>>> {
    if (!this.#credentials || !this.directory.knows(url)) return {};
    return this.#credentials.headers();
  }

  /** For `/health`: whether somebody is found to lead. */
  condition(): Condition {
    const { leader } = this.directory.view;
    const { problem } = this.directory;
    const why = problem === undefined ? '' : `; ${problem}`;
    if (leader !== undefined) return { ok: true, detail: `the leader is ${leader}${why}` };
    const seconds = (this.#parts.clock.monotonic() - this.#startedMs) / 1000;
    // What is served is good as long as it can be followed; the other conditions tell about that.
    return {
      ok: this.#parts.served(),
      detail: `no leader is known, ${seconds.toFixed(0)} s after start${why}`,
    };
  }

  /** While nobody leads and nothing is served, the end comes near where it is wanted. */
  #await(): void {
    const { config, clock } = this.#parts;
    const seconds = config.zkDetectionTimeoutSeconds;
    const known = this.directory.view.leader !== undefined || this.#parts.served();
    if (known) {
      this.#deadline?.cancel();
      this.#deadline = undefined;
    }
    if (!config.exitWithoutLeader || seconds === 0 || known || this.#deadline) return;
    this.#deadline = clock.after(seconds * 1000, () => {
      if (this.#parts.served()) return;
      const problem = this.directory.problem ?? 'no answer yet';
      this.#parts.fail(clusterErrors.CLUSTER_DETECTION_TIMEOUT({ after: goDuration(seconds), problem }));
    });
  }

  async #get(address: string, path: string, signal: AbortSignal): Promise<HttpResponse> {
    const origin = masterOrigin(address, this.#parts.config.https);
    if (!this.#http || origin === undefined) throw new Error(`${address} cannot be asked`);
    const url = `${origin}${path}`;
    const headers = { accept: 'application/json', ...(await this.credentialsFor(url)) };
    return this.#http.request({ method: 'GET', url, headers, signal });
  }
}

function leaderNews(leader: string | undefined): string {
  return leader === undefined ? 'no master leads any more' : 'a leading master was found';
}

/** As Go writes whole seconds: `30s`, `1m0s`, `1h0m0s`. */
function goDuration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  if (h > 0) return `${h}h${m}m${s}s`;
  return m > 0 ? `${m}m${s}s` : `${s}s`;
}
