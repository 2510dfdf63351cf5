import { copyOf } from '../../../core/bytes.ts';
import type { Timer } from '../../../core/clock.ts';
import type { DatagramSocket, Peer } from '../../../net/index.ts';
import type { Target, VirtualServer } from '../plan/index.ts';
import { targetKey } from './pick.ts';
import type { ProxyShared } from './shared.ts';

interface UdpClient {
  readonly target: Target;
  /** Of its own, so that answers are known to be for it; undefined while it is opened. */
  socket: DatagramSocket | undefined;
  /** Came before the socket was there. */
  readonly held: Uint8Array[];
  lastActive: number;
}

const MAX_HELD = 16;
const NONE: ReadonlySet<string> = new Set();

/** The clients of one VIP over UDP, each with a backend that it keeps until it was silent for some time or the backend is gone. */
export class UdpClients {
  readonly #shared: ProxyShared;
  readonly #server: () => VirtualServer | undefined;
  readonly #reply: (bytes: Uint8Array, to: Peer) => void;
  readonly #clients = new Map<string, UdpClient>();
  readonly #sweep: Timer;

  constructor(
    shared: ProxyShared,
    server: () => VirtualServer | undefined,
    reply: (bytes: Uint8Array, to: Peer) => void,
  ) {
    const { clock, config } = shared.parts;
    this.#shared = shared;
    this.#server = server;
    this.#reply = reply;
    this.#sweep = clock.every(Math.max(1, Math.ceil(config.udpIdleMs / 4)), () => {
      const now = clock.monotonic();
      for (const [key, client] of this.#clients)
        if (now - client.lastActive >= config.udpIdleMs) this.#drop(key, client);
    });
  }

  onMessage(bytes: Uint8Array, from: Peer): void {
    const key = `${from.ip} ${from.port}`;
    const client = this.#clients.get(key) ?? this.#open(key, from);
    // No backend, or too many clients: as UDP does, it is lost.
    if (client === undefined) return;
    client.lastActive = this.#shared.parts.clock.monotonic();
    if (client.socket) client.socket.send(bytes, client.target);
    else if (client.held.length < MAX_HELD) client.held.push(copyOf(bytes));
  }

  /** The backends have changed: who is with one that is gone gets another with the next datagram. */
  changed(): void {
    const there = new Set(this.#server()?.backends.map(targetKey));
    for (const [key, client] of this.#clients)
      if (!there.has(targetKey(client.target))) this.#drop(key, client);
  }

  close(): void {
    this.#sweep.cancel();
    for (const [key, client] of this.#clients) this.#drop(key, client);
  }

  #open(key: string, from: Peer): UdpClient | undefined {
    const { reactor, clock } = this.#shared.parts;
    if (!this.#shared.enter()) return undefined;
    const target = this.#shared.take(this.#server(), NONE);
    if (target === undefined) {
      this.#shared.leave();
      return undefined;
    }
    const client: UdpClient = { target, socket: undefined, held: [], lastActive: clock.monotonic() };
    this.#clients.set(key, client);
    const host = target.ip.includes(':') ? '::' : '0.0.0.0';
    const onAnswer = (bytes: Uint8Array, of: Peer): void => {
      if (of.ip !== target.ip || of.port !== target.port || this.#clients.get(key) !== client) return;
      client.lastActive = clock.monotonic();
      this.#reply(bytes, from);
    };
    reactor.udp({ host, port: 0 }, onAnswer).then(
      (socket) => {
        if (this.#clients.get(key) !== client) return void socket.close();
        client.socket = socket;
        for (const bytes of client.held.splice(0)) socket.send(bytes, target);
      },
      () => this.#drop(key, client),
    );
    return client;
  }

  #drop(key: string, client: UdpClient): void {
    if (this.#clients.get(key) !== client) return;
    this.#clients.delete(key);
    this.#shared.release(client.target);
    this.#shared.leave();
    void client.socket?.close();
  }
}
