import { sleep } from '../../../core/clock.ts';
import type { Timer } from '../../../core/clock.ts';
import { errorText } from '../../../core/errors.ts';
import type { Listener, Peer, Transport, TransportHandler } from '../../../net/index.ts';
import type { Carrier, CarrierCounts } from '../carrier.ts';
import type { VirtualServer } from '../plan/index.ts';
import { ProxyShared } from './shared.ts';
import type { ProxyParts } from './shared.ts';
import { TcpRelay } from './tcp-relay.ts';
import { UdpClients } from './udp-clients.ts';

interface Open {
  readonly address: Peer;
  changed(): void;
  close(): Promise<void>;
}

/** How many ports are tried for a VIP. */
const TRIES = 64;
const RETRY_MS = 5_000;
/** While it drains. */
const LOOK_MS = 20;
/** Of a connection that was not let in. */
const DEAF: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/**
 * VIPs on listeners of this program, for where the kernel cannot be used: at a VIP's own address where that is one of this machine (in
 * Linux all of 127.0.0.0/8 is, so a range of VIPs there needs nothing else), else at a port of an address for all of them. Traffic
 * passes through this process, and its main thread: it is for development, and for a few VIPs.
 */
export class ProxyVips implements Carrier {
  readonly #shared: ProxyShared;
  readonly #counts: CarrierCounts;
  readonly #servers = new Map<string, VirtualServer>();
  readonly #open = new Map<string, Open>();
  readonly #relays = new Set<TcpRelay>();
  readonly #dirty = new Set<string>();
  /** Could not be listened for; tried again. */
  readonly #failed = new Set<string>();
  #retry: Timer | undefined;
  #running: Promise<void> | undefined;
  #begun = false;
  #stopped = false;

  constructor(parts: ProxyParts, counts: CarrierCounts) {
    this.#shared = new ProxyShared(parts);
    this.#counts = counts;
  }

  set(key: string, server: VirtualServer | undefined): void {
    if (server) this.#servers.set(key, server);
    else this.#servers.delete(key);
    this.#dirty.add(key);
    this.#wake();
  }

  begin(): void {
    this.#begun = true;
    this.#wake();
  }

  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  takenAt(key: string): string | undefined {
    const address = this.#open.get(key)?.address;
    return address && atText(address);
  }

  udpPorts(): readonly number[] {
    return [...this.#open].flatMap(([key, { address }]) =>
      this.#servers.get(key)?.protocol === 'udp' ? [address.port] : [],
    );
  }

  /** The sockets stay bound as long as another process has them. */
  async handOver(): Promise<void> {
    this.#stopped = true;
    this.#retry?.cancel();
    await this.settled();
    const open = [...this.#open.values()];
    this.#open.clear();
    await Promise.all(open.map((one) => one.close()));
  }

  async drain(limitMs: number): Promise<void> {
    const { clock } = this.#shared.parts;
    const end = clock.monotonic() + limitMs;
    await this.handOver();
    while (this.#relays.size > 0 && clock.monotonic() < end) await sleep(clock, LOOK_MS);
  }

  async stop(): Promise<void> {
    await this.handOver();
    for (const relay of this.#relays) relay.destroy();
  }

  #wake(): void {
    if (!this.#begun || this.#stopped || this.#running || this.#dirty.size === 0) return;
    this.#running = this.#work().finally(() => {
      this.#running = undefined;
      this.#wake();
    });
  }

  async #work(): Promise<void> {
    const { clock, log } = this.#shared.parts;
    const began = clock.monotonic();
    // In one order, so that VIPs get the same ports after a start with the same ones.
    for (const key of [...this.#dirty].sort()) {
      this.#dirty.delete(key);
      const server = this.#servers.get(key);
      const open = this.#open.get(key);
      if (open) open.changed();
      if (server && !open) {
        const made = await this.#listen(server);
        if (typeof made !== 'string') this.#open.set(key, made);
        else {
          this.#counts.failures++;
          log.warn({ vip: key, problem: made }, 'no listener for a VIP');
          this.#failed.add(key);
          this.#retry ??= clock.after(RETRY_MS, () => this.#again());
        }
      } else if (!server && open) {
        this.#open.delete(key);
        await open.close();
      }
    }
    this.#counts.changes++;
    this.#counts.seconds((clock.monotonic() - began) / 1000);
  }

  #again(): void {
    this.#retry = undefined;
    for (const key of this.#failed) this.#dirty.add(key);
    this.#failed.clear();
    this.#wake();
  }

  /** At its own address, else at the address for all: at its own port, or one after the other from one that its name stands for. */
  async #listen(server: VirtualServer): Promise<Open | string> {
    const { host, firstPort, lastPort } = this.#shared.parts.config;
    const size = lastPort - firstPort + 1;
    const start = hash(server.key) % size;
    const places = [
      { host: server.address, port: server.port },
      { host, port: server.port },
    ];
    for (let i = 0; i < Math.min(TRIES, size); i++)
      places.push({ host, port: firstPort + ((start + i) % size) });
    let problem = '';
    for (const place of places) {
      try {
        return await (server.protocol === 'tcp'
          ? this.#tcp(server.key, place)
          : this.#udp(server.key, place));
      } catch (error) {
        problem = errorText(error);
      }
    }
    return problem;
  }

  async #tcp(key: string, place: { readonly host: string; readonly port: number }): Promise<Open> {
    const accept = (client: Transport): TransportHandler => {
      if (!this.#shared.enter()) {
        queueMicrotask(() => client.destroy());
        return DEAF;
      }
      const relay = new TcpRelay(
        this.#shared,
        client,
        () => this.#servers.get(key),
        (gone) => this.#relays.delete(gone),
      );
      this.#relays.add(relay);
      // The engine has to know the handler first.
      queueMicrotask(() => relay.begin());
      return relay.handler;
    };
    const listener: Listener = await this.#shared.parts.reactor.listen(place, accept);
    return { address: listener.address, changed: () => {}, close: () => listener.close() };
  }

  async #udp(key: string, place: { readonly host: string; readonly port: number }): Promise<Open> {
    const clients = new UdpClients(
      this.#shared,
      () => this.#servers.get(key),
      (bytes, to) => socket.send(bytes, to),
    );
    const opening = this.#shared.parts.reactor.udp(place, (bytes, from) => clients.onMessage(bytes, from));
    const socket = await opening.catch((error: unknown) => {
      clients.close();
      throw error;
    });
    const close = (): Promise<void> => {
      clients.close();
      return socket.close();
    };
    return { address: socket.address, changed: () => clients.changed(), close };
  }
}

function atText({ ip, port }: Peer): string {
  return ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`;
}

function hash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i)) >>> 0;
  return h;
}
