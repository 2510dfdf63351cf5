import type { Clock } from '../../core/clock.ts';
import type { Listener, Reactor, Transport } from '../types.ts';
import { Probe } from './probe.ts';

/**
 * One promise of a network engine, as a function that throws where it is broken: so that it can also run inside a plane's
 * thread, where no test runner is.
 */
export interface ReactorCase {
  readonly name: string;
  run(bench: CaseBench): Promise<void>;
}

export interface Pair {
  readonly listener: Listener;
  readonly client: Transport;
  readonly server: Transport;
  readonly c: Probe;
  readonly s: Probe;
}

/** What a case works with. */
export class CaseBench {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly #cleanup: (() => Promise<void> | void)[] = [];

  constructor(reactor: Reactor, clock: Clock) {
    this.reactor = reactor;
    this.clock = clock;
  }

  later(f: () => Promise<void> | void): void {
    this.#cleanup.push(f);
  }

  async clean(): Promise<void> {
    for (const f of this.#cleanup.splice(0).reverse()) await f();
  }

  /** Listen on loopback; every connection gets a probe. */
  async listen(
    onAccept: (transport: Transport, probe: Probe) => void,
    host = '127.0.0.1',
  ): Promise<Listener> {
    const listener = await this.reactor.listen({ host, port: 0 }, (transport) => {
      const probe = new Probe();
      this.later(() => transport.destroy());
      onAccept(transport, probe);
      return probe;
    });
    this.later(() => listener.close());
    return listener;
  }

  connect(to: { ip: string; port: number }, probe: Probe, timeoutMs = 5_000): Transport {
    const transport = this.reactor.connect(to, { timeoutMs }, probe);
    this.later(() => transport.destroy());
    return transport;
  }

  /** Two ends of a connection, each with its probe. */
  async pair(host = '127.0.0.1'): Promise<Pair> {
    let accepted: ((pair: [Transport, Probe]) => void) | undefined;
    const both = new Promise<[Transport, Probe]>((resolve) => (accepted = resolve));
    const listener = await this.listen((transport, probe) => accepted?.([transport, probe]), host);
    const c = new Probe();
    const client = this.connect(listener.address, c);
    await c.until(() => c.connected);
    const [server, s] = await both;
    return { listener, client, server, c, s };
  }

  /** Resolves after `ms` of the engine's time. */
  wait(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.after(ms, resolve));
  }
}

/** Run one case, and clean up after it. */
export async function runCase(one: ReactorCase, reactor: Reactor, clock: Clock): Promise<void> {
  const bench = new CaseBench(reactor, clock);
  try {
    await one.run(bench);
  } finally {
    await bench.clean();
  }
}
