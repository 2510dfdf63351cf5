import type { Clock } from '../../../core/clock.ts';
import type { ApiReply, ApiRequest } from '../../../core/http/server.ts';
import type { StreamResponse } from '../../../core/http/stream-response.ts';
import { openStream } from '../../../core/http/stream-response.ts';
import type { EventBus, MarathonEvent } from './bus.ts';

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  readonly maxBufferedBytes: number;
}

/** The open event streams (marathon.md §7). */
export class EventStreams {
  readonly #bus: EventBus;
  readonly #clock: Clock;
  readonly #options: EventStreamOptions;
  readonly #open = new Set<StreamResponse>();

  constructor(bus: EventBus, clock: Clock, options: EventStreamOptions) {
    this.#bus = bus;
    this.#clock = clock;
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /** Answer a request with a stream of events of `types` (all when empty) that `hears` lets pass, its own attachment first. */
  attach(
    request: ApiRequest,
    reply: ApiReply,
    types: ReadonlySet<string>,
    hears: (event: MarathonEvent) => boolean,
  ): void {
    const remoteAddress = request.ip;
    const write = (event: MarathonEvent): void => {
      if (types.size > 0 && !types.has(event.eventType)) return;
      if (hears(event)) stream.write(frame(event));
    };
    const stream = openStream(reply, {
      headers: {
        'content-type': 'text/event-stream',
        'cache-control': 'no-cache, no-store, must-revalidate',
        pragma: 'no-cache',
        expires: '0',
      },
      maxBufferedBytes: this.#options.maxBufferedBytes,
      onClose: () => {
        heartbeat.cancel();
        unsubscribe();
        this.#open.delete(stream);
        this.#bus.publish('event_stream_detached', { remoteAddress });
      },
    });
    const heartbeat = this.#clock.every(this.#options.heartbeatMs, () => void stream.write('\r\n'));
    this.#open.add(stream);
    const attached = this.#bus.make('event_stream_attached', { remoteAddress });
    stream.write(frame(attached));
    this.#bus.publish('event_stream_attached', { remoteAddress });
    const unsubscribe = this.#bus.subscribe(write);
  }

  close(): void {
    for (const stream of this.#open) stream.end();
  }
}

/** `event: <type>` and `data: <json>`, each with its blank: clients match on `data: `. */
export function frame(event: MarathonEvent): string {
  return `event: ${event.eventType}\r\ndata: ${JSON.stringify(event)}\r\n\r\n`;
}
