import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpResponse } from '../../core/http/client.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { systemSockets } from '../../core/http/sockets.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import { RecordDecoder } from '../../mesos/index.ts';
import { redirectTarget } from './master-url.ts';
import type { SchedulerEvent } from './types.ts';

export type Opened =
  | {
      readonly kind: 'stream';
      readonly streamId: string;
      /** Ends or throws when the stream is lost, also when three heartbeats were missed. */
      readonly events: AsyncIterable<SchedulerEvent>;
      close(): void;
    }
  | { readonly kind: 'redirect'; readonly to: string }
  | { readonly kind: 'failed'; readonly reason: string };

/** Until the master has said how often its heart beats: one that has not answered after three of these is none to wait for. */
const FIRST_HEARTBEAT_SECONDS = 5;
const MISSED_HEARTBEATS = 3;

/** POST a SUBSCRIBE call and open its event stream. Never rejects. */
export async function openSubscription(options: {
  readonly url: string;
  readonly login?: Readonly<Record<string, string>> | undefined;
  readonly tls?: MutualTls | undefined;
  readonly sockets?: Sockets | undefined;
  readonly call: unknown;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<Opened> {
  const { createClient } = options.sockets ?? systemSockets;
  const client = createClient({ connections: 1, ...towardsMaster(options.tls) });
  const drop = new AbortController();
  const signal = AbortSignal.any([drop.signal, options.signal]);
  const close = (): void => {
    drop.abort();
    void client.close();
  };
  const watch = new HeartbeatWatch(options.clock, close);
  let response: HttpResponse;
  try {
    response = await client.request({
      method: 'POST',
      url: options.url,
      headers: { 'content-type': 'application/json', accept: 'application/json', ...options.login },
      body: JSON.stringify(options.call),
      timeoutMs: 0,
      signal,
    });
  } catch (error) {
    watch.stop();
    close();
    return { kind: 'failed', reason: watch.fired ? 'the master did not answer' : errorText(error) };
  }
  if (response.status !== 200) {
    const answer = await refusal(options.url, response);
    watch.stop();
    close();
    return answer;
  }
  return {
    kind: 'stream',
    streamId: response.headers['mesos-stream-id'] ?? '',
    events: read(response, watch),
    close: () => {
      watch.stop();
      close();
    },
  };
}

async function refusal(url: string, response: HttpResponse): Promise<Opened> {
  if (response.status === 307 || response.status === 302) {
    const to = redirectTarget(url, response.headers['location']);
    response.cancel();
    if (to !== undefined) return { kind: 'redirect', to };
    return {
      kind: 'failed',
      reason: `redirected to nowhere (Location: ${response.headers['location'] ?? 'none'})`,
    };
  }
  const text = await response.text().catch(() => '');
  return { kind: 'failed', reason: `${response.status} ${text.slice(0, 500)}` };
}

async function* read(response: HttpResponse, watch: HeartbeatWatch): AsyncGenerator<SchedulerEvent> {
  const decoder = new RecordDecoder();
  const text = new TextDecoder();
  try {
    for await (const bytes of response.body) {
      for (const record of decoder.push(bytes)) {
        const event = JSON.parse(text.decode(record)) as SchedulerEvent;
        watch.beat(event.type === 'SUBSCRIBED' ? event.subscribed.heartbeat_interval_seconds : undefined);
        yield event;
      }
      if (decoder.error) throw new Error(`the event stream is broken: ${decoder.error}`);
    }
  } catch (error) {
    throw watch.fired ? new Error(`${MISSED_HEARTBEATS} heartbeats missed`) : error;
  }
}

/** Calls `lost` when nothing was heard for three heartbeat intervals. */
class HeartbeatWatch {
  readonly #clock: Clock;
  readonly #lost: () => void;
  #intervalMs = FIRST_HEARTBEAT_SECONDS * 1000;
  #timer: { cancel(): void } | undefined;
  fired = false;

  constructor(clock: Clock, lost: () => void) {
    this.#clock = clock;
    this.#lost = lost;
    this.beat();
  }

  beat(intervalSeconds?: number): void {
    if (intervalSeconds !== undefined && intervalSeconds > 0) this.#intervalMs = intervalSeconds * 1000;
    this.stop();
    this.#timer = this.#clock.after(this.#intervalMs * MISSED_HEARTBEATS, () => {
      this.fired = true;
      this.#lost();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
