import { readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics } from '../../core/metrics.ts';
import type { Random } from '../../core/random.ts';
import type { PlaneUpdate } from '../plane/messages.ts';
import type { Problem } from '../router/index.ts';
import { acmeWanted } from './config.ts';
import type { AcmeConfig } from './config.ts';
import { AcmeIssuer } from './issuer.ts';
import type { Challenges, Obtained } from './issuer.ts';
import { AcmeKeeper } from './keeper.ts';
import type { NameView } from './keeper.ts';
import { acmeFiles, AcmeStorage } from './storage.ts';
import { WantedNames } from './wanted.ts';

export interface AcmeParts {
  readonly config: AcmeConfig;
  readonly challenges: Challenges;
  /** The newest certificate of a name; undefined: it is not wanted any more. */
  readonly onCertificate: (name: string, certificate: Obtained | undefined) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Public certificates for the names of the configuration and the hosts of rules that ask for them. */
export class Acme {
  readonly #wanted: WantedNames;
  readonly #end = new AbortController();
  readonly #keeper: AcmeKeeper | undefined;
  #http: HttpClient | undefined;
  #started = false;

  constructor(parts: AcmeParts) {
    const { config, log, metrics } = parts;
    this.#wanted = new WantedNames(config);
    if (acmeWanted(config)) {
      const storage = new AcmeStorage(config.storage, acmeFiles, log);
      const issuer = new AcmeIssuer({
        ...parts,
        storage,
        http: () => this.#client(config),
        signal: this.#end.signal,
      });
      this.#keeper = new AcmeKeeper({ ...parts, storage, obtain: (name) => issuer.obtain(name) });
    }
    metrics.observed(
      'rimrock_lb_acme_orders_total',
      'Certificates that were ordered by ACME, by outcome: obtained, failed',
      () => Array.from(this.#keeper?.outcomes ?? [], ([outcome, value]) => ({ labels: { outcome }, value })),
    );
    metrics.observed(
      'rimrock_lb_acme_names',
      'Names that get certificates by ACME, by how it stands with them',
      () => counted(this.views()),
    );
  }

  async #client({ directoryCa }: AcmeConfig): Promise<HttpClient> {
    const tls = directoryCa === undefined ? {} : { tls: { ca: await readFile(directoryCa, 'utf8') } };
    return (this.#http ??= createHttpClient({ connections: 4, ...tls }));
  }

  /** Routes have come or gone. */
  follow(routes: PlaneUpdate['routes']): void {
    if (this.#wanted.follow(routes) && this.#started) void this.#keeper?.want(this.#wanted.names);
  }

  /** Resolves when the certificates that were obtained earlier are there; orders are begun with `begin`. */
  async start(): Promise<void> {
    this.#started = true;
    await this.#keeper?.want(this.#wanted.names);
  }

  /** Challenges can be answered. */
  begin(): void {
    this.#keeper?.begin();
  }

  /** Orders that are under way are taken up again by who is started next. */
  stop(): void {
    this.#keeper?.stop();
    this.#end.abort();
    void this.#http?.close();
  }

  views(): NameView[] {
    return this.#keeper?.views() ?? [];
  }

  problems(): Problem[] {
    return this.#wanted.problems();
  }
}

function* counted(
  views: readonly NameView[],
): Generator<{ readonly labels: { readonly state: string }; readonly value: number }> {
  for (const state of ['good', 'waiting', 'ordering', 'failing'] as const)
    yield { labels: { state }, value: views.filter((view) => view.state === state).length };
}
