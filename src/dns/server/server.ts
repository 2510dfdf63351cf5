import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import type { Peer, Reactor } from '../../net/index.ts';
import { bindBoth } from './bind.ts';
import type { Bound } from './bind.ts';
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
  #bound: Bound | undefined;
  #received = 0;

  constructor(parts: {
    readonly reactor: Reactor;
    readonly responder: Responder;
    readonly clock: Clock;
    readonly limits: TcpLimits & { readonly maxConnections: number };
  }) {
    this.#reactor = parts.reactor;
    this.#responder = parts.responder;
    this.#clock = parts.clock;
    this.#tcp = new TcpServer(parts);
  }

  get addresses(): { readonly udp: Peer; readonly tcp: Peer } | undefined {
    return this.#bound && { udp: this.#bound.udp.address, tcp: this.#bound.tcp.address };
  }

  get tcpConnections(): number {
    return this.#tcp.connections;
  }

  async start(host: string, port: number): Promise<void> {
    this.#bound = await bindBoth(this.#reactor, this.#tcp, { host, port }, (bytes, from) => {
      this.#received++;
      this.#responder.respond(bytes, 'udp', (reply) => {
        if (reply) this.#bound?.udp.send(reply, from);
      });
    });
  }

  /**
   * Take no new connections, go on answering until nothing comes in any more and nothing is under way, for at most `drainMs`,
   * then close. `giveUp` ends what is still under way then.
   */
  async stop(drainMs: number, giveUp: () => void = () => {}): Promise<void> {
    if (!this.#bound) return;
    this.#tcp.drain();
    const end = this.#clock.monotonic() + drainMs;
    while (this.#clock.monotonic() < end) {
      const before = this.#received;
      await sleep(this.#clock, Math.min(QUIET_MS, drainMs));
      if (this.#received === before && this.#responder.pending === 0) break;
    }
    giveUp();
    await new Promise<void>((resolve) => setImmediate(resolve)); // the replies to what was given up
    await this.#bound.udp.close();
    await this.#tcp.destroy();
    this.#bound = undefined;
  }
}
