import type { Socket } from 'node:net';
import { connect as tcpConnect } from 'node:net';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import type {
  ClientHello,
  JudgePeer,
  Listener,
  Peer,
  Reactor,
  SecureChoice,
  SecureContext,
  SecureContextOptions,
  Transport,
} from '../types.ts';
import { TestAuthority } from './identities.ts';
import { Probe } from './probe.ts';

export interface Accepted {
  readonly transport: Transport;
  readonly probe: Probe;
  readonly hello: ClientHello | undefined;
}

export interface SecureListener {
  readonly address: Peer;
  readonly listener: Listener;
  readonly accepted: Accepted[];
  readonly failures: string[];
  /** Resolves with the next one accepted, from the `index`th on. */
  get(index: number): Promise<Accepted>;
  failed(index: number): Promise<string>;
}

/** What tests of TLS work with: an engine, an authority, and Node's own TLS at the other end. */
export class SecureBench {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly authority: TestAuthority;
  /** The first session that a connection of `dial` is told. */
  readonly tickets = new WeakMap<TLSSocket, Promise<Buffer>>();
  readonly #cleanup: (() => unknown)[] = [];

  constructor(reactor: Reactor, clock: Clock) {
    this.reactor = reactor;
    this.clock = clock;
    this.authority = new TestAuthority(clock);
  }

  later(f: () => unknown): void {
    this.#cleanup.push(f);
  }

  async clean(): Promise<void> {
    for (const f of this.#cleanup.splice(0).reverse()) await f();
  }

  context(options: SecureContextOptions): SecureContext {
    const context = this.reactor.secureContext?.(options);
    if (!context) throw new Error('no TLS here');
    this.later(() => context.close());
    return context;
  }

  server(names: readonly string[], more: Partial<SecureContextOptions> = {}): SecureContext {
    return this.context({ kind: 'server', ...this.authority.issue(names), ...more });
  }

  /** Listen; every connection gets a probe. */
  async listen(
    choose: SecureContext | ((hello: ClientHello) => SecureChoice),
    handshakeMs = 5_000,
    told: {
      readonly admit?: (remote: Peer) => boolean;
      readonly onEnd?: (remote: Peer) => void;
      readonly alsoPlain?: boolean;
    } = {},
  ): Promise<SecureListener> {
    const accepted: Accepted[] = [];
    const failures: string[] = [];
    let waiters: (() => void)[] = [];
    const changed = (): void => {
      const all = waiters;
      waiters = [];
      for (const w of all) w();
    };
    const until = async <T>(list: readonly T[], index: number): Promise<T> => {
      for (;;) {
        const found = list[index];
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    };
    const secure = {
      choose: (hello: ClientHello): SecureChoice =>
        typeof choose === 'function' ? choose(hello) : { kind: 'terminate', context: choose },
      handshakeMs,
      ...(told.admit ? { admit: told.admit } : {}),
      ...(told.alsoPlain === undefined ? {} : { alsoPlain: told.alsoPlain }),
      onHandshakeFailed: (reason: string, remote: Peer) => {
        failures.push(reason);
        told.onEnd?.(remote);
        changed();
      },
    };
    const listener = await this.reactor.listen({ host: '127.0.0.1', port: 0, secure }, (transport, hello) => {
      const probe = new Probe();
      this.later(() => transport.destroy());
      accepted.push({ transport, probe, hello });
      changed();
      return probe;
    });
    this.later(() => listener.close());
    const get = (index: number): Promise<Accepted> => until(accepted, index);
    const failed = (index: number): Promise<string> => until(failures, index);
    return { address: listener.address, listener, accepted, failures, get, failed };
  }

  /** Our own client. */
  connect(
    to: Peer,
    context: SecureContext,
    serverName?: string,
    timeoutMs = 5_000,
    judge?: JudgePeer,
  ): { client: Transport; probe: Probe } {
    const probe = new Probe();
    const secure = {
      context,
      ...(serverName === undefined ? {} : { serverName }),
      ...(judge === undefined ? {} : { judge }),
    };
    const client = this.reactor.connect(to, { timeoutMs, secure }, probe);
    this.later(() => client.destroy());
    return { client, probe };
  }

  /** A client context that trusts our authority. */
  client(more: Partial<SecureContextOptions> = {}): SecureContext {
    return this.context({ kind: 'client', trust: this.authority.root, ...more });
  }

  /** Node's client; rejects when there is no handshake. */
  dial(to: Peer, options: ConnectionOptions = {}): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect({
        host: to.ip,
        port: to.port,
        servername: 'a.test',
        ca: this.authority.root,
        ...options,
      });
      this.later(() => socket.destroy());
      this.tickets.set(socket, new Promise((told) => socket.once('session', told)));
      socket.once('secureConnect', () => resolve(socket));
      socket.on('error', reject);
    });
  }

  /** Bytes without TLS. */
  raw(to: Peer): Socket {
    const socket = tcpConnect({ host: to.ip, port: to.port, allowHalfOpen: true });
    socket.on('error', () => {});
    this.later(() => socket.destroy());
    return socket;
  }
}

/** All that comes until the end. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** A ClientHello as Node sends it. */
export async function helloBytes(t: SecureBench): Promise<Buffer> {
  const listener = await t.listen(() => ({ kind: 'passthrough' }));
  t.dial(listener.address).catch(() => {});
  const { probe } = await listener.get(0);
  await probe.until(() => probe.size > 0);
  return probe.bytes;
}
