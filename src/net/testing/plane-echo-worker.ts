import { isMainThread } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { thisPlaneThread } from '../plane/in-thread.ts';
import type { PlaneThread, TransportHandler } from '../types.ts';

/** A plane that sends back what comes over TCP, and does what messages say; for tests. On the main thread it is only compiled. */
if (!isMainThread) await echo();

/** A ball between a connection of its own and the echo, for ever: the engine always has something to do. */
function throwAndCatch({ reactor }: PlaneThread, port: number): void {
  const transport = reactor.connect(
    { ip: '127.0.0.1', port },
    { timeoutMs: 10_000 },
    {
      onConnect: () => void transport.write(new Uint8Array(1)),
      onData: (bytes) => void transport.write(bytes),
      onEnd: () => {},
      onDrain: () => {},
      onClose: () => {},
    },
  );
}

async function echo(): Promise<void> {
  const thread = await thisPlaneThread();
  const { clock, reactor } = thread;
  const { port, reusePort } = thread.setup as { port: number; reusePort?: boolean };
  let accepted = 0;
  let closed = 0;
  const listener = await reactor.listen(
    { host: '127.0.0.1', port, reusePort: reusePort === true },
    (transport) => {
      accepted++;
      const handler: TransportHandler = {
        onData: (bytes) => {
          if (!transport.write(bytes)) transport.pause();
        },
        onEnd: () => transport.end(),
        onDrain: () => transport.resume(),
        onClose: () => closed++,
      };
      return handler;
    },
  );
  thread.onMessage = (message) => {
    if (message === 'stop') thread.stop();
    else if (message === 'crash') throw new Error('as asked');
    else if (message === 'die') queueMicrotask(() => void Promise.reject(new Error('died as asked')));
    else if (message === 'spin') for (;;);
    else if (message === 'counts') thread.send({ accepted, closed });
    else if (message === 'busy') for (let i = 0; i < 32; i++) throwAndCatch(thread, listener.address.port);
    else if (message === 'timer of Node') systemClock.after(1, () => thread.send('time of Node'));
    else if (message === 'timer') clock.after(20, () => thread.send('time'));
    else if (message === 'promise') void Promise.resolve().then(() => thread.send('kept'));
    else if (message === 'log') thread.log.warn({ worker: thread.worker }, 'a line');
    else thread.send({ echo: message });
  };
  thread.send({ listening: listener.address.port, engine: thread.engine });
  await thread.run();
  thread.send({ ended: closed });
}
