import type { RequestParser } from '../../http1/index.ts';
import type { StreamOwner } from '../connection/types.ts';

/** The connection to an instance as its streams see it; `S` is their class. */
export interface ClientStreamOwner<S> extends StreamOwner {
  /** The instance knows extended CONNECT (RFC 8441); undefined until its settings have come. */
  readonly connectProtocol: boolean | undefined;
  /** Have `goOn` called when the settings have come. */
  waitForSettings(stream: S): void;
  /** Open a stream for this transport: its number; 0: not now, `goOn` is called when there is room. */
  open(stream: S): number;
  /** The answer is complete, although END_STREAM has not come yet: the transport goes on with another stream. */
  detach(stream: S): void;
  /** Write a request's head. */
  request(id: number, head: RequestParser, webSocket: boolean): void;
}
