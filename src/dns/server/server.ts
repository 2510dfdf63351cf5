import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { UdpAtEachAddress } from '../../net/index.ts';
import type { Listener, Peer, Reactor, UdpParts } from '../../net/index.ts';
import { bindBoth } from './bind.ts';
import type { Responder } from './responder.ts';
import { TcpServer } from './tcp-server.ts';
import type { TcpLimits } from './tcp-connection.ts';

const QUIET_MS = 20;

/** The listeners of DNS: UDP and TCP on one port. */
export class DnsServer {
  readonly #reactor: Reactor;
  readonly #responder: Responder;
  readonly #clock: Clock;
  readonly #tcp: TcpServer;
  readonly #udp: UdpAtEachAddress;
  #listener: Listener | undefined;
  #received = 0;

  constructor(parts: {
    readonly reactor: Reactor;
    readonly responder: Responder;
    readonly clock: Clock;
    readonly addressesOf: UdpParts['addressesOf'];
    readonly limits: TcpLimits & { readonly maxConnections: number };
  }) {
    this.#reactor = parts.reactor;
    this.#responder = parts.responder;
    this.#clock = parts.clock;
    this.#tcp = new TcpServer(parts);
    this.#udp = new UdpAtEachAddress({
      ...parts,
      udp: parts.reactor.udp,
      onMessage: (bytes, from, socket) => {
        this.#received++;
        this.#responder.respond(bytes, from, 'udp', (reply) => {
          if (reply) socket.send(reply, from);
        });
      },
    });
  }

  /** UDP and TCP have the same one. */
  get address(): Peer | undefined {
    return this.#listener?.address;
  }

  get tcpConnections(): number {
    return this.#tcp.connections;
  }

  async start(host: string, port: number): Promise<void> {
    this.#listener = await bindBoth(this.#reactor, this.#udp, this.#tcp, { host, port });
  }

  /**
   * Take no new connections, go on answering until nothing comes in any more and nothing is under way, for at most `drainMs`,
   * then close. `giveUp` ends what is still under way then.
   */
  async stop(drainMs: number, giveUp: () => void = () => {}): Promise<void> {
    if (!this.#listener) return;
    this.#tcp.drain();
    const end = this.#clock.monotonic() + drainMs;
    while (this.#clock.monotonic() < end) {
      const before = this.#received;
      await sleep(this.#clock, Math.min(QUIET_MS, drainMs));
      if (this.#received === before && this.#responder.pending === 0) break;
    }
    giveUp();
    await new Promise<void>((resolve) => setImmediate(resolve)); // the replies to what was given up
    await this.#udp.close();
    await this.#tcp.destroy();
    this.#listener = undefined;
  }
}
