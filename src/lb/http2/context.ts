import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { RequestParser, ResponseParser } from '../http1/index.ts';
import { OutBuffer, OutPool } from './frames/index.ts';
import { FieldBlock } from './hpack/index.ts';
import { Starts } from './server/starts.ts';

export interface Http2Limits {
  /** Streams that a peer may have open at a time. */
  readonly concurrentStreams: number;
  /** Most of one message body that a peer may send before it is taken, and of all bodies of a connection, bytes. */
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** Of one message: all names and values (with 32 bytes for each field), and their number. */
  readonly headBytes: number;
  readonly fields: number;
  /** A head that has begun, and the first frames of a connection, must be complete within this time, milliseconds. */
  readonly headMs: number;
  /** A connection without streams is closed after this time. */
  readonly idleMs: number;
  /** A peer that takes nothing of what waits for it for this long is given up. */
  readonly stallMs: number;
}

const DEFAULT_LIMITS: Http2Limits = {
  concurrentStreams: 100,
  streamWindowBytes: 256 * 1024,
  connectionWindowBytes: 1024 * 1024,
  headBytes: 16 * 1024,
  fields: 100,
  headMs: 10_000,
  idleMs: 75_000,
  stallMs: 60_000,
};

export interface Http2Parts {
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Run `f` soon, after the handler that runs now has returned, in order. Where the engine has an "end of this round", that
   * is the best place: what several streams write in one round leaves in one send.
   */
  defer(f: () => void): void;
  /** Milliseconds, also within a turn of an engine whose clock stands still then; the clock's own where absent. */
  readonly stopwatch?: (() => number) | undefined;
  readonly limits?: Partial<Http2Limits>;
}

/**
 * What all connections of one thread share: parsers and scratch memory that hold one message for the length of one call.
 * Servers and clients take one each, for an answer can come while a request is being written.
 */
export class Http2Context {
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Http2Limits;
  readonly defer: (f: () => void) => void;
  readonly now: () => number;
  readonly starts: Starts;
  readonly block: FieldBlock;
  readonly pool = new OutPool();
  readonly head = new OutBuffer(this.pool);
  readonly body = new OutBuffer(this.pool);
  readonly requests: RequestParser;
  readonly responses: ResponseParser;

  constructor(parts: Http2Parts) {
    const limits = { ...DEFAULT_LIMITS, ...parts.limits };
    this.clock = parts.clock;
    this.random = parts.random;
    this.limits = limits;
    this.defer = (f) => parts.defer(f);
    this.now = () => parts.clock.monotonic();
    this.starts = new Starts(parts.clock, parts.stopwatch ?? this.now);
    this.block = new FieldBlock({ listBytes: limits.headBytes, fields: limits.fields });
    // Heads that we are handed have passed the limits of HTTP/1.1 already, and something was added to them.
    const room = { headBytes: limits.headBytes * 2, fields: limits.fields * 2 };
    this.requests = new RequestParser({ ...room, lineBytes: room.headBytes });
    this.responses = new ResponseParser(room);
  }
}
