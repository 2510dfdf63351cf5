import type { Clock } from '../../core/clock.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import { towardsMaster } from '../../core/http/mutual-tls.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { systemSockets } from '../../core/http/sockets.ts';
import type { Sockets } from '../../core/http/sockets.ts';
import type { Logger } from '../../core/log.ts';
import { AGENT_API_PATH, RecordDecoder } from '../../mesos/index.ts';
import type { AgentCall, AgentEvent } from '../../mesos/index.ts';

/** Until the master has said how often it pings, it has this long for each sign of life. */
const FIRST_ANSWER_MS = 15_000;
/** Records from a master are single events; a larger one is no master. */
const MAX_RECORD_BYTES = 16 * 1024 * 1024;

/** How one attempt to follow a master ended. */
export type SubscriptionEnd =
  | { readonly kind: 'redirect'; readonly location: string | undefined }
  | { readonly kind: 'refused'; readonly status: number; readonly message: string }
  | { readonly kind: 'broken'; readonly message: string };

/** One subscription: the event stream, and the calls that belong to it. */
export class Subscription {
  readonly #origin: string;
  readonly #login: Readonly<Record<string, string>>;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #stream: HttpClient;
  readonly #calls: HttpClient;
  readonly #over = new AbortController();
  #streamId: string | undefined;
  #failure: string | undefined;

  /** `login`: fields that prove to the master who we are. */
  constructor(
    origin: string,
    parts: {
      readonly clock: Clock;
      readonly log: Logger;
      readonly tls?: MutualTls | undefined;
      readonly sockets?: Sockets | undefined;
    },
    login: Readonly<Record<string, string>> = {},
  ) {
    this.#origin = origin;
    this.#login = login;
    this.#clock = parts.clock;
    this.#log = parts.log;
    const client = { connections: 1, ...towardsMaster(parts.tls) };
    const { createClient } = parts.sockets ?? systemSockets;
    this.#stream = createClient(client);
    // one connection: the master sees the calls in the order in which they were made
    this.#calls = createClient(client);
  }

  /** Subscribe and hand over events, one after the other, until the stream ends. Never rejects. */
  async follow(
    call: AgentCall,
    onEvent: (event: AgentEvent) => Promise<void>,
    signal: AbortSignal,
  ): Promise<SubscriptionEnd> {
    let watchdogMs = FIRST_ANSWER_MS;
    let watchdog = this.#clock.after(watchdogMs, () => this.fail('no sign of life from the master'));
    const alive = (): void => {
      watchdog.cancel();
      watchdog = this.#clock.after(watchdogMs, () => this.fail('no sign of life from the master'));
    };
    try {
      const response = await this.#stream.request({
        method: 'POST',
        url: `${this.#origin}${AGENT_API_PATH}`,
        headers: { 'content-type': 'application/json', accept: 'application/json', ...this.#login },
        body: JSON.stringify(call),
        timeoutMs: 0,
        signal: AbortSignal.any([signal, this.#over.signal]),
      });
      if (response.status !== 200) return await refusal(response);
      this.#streamId = response.headers['mesos-stream-id'];
      const decoder = new RecordDecoder(MAX_RECORD_BYTES);
      for await (const bytes of response.body) {
        for (const record of decoder.push(bytes)) {
          const event = JSON.parse(Buffer.from(record).toString('utf8')) as AgentEvent;
          if (event.type === 'SUBSCRIBED')
            watchdogMs = Math.max(1, event.subscribed.ping_timeout_seconds) * 1000;
          alive();
          await onEvent(event);
        }
        if (decoder.error)
          return { kind: 'broken', message: `the stream is not RecordIO (${decoder.error})` };
      }
      return { kind: 'broken', message: 'the master closed the stream' };
    } catch (error) {
      return { kind: 'broken', message: this.#failure ?? String(error) };
    } finally {
      watchdog.cancel();
    }
  }

  /**
   * Send a call; true when the master took it. One that did not get there ends the subscription, as order may be lost;
   * one that the master finds wrong (400) is only logged: a bad status must not cut off all other tasks.
   */
  async call(call: AgentCall, timeoutMs = 10_000): Promise<boolean> {
    if (this.#over.signal.aborted || this.#streamId === undefined) return false;
    try {
      const response = await this.#calls.request({
        method: 'POST',
        url: `${this.#origin}${AGENT_API_PATH}`,
        headers: { 'content-type': 'application/json', 'mesos-stream-id': this.#streamId, ...this.#login },
        body: JSON.stringify(call),
        timeoutMs,
      });
      const text = await response.text();
      if (response.status < 300) return true;
      const answer = { call: call.type, status: response.status, answer: text.slice(0, 200) };
      this.#log.warn(answer, 'the master refused a call');
      if (response.status !== 400) this.fail(`the master answered ${response.status} to ${call.type}`);
    } catch (error) {
      this.fail(`${call.type} did not reach the master: ${String(error)}`);
    }
    return false;
  }

  /** End the subscription because of something that went wrong. */
  fail(message: string): void {
    this.#failure ??= message;
    this.#over.abort();
  }

  async close(): Promise<void> {
    this.#over.abort();
    await Promise.allSettled([this.#stream.close(), this.#calls.close()]);
  }
}

async function refusal(response: HttpResponse): Promise<SubscriptionEnd> {
  if (response.status === 307 || response.status === 308 || response.status === 302) {
    response.cancel();
    return { kind: 'redirect', location: response.headers['location'] };
  }
  const message = (await response.text()).slice(0, 500);
  return { kind: 'refused', status: response.status, message };
}
