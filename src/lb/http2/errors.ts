import { defineErrors } from '../../core/errors.ts';
import type { RimrockError } from '../../core/errors.ts';
import { errorName } from './protocol.ts';

export const http2Errors = defineErrors({
  LB_HTTP2_NOT_PROCESSED: {
    message: 'the instance has not begun with this request ({reason}), it is safe to send it again',
    hint: 'Nothing needs to be done: it happens when an instance stops or has too much to do. If it goes on, look at its limits.',
  },
  LB_HTTP2_STREAM_RESET: {
    message: 'the peer reset the HTTP/2 stream: {reason}',
    hint: 'A client that goes away is normal. For an instance, look into its log for the time of the request.',
  },
  LB_HTTP2_PROTOCOL: {
    message: 'the HTTP/2 connection ended: {reason}',
    hint: 'The peer breaks RFC 9113 or its limits; if it is one of yours, update it.',
  },
  LB_HTTP2_CONNECTION_LOST: {
    message: 'the HTTP/2 connection was lost',
    hint: 'Look at the other side, and at the network between.',
  },
});

type Maker = (details: { readonly reason: string }) => RimrockError;

/** The same error for the same code every time: making one takes longer than a flood of resets may cost us. */
function byCode(make: Maker): (code: number) => RimrockError {
  const made = new Map<number, RimrockError>();
  return (code) => {
    const known = made.get(code);
    if (known !== undefined) return known;
    const error = make({ reason: errorName(code) });
    if (made.size < 64) made.set(code, error);
    return error;
  };
}

/** The peer reset a stream with this code. */
export const resetByPeer = byCode(http2Errors.LB_HTTP2_STREAM_RESET);
/** We ended a stream or a connection with this code. */
export const endedByUs = byCode(http2Errors.LB_HTTP2_PROTOCOL);
/** The peer has not begun with the request. */
export const notProcessed = byCode(http2Errors.LB_HTTP2_NOT_PROCESSED);
