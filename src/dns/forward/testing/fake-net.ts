import type {
  DatagramSocket,
  Listener,
  ListenOptions,
  Peer,
  Reactor,
  Transport,
  TransportHandler,
} from '../../../net/index.ts';
import { MessageFramer, framed } from '../../wire/index.ts';

/** What a resolver of a test does with a question; `send` may be called any time, often or never. */
export type Script = (question: Uint8Array, send: (reply: Uint8Array) => void) => void;

interface Server {
  udp: Script;
  tcp: Script | undefined;
}

/** A network without sockets: resolvers by address, each a script. What is sent arrives at once. */
export class FakeNet implements Reactor {
  readonly #servers = new Map<string, Server>();
  /** Sockets that are open now. */
  open = 0;

  /** Without `tcp`, connections are refused. */
  serve(address: string, udp: Script, tcp?: Script): void {
    this.#servers.set(address, { udp, tcp });
  }

  async udp(
    options: ListenOptions,
    onMessage: (bytes: Uint8Array, from: Peer) => void,
  ): Promise<DatagramSocket> {
    let closed = false;
    this.open++;
    return {
      address: { ip: '127.0.0.1', port: options.port },
      send: (bytes, to) => {
        const server = this.#servers.get(`${to.ip}:${to.port}`);
        server?.udp(bytes.slice(), (reply) => {
          if (!closed) onMessage(reply, to);
        });
      },
      close: async () => {
        if (!closed) this.open--;
        closed = true;
      },
    };
  }

  connect(to: Peer, _options: { readonly timeoutMs: number }, handler: TransportHandler): Transport {
    const script = this.#servers.get(`${to.ip}:${to.port}`)?.tcp;
    const framer = new MessageFramer();
    const state = { closed: false };
    this.open++;
    const close = (): void => {
      if (state.closed) return;
      state.closed = true;
      this.open--;
      queueMicrotask(() => handler.onClose(undefined));
    };
    const write = (bytes: Uint8Array): boolean => {
      for (const question of framer.push(bytes)) {
        script?.(question, (reply) => {
          if (!state.closed) handler.onData(framed(reply));
        });
      }
      return true;
    };
    queueMicrotask(() => (script ? handler.onConnect?.() : close()));
    return {
      handler,
      remote: to,
      local: to,
      get closed() {
        return state.closed;
      },
      write,
      writeOwned: write,
      pause: () => {},
      resume: () => {},
      end: close,
      destroy: close,
    };
  }

  async listen(): Promise<Listener> {
    throw new Error('nobody listens here');
  }
}
