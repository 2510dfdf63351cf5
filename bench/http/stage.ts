import { end } from '../support/machine.ts';
import type { Started } from '../support/machine.ts';
import { appOf, hostOf, loopback, plainApps } from './cluster.ts';
import type { Instance } from './cluster.ts';
import { startEdge } from './edge.ts';
import type { Edge, EdgeSettings } from './edge.ts';
import { startMaster } from './master.ts';
import type { Master } from './master.ts';
import { startOrigin } from './origin.ts';
import type { Origin } from './origin.ts';
import { untilServed } from './open.ts';
import type { Proxy, Upstream } from './peers.ts';

/** Routes that are in our table, whatever is measured. */
export const ROUTES = 1_000;
/** Instances that the load is spread over. */
export const INSTANCES = 4;
/** How long a program is under load before anything counts: ours compiles what is hot meanwhile. */
export const WARM_UP_SECONDS = 3;
/** The app that the load is for. */
export const APP = 'web';
export const HOST = hostOf(APP);

/** The app's instances are asked for their health, as are those of most. */
const CHECK = { 'rimrock.http.web.check.path': '/1k' };

export interface Cluster {
  readonly routes?: number;
  readonly instances?: number;
  /** Absent: with a check. */
  readonly labels?: Readonly<Record<string, string>>;
}

/** Everything that a figure starts; it ends with the figure. */
export class Stage {
  readonly origin: Origin;
  readonly #started: Started[] = [];
  readonly #masters: Master[] = [];

  constructor(origin: Origin) {
    this.origin = origin;
    this.#started.push(origin);
  }

  /** A cluster with the app and, besides, as many routes as asked for. */
  instances({ routes = ROUTES, instances = INSTANCES, labels = CHECK }: Cluster = {}): Instance[] {
    return [
      ...plainApps(routes - 1, this.origin.port),
      ...appOf(APP, instances, this.origin.port, { 'rimrock.http.web.host': HOST, ...labels }),
    ];
  }

  async master(instances: readonly Instance[]): Promise<Master> {
    const master = await startMaster(instances);
    this.#masters.push(master);
    return master;
  }

  async edge(cluster?: Cluster, settings?: EdgeSettings): Promise<Edge> {
    return this.edgeOf(await this.master(this.instances(cluster)), settings);
  }

  async edgeOf(master: Master, settings?: EdgeSettings): Promise<Edge> {
    const edge = await startEdge(master, HOST, settings);
    this.#started.push(edge);
    return edge;
  }

  /** Start peers, those that are installed. */
  async peers(
    ...starts: readonly ((upstreams: readonly Upstream[]) => Promise<Proxy | undefined>)[]
  ): Promise<Proxy[]> {
    const upstreams = Array.from({ length: INSTANCES }, (_, i) => ({
      ip: loopback(0x02_00_01 + i),
      port: this.origin.port,
    }));
    const proxies: Proxy[] = [];
    for (const startOne of starts) {
      const proxy = await startOne(upstreams);
      if (proxy === undefined) continue;
      this.#started.push(proxy);
      if (proxy.ports.http !== undefined) await untilServed(proxy.ports.http, HOST);
      proxies.push(proxy);
    }
    return proxies;
  }

  /** It ends with the figure too. */
  keep<T extends Started>(one: T): T {
    this.#started.push(one);
    return one;
  }

  async end(): Promise<void> {
    for (const one of this.#started.toReversed()) await end(one);
    for (const master of this.#masters) master.close();
  }
}

/** Run a figure on a stage with an origin. */
export async function onStage<T>(f: (stage: Stage) => Promise<T>): Promise<T> {
  const stage = new Stage(await startOrigin());
  try {
    return await f(stage);
  } finally {
    await stage.end();
  }
}
