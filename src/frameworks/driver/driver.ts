import type { Clock } from '../../core/clock.ts';
import { Backoff } from '../../core/backoff.ts';
import { sleep } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { schedulerUrls } from './master-url.ts';
import { openSubscription } from './subscription.ts';
import type {
  CallOutcome,
  FrameworkIdStore,
  SchedulerCall,
  SchedulerEvent,
  SchedulerHandler,
} from './types.ts';

export interface DriverParts {
  /** `host:port` or URL of the master, or several with commas between. */
  readonly master: string;
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
  readonly #urls: readonly string[];
  readonly #calls: HttpClient = createHttpClient({ connections: 1 });
  readonly #stop = new AbortController();
  #loop: Promise<void> | undefined;
  #session: { readonly url: string; readonly streamId: string; readonly frameworkId: string } | undefined;
  #frameworkId: string | undefined;

  constructor(parts: DriverParts) {
    this.#parts = parts;
    this.#urls = schedulerUrls(parts.master);
  }

  get connected(): boolean {
    return this.#session !== undefined;
  }

  get frameworkId(): string | undefined {
    return this.#frameworkId;
  }

  /** Read the stored framework id and begin to subscribe; resolves before a master has answered. */
  async start(): Promise<void> {
    this.#frameworkId = await this.#parts.ids.load();
    this.#loop = this.#run();
  }

  /** Close the stream and the connections. The framework stays registered and fails over at the next start. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#loop;
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
      return { kind: 'unknown', message: errorText(error) };
    }
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(this.#parts.random, { firstMs: 200, maxMs: 10_000, jitter: 0.5 });
    let turn = 0;
    let redirect: string | undefined;
    let hops = 0;
    while (!this.#stop.signal.aborted) {
      const url = redirect ?? this.#urls[turn++ % this.#urls.length] ?? '';
      redirect = undefined;
      const end = await this.#subscribeOnce(url, () => backoff.reset());
      if (this.#stop.signal.aborted) return;
      if (end.redirect !== undefined && ++hops <= MAX_REDIRECTS) {
        redirect = end.redirect;
        continue;
      }
      hops = 0;
      this.#parts.log.warn({ url, reason: end.reason }, 'not subscribed to the master');
      const ms = end.reason === FAILED_OVER ? FAILED_OVER_WAIT_MS : backoff.next();
      await sleep(this.#parts.clock, ms, this.#stop.signal);
    }
  }

  async #subscribeOnce(url: string, established: () => void): Promise<{ reason: string; redirect?: string }> {
    const info = this.#parts.handler.frameworkInfo();
    const id = this.#frameworkId;
    const framework_info = id === undefined ? info : { ...info, id: { value: id } };
    const opened = await openSubscription({
      url,
      call: {
        type: 'SUBSCRIBE',
        ...(id === undefined ? {} : { framework_id: { value: id } }),
        subscribe: { framework_info },
      },
      clock: this.#parts.clock,
      signal: this.#stop.signal,
    });
    if (opened.kind === 'redirect') return { reason: `redirected to ${opened.to}`, redirect: opened.to };
    if (opened.kind === 'failed') return { reason: opened.reason };
    let reason = 'the stream ended';
    try {
      for await (const event of opened.events) {
        if (event.type === 'SUBSCRIBED') established();
        await this.#deliver(event, url, opened.streamId, id);
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

  async #deliver(
    event: SchedulerEvent,
    url: string,
    streamId: string,
    idBefore: string | undefined,
  ): Promise<void> {
    if (event.type === 'SUBSCRIBED') {
      const frameworkId = event.subscribed.framework_id.value;
      // The id must be on disk before a task can be launched under it.
      if (frameworkId !== idBefore) await this.#parts.ids.save(frameworkId);
      this.#frameworkId = frameworkId;
      this.#session = { url, streamId, frameworkId };
      this.#parts.log.info({ frameworkId, master: new URL(url).host }, 'subscribed to the master');
      this.#parts.handler.onSubscribed({
        frameworkId,
        master: new URL(url).host,
        again: frameworkId === idBefore,
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
      return;
    }
    if (event.type !== 'HEARTBEAT') this.#parts.handler.onEvent(event);
  }
}
