import type { ResponseParser } from '../../http1/index.ts';
import type { StreamOwner } from '../connection/types.ts';

/** The connection of a client as its streams see it; `S` is their class. */
export interface ServerStreamOwner<S> extends StreamOwner {
  /** A request is here: `begin` of the stream is called when its turn has come, mostly at once. */
  start(stream: S): void;
  /** Write the head of an answer; `empty`: no body follows. */
  respond(id: number, head: ResponseParser, empty: boolean): void;
  /** The request of this transport is answered: it can take another one. */
  recycle(stream: S): void;
}
