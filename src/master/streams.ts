import type { Clock, Timer } from '../core/clock.ts';
import type { StreamResponse } from '../core/http/stream-response.ts';
import { encodeRecord } from '../mesos/index.ts';

interface OpenStream {
  readonly stream: StreamResponse;
  readonly heartbeat: Timer | undefined;
}

/** The open RecordIO streams by their id: one write, one record, one HTTP chunk (mesos-api.md §1.2). */
export class Streams {
  readonly #open = new Map<string, OpenStream>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `heartbeatMs`: send HEARTBEAT this often, whatever else is sent. */
  add(streamId: string, stream: StreamResponse, heartbeatMs?: number): void {
    const heartbeat =
      heartbeatMs === undefined
        ? undefined
        : this.#clock.every(heartbeatMs, () => this.send(streamId, { type: 'HEARTBEAT' }));
    this.#open.set(streamId, { stream, heartbeat });
  }

  send(streamId: string, event: unknown): void {
    this.#open.get(streamId)?.stream.write(encodeRecord(event));
  }

  /** Finish a stream cleanly. */
  end(streamId: string): void {
    this.#open.get(streamId)?.stream.end();
  }

  /** The stream is closed, whoever closed it. */
  forget(streamId: string): void {
    this.#open.get(streamId)?.heartbeat?.cancel();
    this.#open.delete(streamId);
  }

  /** Send one event to every stream; it is encoded once. */
  broadcast(event: unknown): void {
    if (this.#open.size === 0) return;
    const record = encodeRecord(event);
    for (const { stream } of this.#open.values()) stream.write(record);
  }

  get size(): number {
    return this.#open.size;
  }

  /** The id of the stream that has been open longest. */
  oldest(): string | undefined {
    return this.#open.keys().next().value;
  }

  endAll(): void {
    for (const streamId of this.#open.keys()) this.end(streamId);
  }
}
