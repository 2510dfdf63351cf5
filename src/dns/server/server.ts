import type { Clock } from '../../core/clock.ts';
import type { Listener, Peer, Reactor } from '../../net/index.ts';
import { bindBoth } from './bind.ts';
import type { ColdQuestions } from './cold.ts';
import type { Responder } from './responder.ts';
import { TcpServer } from './tcp-server.ts';
import type { TcpLimits } from './tcp-connection.ts';
import { UdpService } from './udp-service.ts';
import type { UdpServiceParts } from './udp-service.ts';

export interface DnsServerParts extends Omit<UdpServiceParts, 'onCold'> {
  readonly reactor: Reactor;
  readonly responder: Responder;
  readonly cold: ColdQuestions;
  readonly clock: Clock;
  readonly limits: TcpLimits & { readonly maxConnections: number };
}

/** The listeners of DNS: UDP and TCP on one port. UDP is answered by workers, TCP on this thread. */
export class DnsServer {
  readonly udp: UdpService;
  readonly #reactor: Reactor;
  readonly #cold: ColdQuestions;
  readonly #tcp: TcpServer;
  #listener: Listener | undefined;

  constructor(parts: DnsServerParts) {
    this.#reactor = parts.reactor;
    this.#cold = parts.cold;
    this.#tcp = new TcpServer(parts);
    this.udp = new UdpService({
      ...parts,
      onCold: ({ bytes, from }) => {
        void parts.cold.resolve(bytes, 'udp', from.ip).then((reply) => {
          if (reply) this.udp.reply(reply, from);
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
    this.#listener = await bindBoth(this.#reactor, this.udp, this.#tcp, { host, port });
  }

  /**
   * Take no new connections, go on answering until nothing comes in any more and nothing is under way, for at most `drainMs`,
   * then close. `giveUp` ends what is still under way then.
   */
  async stop(drainMs: number, giveUp: () => void = () => {}): Promise<void> {
    if (!this.#listener) return;
    this.#tcp.drain();
    await this.udp.stop(drainMs, () => this.#cold.pending, giveUp);
    await this.#tcp.destroy();
    this.#listener = undefined;
  }
}
