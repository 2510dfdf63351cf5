import type { Clock } from '../../../core/clock.ts';
import type { Logger } from '../../../core/log.ts';
import type { Unsubscribe } from '../../../core/subscribers.ts';
import { Subscribers } from '../../../core/subscribers.ts';
import { timestamp } from '../apps/app.ts';

/** Something that happened, as the event stream tells it (marathon.md §7). */
export interface MarathonEvent {
  readonly eventType: string;
  readonly timestamp: string;
  readonly [field: string]: unknown;
}

/** Carries events from where they happen to whoever listens. */
export class EventBus {
  readonly #clock: Clock;
  readonly #subscribers: Subscribers<MarathonEvent>;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#subscribers = new Subscribers((error) => log.error({ error }, 'an event listener failed'));
  }

  publish(eventType: string, fields: Readonly<Record<string, unknown>>): void {
    this.#subscribers.emit(this.make(eventType, fields));
  }

  make(eventType: string, fields: Readonly<Record<string, unknown>>): MarathonEvent {
    return { ...fields, eventType, timestamp: timestamp(this.#clock.now()) };
  }

  subscribe(listener: (event: MarathonEvent) => void): Unsubscribe {
    return this.#subscribers.add(listener);
  }

  get listeners(): number {
    return this.#subscribers.size;
  }
}
