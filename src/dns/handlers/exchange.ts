import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { DatagramSocket, Peer, Reactor, Transport } from '../../net/index.ts';
import { HEADER_BYTES, MessageFramer, copyOf, framed, questionEnd, u16 } from '../wire/index.ts';
import { ipBytes } from '../zone/index.ts';

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

/**
 * One question to one resolver, over UDP from a socket and a port of its own, or over TCP. Resolves to the reply with the id that was
 * asked with, or to undefined when none came in time. Only a message that matches in address, port, id and question
 * counts; anything else is ignored and the wait goes on (RFC 5452 §9).
 */
export function exchange(
  parts: ExchangeParts,
  request: Uint8Array,
  to: Peer,
  transport: 'udp' | 'tcp',
): Promise<Uint8Array | undefined> {
  return transport === 'udp' ? overUdp(parts, request, to) : overTcp(parts, request, to);
}

async function overUdp(parts: ExchangeParts, request: Uint8Array, to: Peer): Promise<Uint8Array | undefined> {
  const target = ipBytes(to.ip);
  let settle: (reply: Uint8Array | undefined) => void = () => {};
  const outcome = new Promise<Uint8Array | undefined>((resolve) => (settle = resolve));
  const socket = await randomPort(parts, to.ip.includes(':') ? '::' : '0.0.0.0', (bytes, from) => {
    const matches = from.port === to.port && sameBytes(ipBytes(from.ip), target) && isReplyTo(bytes, request);
    if (matches) settle(copyOf(bytes));
    else parts.onRejected();
  });
  if (!socket) return undefined;
  const giveUp = (): void => settle(undefined);
  const timer = parts.clock.after(parts.timeoutMs, giveUp);
  parts.underWay.add(giveUp);
  socket.send(request, to);
  const reply = await outcome;
  parts.underWay.delete(giveUp);
  timer.cancel();
  void socket.close();
  return reply;
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

/** Uniform over `min` to 65535, from the source that is fit for keys. */
export function randomUint16(random: Random, min = 0): number {
  for (;;) {
    const n = u16(random.bytes(2), 0);
    if (n >= min) return n;
  }
}

function overTcp(parts: ExchangeParts, request: Uint8Array, to: Peer): Promise<Uint8Array | undefined> {
  return new Promise((resolve) => {
    const framer = new MessageFramer();
    const state: { transport?: Transport; timer?: Timer } = {};
    const settle = (reply: Uint8Array | undefined): void => {
      parts.underWay.delete(giveUp);
      state.timer?.cancel();
      state.transport?.destroy();
      resolve(reply);
    };
    const giveUp = (): void => settle(undefined);
    parts.underWay.add(giveUp);
    state.timer = parts.clock.after(parts.timeoutMs, giveUp);
    state.transport = parts.reactor.connect(
      to,
      { timeoutMs: parts.timeoutMs },
      {
        onConnect: () => void state.transport?.write(framed(request)),
        onData: (bytes) => {
          for (const message of framer.push(bytes)) {
            if (isReplyTo(message, request)) return settle(message);
            parts.onRejected();
          }
        },
        onEnd: giveUp,
        onDrain: () => {},
        onClose: giveUp,
      },
    );
  });
}

/** A reply with the id and, byte for byte, the question of the request. */
function isReplyTo(bytes: Uint8Array, request: Uint8Array): boolean {
  const end = questionEnd(request);
  if (bytes.length < end || u16(bytes, 0) !== u16(request, 0)) return false;
  if ((u16(bytes, 2) & 0x8000) === 0 || u16(bytes, 4) !== 1) return false;
  for (let i = HEADER_BYTES; i < end; i++) if (bytes[i] !== request[i]) return false;
  return true;
}

function sameBytes(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a !== undefined && b !== undefined && a.length === b.length && a.every((x, i) => x === b[i]);
}
