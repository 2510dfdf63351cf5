import type { Clock } from '../../core/clock.ts';
import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import { LeaderFinder } from '../../core/http/leader-finder.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient, TlsOptions } from '../../core/http/client.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { systemSockets } from '../../core/http/sockets.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { originOfMasterInfo } from '../../mesos/index.ts';
import { masterPlacesOf, schedulerUrl } from './master-url.ts';
import { openSubscription } from './subscription.ts';
import type {
  CallOutcome,
  FrameworkIdStore,
  SchedulerCall,
  SchedulerEvent,
  SchedulerHandler,
} from './types.ts';

export interface DriverParts {
  /** `host:port` or URL of the master, several with commas between, or `consul://host:port/prefix`. */
  readonly master: string;
  /** Fields that prove to the master who we are. */
  readonly login?: Readonly<Record<string, string>>;
  /** Without it the master is spoken to in plain HTTP. */
  readonly tls?: MutualTls | undefined;
  /** How Consul is spoken to where it is https (`consuls:`). */
  readonly consulTls?: TlsOptions | undefined;
  /** Those of the machine, unless the machine is a simulated one. */
  readonly sockets?: Sockets | undefined;
  readonly ids: FrameworkIdStore;
  readonly handler: SchedulerHandler;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** How often in a row redirects are followed before it is taken for a loop. */
const MAX_REDIRECTS = 5;
const REMOVED = 'Framework has been removed';
/** Another scheduler has taken our framework id; not to take it straight back keeps two from fighting without pause. */
const FAILED_OVER = 'Framework failed over';
const FAILED_OVER_WAIT_MS = 15_000;

/**
 * A client of the Mesos scheduler API v1. It keeps one subscription open (redirects followed, heartbeats watched,
 * lost streams opened again with the same framework id) and sends calls in the order they were made, each after the
 * answer to the one before.
 */
export class SchedulerDriver {
  readonly #parts: DriverParts;
  readonly #finder: LeaderFinder;
  readonly #calls: HttpClient;
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  /** Whom we are subscribed to, or ask just now. */
  #attempt: { readonly url: string; readonly stop: AbortController } | undefined;
  #session: { readonly url: string; readonly streamId: string; readonly frameworkId: string } | undefined;
  #frameworkId: string | undefined;
  /** What the store has of it. */
  #savedId: string | undefined;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#finder = new LeaderFinder({
      ...parts,
      places: masterPlacesOf(parts.master),
      originOf: originOfMasterInfo,
      onLeader: (origin) => {
        const url = schedulerUrl(origin);
        if (this.#attempt && this.#attempt.url !== url) this.#attempt.stop.abort();
      },
      onProblem: (problem) => parts.log.warn({ problem }, 'the search for masters is held up'),
    });
    const { createClient } = parts.sockets ?? systemSockets;
    this.#calls = createClient({ connections: 1, ...towardsMaster(parts.tls) });
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /** Read the stored framework id and begin to subscribe; resolves before a master has answered. */
  async start(): Promise<void> {
    this.#frameworkId = this.#savedId = await this.#parts.ids.load();
    this.#finder.start();
    this.#loop = this.#run();
  }

