import { isMainThread } from 'node:worker_threads';
import { thisPlaneThread } from '../plane/in-thread.ts';
import type { Listener, PlaneThread, Transport, TransportHandler } from '../types.ts';

/** What the thread is told to begin with: certificate and key of the server, and who has signed it. */
export interface TlsPlaneSetup {
  readonly certificateChain: string;
  readonly privateKey: string;
  readonly trust: string;
}

const HOST = '127.0.0.1';
const LARGE = new Uint8Array(512 * 1024);
const IDLE: TransportHandler = { onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: () => {} };

/** What either end does once it is connected. */
const STAGES: readonly ((transport: Transport) => void)[] = [
  () => {},
  (transport) => transport.end(),
  (transport) => transport.destroy(),
  (transport) => transport.destroy(new Error('reset')),
  (transport) => void transport.write(LARGE),
  (transport) => {
    transport.write(LARGE);
    transport.end();
  },
  (transport) => {
    transport.write(LARGE);
    transport.destroy();
  },
  (transport) => {
    transport.pause();
    transport.write(LARGE);
    transport.end();
  },
];
const PAIRS = STAGES.length ** 2;

async function play(): Promise<void> {
  const thread = await thisPlaneThread();
  const listener = await listen(thread);
  const setup = thread.setup as TlsPlaneSetup;
  const context = thread.reactor.secureContext?.({ kind: 'client', trust: setup.trust });
  if (!context) throw new Error('no TLS here');
  let left = Number.POSITIVE_INFINITY;
  const dial = (pair: number): void => {
    const stage = STAGES[pair % STAGES.length];
    const again = (): void => {
      if (--left === 0) thread.send('closed so many');
      dial(pair + 1);
    };
    const to = { ip: HOST, port: listener.address.port };
    const transport = thread.reactor.connect(
      to,
      { timeoutMs: 10_000, secure: { context, serverName: 'web.test' } },
      {
        ...IDLE,
        onConnect: () => stage?.(transport),
        onEnd: () => transport.end(),
        onClose: again,
      },
    );
    // Some are left half open, and some do not get as far as that.
    if (pair % 11 === 0) thread.clock.after(1, () => transport.destroy());
  };
  thread.onMessage = (message) => {
    const { connections, closings } = message as { connections: number; closings: number };
    left = closings;
    for (let i = 0; i < connections; i++) dial(i);
    if (closings === 0) thread.send('closed so many');
  };
  await thread.run();
}

function listen({ reactor, setup }: PlaneThread): Promise<Listener> {
  const { certificateChain, privateKey } = setup as TlsPlaneSetup;
  const context = reactor.secureContext?.({ kind: 'server', certificateChain, privateKey });
  if (!context) throw new Error('no TLS here');
  let accepted = 0;
  const secure = { handshakeMs: 10_000, choose: () => ({ kind: 'terminate', context }) as const };
  return reactor.listen({ host: HOST, port: 0, secure }, (transport) => {
    const stage = STAGES[Math.floor((accepted++ % PAIRS) / STAGES.length)];
    queueMicrotask(() => stage?.(transport));
    return { ...IDLE, onEnd: () => transport.end() };
  });
}

/** A plane that has connections of TLS with itself in all stages of opening and closing, at all times; for tests. */
if (!isMainThread) await play();
