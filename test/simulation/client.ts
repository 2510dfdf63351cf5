import type { HttpClient, HttpClientOptions, HttpRequest, HttpResponse } from '../../src/core/http/client.ts';
import type { Connection } from './connection.ts';
import { Exchange } from './exchange.ts';
import type { Listener, Network } from './network.ts';
import type { SimProcess } from './process.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const SYN_AGAIN_MS = 1_000;

interface Open {
  readonly connection: Connection;
  readonly listener: Listener;
}

/** Stands where undici stands: connections are kept and used again, one call at a time on each. */
export class SimClient implements HttpClient {
  readonly #network: Network;
  readonly #process: SimProcess;
  readonly #limit: number;
  readonly #idle = new Map<string, Open[]>();
  readonly #waiting: Exchange[] = [];
  readonly #active = new Set<Exchange>();

  constructor(network: Network, process: SimProcess, options: HttpClientOptions = {}) {
    this.#network = network;
    this.#process = process;
    this.#limit = options.connections ?? Number.POSITIVE_INFINITY;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const exchange = new Exchange(this.#network, this.#process, request);
    exchange.onOver = (reusable) => this.#done(exchange, reusable);
    this.#waiting.push(exchange);
    this.#next();
    return exchange.response;
  }

  async close(): Promise<void> {
    for (const e of [...this.#active, ...this.#waiting]) e.fail('the client is destroyed');
    for (const list of this.#idle.values()) for (const { connection } of list) connection.leave('client');
    this.#idle.clear();
  }

  #next(): void {
    while (this.#active.size < this.#limit) {
      const exchange = this.#waiting.shift();
      if (!exchange) return;
      if (exchange.over) continue;
      this.#active.add(exchange);
      this.#start(exchange);
    }
  }

  #start(exchange: Exchange): void {
    const kept = this.#idle.get(exchange.address) ?? [];
    const open = kept.pop();
    if (open) return exchange.begin(open.connection, open.listener);
    this.#connect(exchange, this.#network.world.now + CONNECT_TIMEOUT_MS);
  }

  /** The handshake needs both directions. */
  #connect(exchange: Exchange, deadline: number): void {
    const { world } = this.#network;
    const host = exchange.address.split(':')[0] ?? '';
    const process = this.#process;
    world.after(2 * this.#network.delay(process.host, host), () =>
      process.run(() => {
        if (exchange.over) return;
        const passes = this.#network.passes(process.host, host) && this.#network.passes(host, process.host);
        if (!passes) {
          if (world.now + SYN_AGAIN_MS > deadline) exchange.fail('connect timeout');
          else world.after(SYN_AGAIN_MS, () => process.run(() => this.#connect(exchange, deadline)));
          return;
        }
        const listener = this.#network.listenerAt(exchange.address);
        if (!listener) return exchange.fail('connection refused');
        exchange.begin(this.#network.open(process, listener), listener);
      }),
    );
  }

  #done(exchange: Exchange, reusable: Open | undefined): void {
    this.#active.delete(exchange);
    if (reusable) {
      const list = this.#idle.get(exchange.address) ?? [];
      this.#idle.set(exchange.address, list);
      list.push(reusable);
      // until it hears of its end it takes the connection for a good one
      const lost = (): void => void list.splice(list.indexOf(reusable), 1);
      reusable.connection.clientEnd = { lost };
    }
    this.#next();
  }
}