  /** Close the stream and the connections. The framework stays registered and fails over at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
    await this.#finder.stop();
    await this.#calls.close();
  }

  /** Send a call. Resolves when the master has answered (it answers 202 before acting); never rejects. */
  async call(call: SchedulerCall): Promise<CallOutcome> {
    const session = this.#session;
    if (!session) return { kind: 'not-connected' };
    const framework_id = { value: session.frameworkId };
    const body =
      call.type === 'UPDATE_FRAMEWORK'
        ? {
            ...call,
            update_framework: {
              framework_info: { ...call.update_framework.framework_info, id: framework_id },
            },
          }
        : call;
    try {
      const response = await this.#calls.request({
        method: 'POST',
        url: session.url,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json',
          'mesos-stream-id': session.streamId,
          ...this.#parts.login,
        },
        body: JSON.stringify({ ...body, framework_id }),
      });
      const message = await response.text();
      if (response.status >= 200 && response.status < 300) return { kind: 'accepted' };
      this.#parts.log.warn(
        { call: call.type, status: response.status, message },
        'the master refused a call',
      );
      return { kind: 'refused', status: response.status, message };
    } catch (error) {
      if (!this.#stop.signal.aborted)
        this.#parts.log.warn({ call: call.type, error: errorText(error) }, 'no answer to a call');
      // It may still arrive, after later ones. With another subscription the master takes it no more, and gives the offers
      // back that it was to answer.
      if (this.#session === session) this.#attempt?.stop.abort();
      return { kind: 'unknown', message: errorText(error) };
    }
  }

  #nextUrl(): string | undefined {
    const origin = this.#finder.next();
    return origin === undefined ? undefined : schedulerUrl(origin);
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(this.#parts.random, { firstMs: 200, maxMs: 10_000, jitter: 0.5 });
    let redirect: string | undefined;
    let hops = 0;
    while (!this.#stop.signal.aborted) {
      const url = redirect ?? this.#nextUrl();
      redirect = undefined;
      if (url === undefined) {
        await this.#finder.pause(backoff.next(), this.#stop.signal);
        continue;
      }
      const end = await this.#subscribeOnce(url, () => backoff.reset());
      if (this.#stop.signal.aborted) return;
      if (end.redirect !== undefined && ++hops <= MAX_REDIRECTS) {
        redirect = end.redirect;
        continue;
      }
      hops = 0;
      this.#parts.log.warn({ url, reason: end.reason }, 'not subscribed to the master');
      if (end.reason === FAILED_OVER) await sleep(this.#parts.clock, FAILED_OVER_WAIT_MS, this.#stop.signal);
      else await this.#finder.pause(backoff.next(), this.#stop.signal);
    }
  }

  async #subscribeOnce(url: string, established: () => void): Promise<{ reason: string; redirect?: string }> {
    const info = this.#parts.handler.frameworkInfo();
    const id = this.#frameworkId;
    const framework_info = id === undefined ? info : { ...info, id: { value: id } };
    const stop = new AbortController();
    this.#attempt = { url, stop };
    const opened = await openSubscription({
      url,
      login: this.#parts.login,
      tls: this.#parts.tls,
      sockets: this.#parts.sockets,
      call: {
        type: 'SUBSCRIBE',
        ...(id === undefined ? {} : { framework_id: { value: id } }),
        subscribe: { framework_info },
      },
      clock: this.#parts.clock,
      signal: AbortSignal.any([this.#stop.signal, stop.signal]),
    });
    if (opened.kind === 'redirect') return { reason: `redirected to ${opened.to}`, redirect: opened.to };
    if (opened.kind === 'failed') return { reason: opened.reason };
    let reason = 'the stream ended';
    try {
      for await (const event of opened.events) {
        await this.#deliver(event, url, opened.streamId);
        if (event.type === 'SUBSCRIBED') established();
        if (event.type === 'ERROR') {
          reason = event.error.message;
          break;
        }
      }
    } catch (error) {
      reason = errorText(error);
    }
    opened.close();
    const was = this.#session;
    this.#session = undefined;
    if (was) this.#parts.handler.onDisconnected(reason);
    return { reason };
  }

  async #deliver(event: SchedulerEvent, url: string, streamId: string): Promise<void> {
    if (event.type === 'SUBSCRIBED') {
      const frameworkId = event.subscribed.framework_id.value;
      // Also when it cannot be saved: the next attempt is not to be another framework.
      this.#frameworkId = frameworkId;
      const again = frameworkId === this.#savedId;
      // The id must be on disk before a task can be launched under it.
      if (!again) await this.#parts.ids.save(frameworkId);
      this.#savedId = frameworkId;
      this.#session = { url, streamId, frameworkId };
      this.#parts.log.info({ frameworkId, master: new URL(url).host }, 'subscribed to the master');
      this.#parts.handler.onSubscribed({
        frameworkId,
        master: new URL(url).host,
        again,
      });
      return;
    }
    if (event.type === 'ERROR' && event.error.message.startsWith(REMOVED)) {
      this.#parts.log.error(
        { frameworkId: this.#frameworkId },
        'the master has removed this framework; it starts anew with a new id',
      );
      this.#frameworkId = undefined;
      await this.#parts.ids.save(undefined);
      this.#savedId = undefined;
      return;
    }
    if (event.type !== 'HEARTBEAT') this.#parts.handler.onEvent(event);
  }
}
