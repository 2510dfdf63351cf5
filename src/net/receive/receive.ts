import { systemClock } from '../../core/clock.ts';
import type { ReceiveDatagrams } from '../datagram-sockets.ts';
import { netErrors } from '../errors.ts';
import { loadLibc } from '../linux/libc.ts';
import { runLoop } from '../linux/loop.ts';
import { runOftenAndBriefly } from '../linux/slices.ts';

/**
 * Receive on a lent socket, on a thread of its own. With the linux engine that thread does nothing else until the end: its
 * events, timers and messages wait.
 */
export const receiveDatagrams: ReceiveDatagrams = async (socket, handler, listener) => {
  if (socket.engine === 'portable') {
    const { receivePortable } = await import('../portable/datagrams.ts');
    return receivePortable(socket, handler, listener, systemClock);
  }
  const { libc, whyNot } = await loadLibc();
  if (!libc) throw netErrors.NET_ENGINE_UNAVAILABLE({ engine: 'linux', reason: whyNot });
  await runOftenAndBriefly();
  runLoop(libc, socket, handler, listener, systemClock);
};
