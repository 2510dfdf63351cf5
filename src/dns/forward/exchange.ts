import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { DatagramSocket, Peer, Reactor } from '../../net/index.ts';
import { copyOf } from '../wire/index.ts';
import { ipBytes } from '../zone/index.ts';
import { matchReply, randomUint16 } from './question.ts';

export interface ExchangeParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
  readonly timeoutMs: number;
  /** What is under way: calling each ends it without a reply. */
  readonly underWay: Set<() => void>;
  /** Something arrived that was not the reply. */
  readonly onRejected: () => void;
}

/** What one question to one resolver came to. */
export type Exchanged =
  | { readonly kind: 'reply'; readonly bytes: Uint8Array; readonly folded: boolean }
  /** It does not read EDNS. */
  | { readonly kind: 'not-understood' }
  /** Nothing came in time. */
  | { readonly kind: 'none' };

export const NONE: Exchanged = { kind: 'none' };

/**
 * One question over UDP, from a socket and a port of its own. Only a message that matches in address, port, id and question, every
 * letter of it, counts; anything else is ignored and the wait goes on (RFC 5452 §9). What matches but for the case of letters is
 * no reply either: `confirm` is called once to ask in a way that cannot be forged, and what it brings counts if nothing
 * better comes before.
 */
export async function overUdp(
  parts: ExchangeParts,
  request: Uint8Array,
  to: Peer,
  confirm: () => Promise<Exchanged>,
): Promise<Exchanged> {
  const target = ipBytes(to.ip);
  const deadline = parts.clock.monotonic() + parts.timeoutMs;
  let settle: (outcome: Exchanged) => void = () => {};
  const outcome = new Promise<Exchanged>((resolve) => (settle = resolve));
  const giveUp = (): void => settle(NONE);
  const timer = parts.clock.after(parts.timeoutMs, giveUp);
  parts.underWay.add(giveUp);
  let confirming = false;
  const onFolded = (): void => {
    parts.onRejected();
    if (confirming) return;
    confirming = true;
    void confirm().then((confirmed) => confirmed.kind === 'reply' && settle(confirmed));
  };
  const socket = await randomPort(parts, to.ip.includes(':') ? '::' : '0.0.0.0', (bytes, from) => {
    const expected = from.port === to.port && sameBytes(ipBytes(from.ip), target);
    const match = expected && parts.clock.monotonic() <= deadline ? matchReply(bytes, request) : 'no';
    if (match === 'reply') settle({ kind: 'reply', bytes: copyOf(bytes), folded: false });
    else if (match === 'not-understood') settle({ kind: 'not-understood' });
    else if (match === 'folded') onFolded();
    else parts.onRejected();
  });
  if (socket) socket.send(request, to);
  else giveUp();
  const result = await outcome;
  parts.underWay.delete(giveUp);
  timer.cancel();
  void socket?.close();
  return result;
}

/** The system draws ports from less than half of all; drawing ourselves makes guessing twice as hard. */
async function randomPort(
  parts: ExchangeParts,
  host: string,
  onMessage: (bytes: Uint8Array, from: Peer) => void,
): Promise<DatagramSocket | undefined> {
  for (let tries = 0; tries < 4; tries++) {
    const port = tries < 3 ? randomUint16(parts.random, 1024) : 0;
    try {
      return await parts.reactor.udp({ host, port }, onMessage);
    } catch {
      // Taken: draw again, at last let the system choose. No sockets at all is like a resolver that is silent.
    }
  }
  return undefined;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((x, i) => x === b[i]);
}
