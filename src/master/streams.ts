import type { Clock, Timer } from '../core/clock.ts';
import type { Pieces } from '../core/http/long-answer.ts';
import type { StreamResponse } from '../core/http/stream-response.ts';
import { encodeRecord } from '../mesos/index.ts';
import type { RecordEncoder } from '../mesos/proto/index.ts';
import type { Rest } from '../core/slices.ts';
import type { OperatorEvent } from './state/index.ts';

interface OpenStream {
  readonly stream: StreamResponse;
  readonly heartbeat: Timer | undefined;
  readonly hears: Hears | undefined;
  readonly encode: RecordEncoder;
  /** What has to wait until a long record is through; undefined: nothing has to. */
  waiting: Uint8Array[] | undefined;
  waitingBytes: number;
}

/** More than this must not wait for a reader; it is the limit of what is written and not read, too. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;

/** Whether an event is for a stream. */
type Hears = (event: OperatorEvent) => boolean;

interface StreamOptions {
  /** Send HEARTBEAT this often, whatever else is sent. */
  readonly heartbeatMs?: number;
  /** What of all that is broadcast; absent: everything. */
  readonly hears?: Hears;
  /** As JSON without it. */
  readonly encode?: RecordEncoder;
}

/** The open RecordIO streams by their id: one write, one record, one HTTP chunk (mesos-api.md §1.2). */
export class Streams {
  readonly #open = new Map<string, OpenStream>();
  readonly #clock: Clock;
  readonly #mayTell: () => boolean;
  #ended = false;

  /** `mayTell`: while it says no, nothing is sent: a master that leads no more has nothing to tell. */
  constructor(clock: Clock, mayTell: () => boolean = () => true) {
    this.#clock = clock;
    this.#mayTell = mayTell;
  }

  add(streamId: string, stream: StreamResponse, options: StreamOptions = {}): void {
    const { heartbeatMs, hears, encode = encodeRecord } = options;
    const heartbeat =
      heartbeatMs === undefined
        ? undefined
        : this.#clock.every(heartbeatMs, () => this.send(streamId, { type: 'HEARTBEAT' }));
    this.#open.set(streamId, { stream, heartbeat, hears, encode, waiting: undefined, waitingBytes: 0 });
    if (this.#ended) this.end(streamId);
  }

  send(streamId: string, event: unknown): void {
    const open = this.#open.get(streamId);
    if (open && this.#mayTell()) write(open, open.encode(event));
  }

  /**
   * Send a record that takes long to make and to read. From the call on everything else for this stream waits behind it, in order. A reader that goes, or
   * a master that leads no more, ends it.
   */
  async sendLong(streamId: string, record: Pieces, rest: Rest): Promise<void> {
    const open = this.#open.get(streamId);
    if (!open || !this.#mayTell()) return;
    const { stream } = open;
    open.waiting = [];
    for (const piece of record) {
      if (piece) stream.write(piece);
      if (stream.isFull) await stream.drained();
      if (rest.due()) await rest.take();
      if (stream.closed || !this.#mayTell()) return stream.end();
    }
    const { waiting } = open;
    open.waiting = undefined;
    open.waitingBytes = 0;
    for (const piece of waiting) stream.write(piece);
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

  /** Send one event to every stream that hears it; it is encoded once for all that have it in the same form. */
  broadcast(event: OperatorEvent): void {
    if (this.#open.size === 0 || !this.#mayTell()) return;
    const records = new Map<RecordEncoder, Uint8Array>();
    for (const open of this.#open.values()) {
      const { hears, encode } = open;
      if (hears?.(event) === false) continue;
      const record = records.get(encode) ?? encode(event);
      records.set(encode, record);
      write(open, record);
    }
  }

  get size(): number {
    return this.#open.size;
  }

  /** The id of the stream that has been open longest. */
  oldest(): string | undefined {
    return this.#open.keys().next().value;
  }

  /** Also those that come later. */
  endAll(): void {
    this.#ended = true;
    for (const streamId of this.#open.keys()) this.end(streamId);
  }
}

function write(open: OpenStream, record: Uint8Array): void {
  if (!open.waiting) return void open.stream.write(record);
  open.waiting.push(record);
  open.waitingBytes += record.length;
  if (open.waitingBytes > MAX_WAITING_BYTES) open.stream.end();
}
