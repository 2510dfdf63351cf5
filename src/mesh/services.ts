import type { Catalog } from '../cluster/index.ts';
import type { Vips } from '../cluster/vips/index.ts';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { meshErrors } from './errors.ts';
import type { EndpointSpec } from './plane/messages.ts';
import { Upstreams } from './upstreams.ts';
import type { IdOf } from './upstreams.ts';
import type { VipCalls } from './vips/calls.ts';

/** What a process knows of the services of its cluster. */
export interface KnownServices {
  readonly catalog: Catalog;
  readonly idOf: IdOf;
  /** Following the catalog already, and worked on by others. Without them calls to VIPs are left as they are. */
  readonly vips?: Vips | undefined;
}

/** The same, of a process that begins to follow its cluster for the sake of a task. */
export interface FollowedServices extends KnownServices {
  /** The first word of the cluster has been taken in, or has been waited for long enough. Never rejects. */
  readonly first: Promise<void>;
  /** Nobody needs it any more. Never rejects. */
  stop(): Promise<void>;
}

export type FollowServices = () => Promise<FollowedServices>;

/** What works while services are known. */
interface Working {
  readonly upstreams: Upstreams;
  readonly calls: VipCalls | undefined;
  readonly first: Promise<void>;
  stop(): Promise<void>;
}

export interface ServicesParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: services are known when `begin` says so, or not at all. */
  readonly follow: FollowServices | undefined;
  readonly tell: (upstream: string, endpoints: readonly EndpointSpec[]) => void;
  /** Undefined: calls to VIPs are left as they are. */
  readonly callsOf: (known: KnownServices) => VipCalls | undefined;
}

/** So long after the last task that asked they are still followed: its successor may be on its way. */
const LINGER_MS = 60_000;

/**
 * What is known of services, for tasks that call some: from the process that knows them anyway, or followed for as long as a task asks.
 * Whoever follows is a burden for the master, so an agent without such tasks does not.
 */
export class Services {
  readonly #parts: ServicesParts;
  readonly #askers = new Set<string>();
  #current: Working | undefined;
  #opening: Promise<Working> | undefined;
  #ending: Promise<void> | undefined;
  #lingering: Timer | undefined;
  #stopped = false;

  constructor(parts: ServicesParts) {
    this.#parts = parts;
  }

  /** Undefined while nobody asks. */
  get current(): Pick<Working, 'upstreams' | 'calls'> | undefined {
    return this.#current;
  }

  /** They are known from now on. */
  begin(known: KnownServices): void {
    this.#current = this.#work({ ...known, first: Promise.resolve(), stop: async () => {} });
    this.#opening = Promise.resolve(this.#current);
  }

  /** Somebody needs them until `leave`. Rejects when they cannot be had. */
  async ask(asker: string): Promise<Pick<Working, 'upstreams' | 'calls' | 'first'>> {
    this.#askers.add(asker);
    this.#lingering?.cancel();
    this.#lingering = undefined;
    this.#opening ??= this.#open();
    return this.#opening;
  }

  leave(asker: string): void {
    const { follow, clock } = this.#parts;
    if (!this.#askers.delete(asker) || this.#askers.size > 0 || !follow || this.#stopped) return;
    this.#lingering = clock.after(LINGER_MS, () => {
      this.#ending = this.#end();
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lingering?.cancel();
    await this.#ending;
    await this.#end();
  }

  async #open(): Promise<Working> {
    const { follow, log } = this.#parts;
    try {
      await this.#ending;
      if (!follow || this.#stopped) throw meshErrors.MESH_NO_CATALOG();
      log.info('a task calls services: following them');
      const followed = await follow();
      this.#current = this.#work(followed);
      return this.#current;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #work(known: FollowedServices): Working {
    const { tell, callsOf } = this.#parts;
    const upstreams = new Upstreams(known.catalog, known.idOf, tell);
    const calls = callsOf(known);
    const stop = async (): Promise<void> => {
      upstreams.stop();
      await calls?.stop();
      await known.stop();
    };
    return { upstreams, calls, first: known.first, stop };
  }

  async #end(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    this.#current = undefined;
    await (await opening?.catch(() => undefined))?.stop();
  }
}
