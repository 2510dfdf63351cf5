/**
 * One plane for measuring: `node plane-proxy.ts <engine> <http|pass|relay> <port> [<upstream port> [body bytes]]`. `http` answers every
 * read with a response; `pass` carries bytes to the upstream and back through onData and write, `relay` through
 * `reactor.relay`, where the engine has it.
 */
import { fileURLToPath } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { silentLogger } from '../../src/core/log.ts';
import { startPlaneThread, thisPlaneThread } from '../../src/net/index.ts';
import type { Reactor, Transport, TransportHandler } from '../../src/net/index.ts';

interface Setup {
  readonly mode: string;
  readonly port: number;
  readonly upstream: number;
  readonly bodyBytes: number;
}

const nothing = (): void => {};

function answering(bodyBytes: number): (transport: Transport) => TransportHandler {
  const head = `HTTP/1.1 200 OK\r\ncontent-length: ${bodyBytes}\r\n\r\n`;
  const response = Buffer.concat([Buffer.from(head), Buffer.alloc(bodyBytes, 'x')]);
  return (transport) => ({
    onData: () => void transport.write(response),
    onEnd: () => transport.end(),
    onDrain: nothing,
    onClose: nothing,
  });
}

/** Bytes of one side go to the other, which stops it when it cannot keep up. */
class Side implements TransportHandler {
  self: Transport | undefined;
  other: Transport | undefined;
  onConnect(): void {}
  onData(bytes: Uint8Array): void {
    if (this.other?.write(bytes) === false) this.self?.pause();
  }
  onEnd(): void {
    this.other?.end();
  }
  onDrain(): void {
    this.other?.resume();
  }
  onClose(): void {
    this.other?.destroy();
  }
}

function passing(reactor: Reactor, port: number, relay: boolean): (transport: Transport) => TransportHandler {
  return (client) => {
    const [near, far] = [new Side(), new Side()];
    const upstream = reactor.connect({ ip: '127.0.0.1', port }, { timeoutMs: 5_000 }, far);
    near.self = far.other = client;
    far.self = near.other = upstream;
    if (relay) {
      // A relay begins where nothing is on its way yet.
      client.pause();
      far.onConnect = () => {
        if (!reactor.relay?.(client, upstream)) throw new Error('no relay');
      };
    }
    return near;
  };
}

async function serve(): Promise<void> {
  const thread = await thisPlaneThread();
  const { mode, port, upstream, bodyBytes } = thread.setup as Setup;
  await thread.reactor.listen(
    { host: '127.0.0.1', port },
    mode === 'http' ? answering(bodyBytes) : passing(thread.reactor, upstream, mode === 'relay'),
  );
  await thread.run();
}

if (!isMainThread) await serve();
else if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , engine = 'auto', mode = 'http', port, upstream, bodyBytes] = process.argv;
  await startPlaneThread({
    engine: engine as 'auto' | 'linux' | 'portable',
    entry: new URL(import.meta.url),
    worker: 0,
    name: 'bench',
    setup: { mode, port: Number(port), upstream: Number(upstream), bodyBytes: Number(bodyBytes ?? 1024) },
    onMessage: nothing,
    onExit: (error) => console.error('ended', error),
    log: silentLogger,
  });
}
