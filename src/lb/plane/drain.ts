import type { Clock } from '../../core/clock.ts';
import type { Connections } from '../server/connections.ts';
import type { TcpConnections } from '../tcp/index.ts';
import type { PlaneHttp2 } from './plane-http2.ts';

const LOOK_MS = 20;
/** So long before the deadline, or in its last quarter, WebSockets are asked to end. */
const GOODBYE_MS = 1_000;

export interface DrainParts {
  readonly clock: Clock;
  readonly connections: Pick<Connections, 'closeIdle' | 'goAway' | 'cut'>;
  readonly http2: Pick<PlaneHttp2, 'drain'>;
  readonly tcp: Pick<TcpConnections, 'cut'>;
  /** Whether any client is connected, also one of whom nobody knows yet what it speaks. */
  readonly busy: () => boolean;
  /** All are gone; so many were cut. */
  readonly done: (cut: number) => void;
}

/**
 * Nobody new comes any more. Close connections of HTTP/1.1 that are idle from `idleMs` on, send those of HTTP/2 away, let what runs finish until
 * the deadline, shortly before which WebSockets are asked to end, then cut the rest.
 */
export function drain(
  parts: DrainParts,
  { deadlineMs, idleMs }: { readonly deadlineMs: number; readonly idleMs: number },
): void {
  const { clock, connections, http2, tcp, busy, done } = parts;
  const begun = clock.monotonic();
  const end = begun + deadlineMs;
  const goodbyeAt = end - Math.min(GOODBYE_MS, deadlineMs / 4);
  const look = (): void => {
    const now = clock.monotonic();
    if (busy() && now < end) {
      http2.drain(false);
      if (now - begun >= idleMs) connections.closeIdle();
      if (now >= goodbyeAt) connections.goAway();
      return;
    }
    timer.cancel();
    const cut = connections.cut() + tcp.cut();
    http2.drain(true);
    done(cut);
  };
  const timer = clock.every(LOOK_MS, look);
  look();
}
