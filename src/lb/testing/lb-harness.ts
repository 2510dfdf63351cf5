import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { createPortableReactor } from '../../net/index.ts';
import type { BackendPolicy } from '../balancer/index.ts';
import { createLoadBalancer, lbConfigSchema } from '../index.ts';
import type { LoadBalancer, LoadBalancerParts } from '../index.ts';
import type { LogFile } from '../log/log-file.ts';
import { FakeCatalog } from './fake-catalog.ts';
import { inlinePlanes } from './inline-planes.ts';
import { withPolicy } from './with-policy.ts';

/** A running load balancer on free ports, its plane on this thread, with a catalog that the test sets. */
export interface Harness {
  readonly lb: LoadBalancer;
  readonly catalog: FakeCatalog;
  readonly port: number;
  readonly admin: string;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly access: WrittenLines;
  /** An origin on a free port; closed with the harness. */
  origin(listener: RequestListener): Promise<Origin>;
  /** A raw connection to the load balancer; destroyed with the harness. */
  dial(): RawClient;
  close(): Promise<void>;
}

export interface Origin {
  readonly server: Server;
  readonly port: number;
}

/** `policy` goes over what the labels say of every backend. */
export async function startHarness(
  config: Readonly<Record<string, unknown>> = {},
  policy: Partial<BackendPolicy> = {},
  parts: Partial<LoadBalancerParts> = {},
): Promise<Harness> {
  const catalog = new FakeCatalog();
  const health = new Health();
  const metrics = new Metrics();
  const cleanup: (() => void)[] = [];
  const access = new WrittenLines();
  const reactor = createPortableReactor({ clock: systemClock, log: silentLogger });
  const lb = createLoadBalancer({
    reactor,
    config: lbConfigSchema.parse({ http: { port: 0 }, admin: { port: 0 }, workers: 1, ...config }),
    catalog,
    startPlane: withPolicy(
      inlinePlanes({
        reactor,
        clock: systemClock,
        random: seededRandom(1),
      }),
      policy,
    ),
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
    metrics,
    health,
    openLogFile: async () => access,
    ...parts,
  });
  await lb.start();
  const { port } = lb.addresses.http;
  return {
    lb,
    catalog,
    port,
    admin: `http://127.0.0.1:${lb.addresses.admin.port}`,
    health,
    metrics,
    access,
    origin: async (listener) => {
      const server = createServer(listener);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanup.push(() => {
        server.close();
        server.closeAllConnections();
      });
      return { server, port: (server.address() as AddressInfo).port };
    },
    dial: () => {
      const client = new RawClient(connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
      cleanup.push(() => client.socket.destroy());
      return client;
    },
    close: async () => {
      for (const f of cleanup.splice(0)) f();
      await lb.stop();
    },
  };
}

/** The access log in memory. */
export class WrittenLines implements LogFile {
  readonly lines: Record<string, unknown>[] = [];
  #waiters: (() => void)[] = [];

  async write(text: string): Promise<void> {
    for (const line of text.trimEnd().split('\n'))
      this.lines.push(JSON.parse(line) as Record<string, unknown>);
    for (const w of this.#waiters.splice(0)) w();
  }

  async inPlace(): Promise<boolean> {
    return true;
  }

  async close(): Promise<void> {}

  /** All lines, once the last is one that `isLast` knows. */
  async until(
    isLast: (line: Record<string, unknown>) => boolean,
  ): Promise<readonly Record<string, unknown>[]> {
    while (!isLast(this.lines.at(-1) ?? {}))
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.lines;
  }
}

/** A socket whose received text can be waited for. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  ended = false;
  closed = false;
  error: Error | undefined;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (piece: string) => {
      this.text += piece;
      this.#changed();
    });
    socket.on('end', () => {
      this.ended = true;
      this.#changed();
    });
    socket.on('error', (error) => {
      this.error = error;
    });
    socket.on('close', () => {
      this.closed = true;
      this.#changed();
    });
  }

  send(text: string): this {
    this.socket.write(text, 'latin1');
    return this;
  }

  async until(condition: (text: string) => boolean): Promise<string> {
    while (!condition(this.text)) {
      if (this.closed) throw new Error(`closed after ${JSON.stringify(this.text.slice(-500))}`);
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    return this.text;
  }

  async untilEnd(): Promise<string> {
    while (!this.ended && !this.closed) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.text;
  }

  #changed(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const w of waiters) w();
  }
}
