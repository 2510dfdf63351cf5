import { seededRandom } from '../../../core/random.ts';
import { FakeClock } from '../../../core/testing/fake-clock.ts';
import type { Transport } from '../../../net/index.ts';
import { Http2Context } from '../context.ts';
import type { Http2Limits } from '../context.ts';
import { Http2ServerConnection } from '../server/server-connection.ts';
import { frame, FrameLog, MemoryTransport, PREFACE_TEXT } from './peer.ts';
import { Responder, say } from './responder.ts';
import type { Received } from './responder.ts';

/** A client connection in memory: frames by hand on one side, an HTTP/1.1 server on the other. */
export class MemoryServer {
  readonly clock = new FakeClock();
  readonly transport = new MemoryTransport();
  readonly log: FrameLog;
  readonly connection: Http2ServerConnection;
  readonly requests: Received[] = [];
  readonly responders: Responder[] = [];
  readonly transports: Transport[] = [];
  tooLarge = 0;
  gone = 0;
  readonly #deferred: (() => void)[] = [];

  /** `answer`: how each request is answered; without it the test does so. */
  constructor(
    options: {
      limits?: Partial<Http2Limits>;
      answer?: (request: Received) => void;
      quiet?: boolean;
      stopwatch?: () => number;
    } = {},
  ) {
    const context = new Http2Context({
      clock: this.clock,
      random: seededRandom(1),
      defer: (f) => this.#deferred.push(f),
      limits: options.limits ?? {},
      stopwatch: options.stopwatch,
    });
    this.connection = new Http2ServerConnection(context, this.transport, {
      accept: (transport) => {
        const responder = new Responder(transport, (request) => {
          this.requests.push(request);
          options.answer?.(request);
        });
        this.responders.push(responder);
        this.transports.push(transport);
        return responder;
      },
      onHeadTooLarge: () => (this.tooLarge += 1),
      onClosed: () => (this.gone += 1),
    });
    this.transport.handler = this.connection;
    this.log = new FrameLog(this.transport);
    if (options.quiet === true) return;
    this.send(Buffer.from(PREFACE_TEXT), frame(4, 0, 0));
    this.log.take();
  }

  send(...frames: readonly Uint8Array[]): this {
    // As engines do: the bytes are in a read buffer that is used again at once.
    const buffer = Buffer.concat(frames);
    this.transport.handler.onData(buffer);
    buffer.fill(0xee);
    this.settle();
    return this;
  }

  /** Time goes on, and what comes of it happens. */
  advance(ms: number): void {
    this.clock.advance(ms);
    this.settle();
  }

  /** Let all that was put off happen. */
  settle(): void {
    for (let f = this.#deferred.shift(); f !== undefined; f = this.#deferred.shift()) f();
  }

  /** Write to the transport of a request, as the server behind would. */
  say(request: number, text: string): boolean {
    const to = this.requests[request];
    if (to === undefined) throw new Error(`there is no request ${request}`);
    const flowing = say(to.transport, text);
    this.settle();
    return flowing;
  }
}

export const ok = (request: Received): void => {
  say(request.transport, 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
};
