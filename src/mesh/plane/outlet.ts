import { RimrockError, errorText } from '../../core/errors.ts';
import type { Listener, Transport, TransportHandler } from '../../net/index.ts';
import type { Endpoint, Endpoints } from './endpoints.ts';
import type { OutletSpec } from './messages.ts';
import { Pipe } from './pipe.ts';
import type { FarEnd } from './pipe.ts';
import type { Shared } from './shared.ts';
import type { TaskIdentity } from './task-identity.ts';

/** Of this machine alone: what comes here is spoken for with the identity of the task. */
const LOCAL_HOST = '127.0.0.1';
/** Also 127.119.0.1 and all the others; who came to another address than those gets nothing. */
const ANY_HOST = '0.0.0.0';
const NOBODY: TransportHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };

/**
 * A port at which one task reaches one service in plain words, or several by the address at which it calls: to the endpoints it speaks
 * mutual TLS, with the identity of the task.
 */
export class Outlet {
  readonly #shared: Shared;
  readonly #spec: OutletSpec;
  readonly #identity: TaskIdentity;
  readonly #endpointsAt: (ip: string) => Endpoints | undefined;
  readonly #pipes = new Set<Pipe>();
  #listener: Listener | undefined;

  /** `endpointsAt`: who is meant by a caller who came to this address of ours, if anybody is. */
  constructor(
    shared: Shared,
    spec: OutletSpec,
    identity: TaskIdentity,
    endpointsAt: (ip: string) => Endpoints | undefined,
  ) {
    this.#shared = shared;
    this.#spec = spec;
    this.#identity = identity;
    this.#endpointsAt = endpointsAt;
  }

  /** Rejects with NET_LISTEN_FAILED. */
  async listen(): Promise<void> {
    const { reactor } = this.#shared.parts;
    const { port, upstream } = this.#spec;
    const host = upstream === undefined ? ANY_HOST : LOCAL_HOST;
    this.#listener = await reactor.listen({ host, port }, (transport) => this.#accept(transport));
  }

  #accept(transport: Transport): TransportHandler {
    const upstream = this.#spec.upstream ?? transport.local.ip;
    const endpoints = this.#endpointsAt(upstream);
    if (endpoints === undefined) {
      this.#shared.refuse('no-endpoint', { upstream, from: transport.remote.ip });
      transport.destroy(new Error('nothing is to be reached at this address'));
      return NOBODY;
    }
    const pipe: Pipe = new Pipe(
      this.#shared,
      'outbound',
      transport,
      this.#search(upstream, endpoints, () => this.#pipes.delete(pipe)),
    );
    this.#pipes.add(pipe);
    pipe.begin();
    return pipe.handler;
  }

  close(): void {
    void this.#listener?.close();
    for (const pipe of this.#pipes) pipe.destroy(new Error('the task has ended'));
  }

  #search(upstream: string, endpoints: Endpoints, over: () => void): FarEnd {
    const tried = new Set<Endpoint>();
    let current: Endpoint | undefined;
    const release = (): void => {
      if (current) current.open--;
      current = undefined;
    };
    return {
      next: (handler) => {
        const { clock } = this.#shared.parts;
        current = this.#shared.mayOpen ? endpoints.pick(tried, clock.monotonic()) : undefined;
        if (current === undefined) {
          this.#shared.refuse('no-endpoint', { upstream, tried: tried.size });
          return undefined;
        }
        tried.add(current);
        current.open++;
        return this.#connect(upstream, current, handler);
      },
      failed: (error) => {
        const { ip, port } = current?.spec ?? {};
        const code =
          error instanceof RimrockError && error.code === 'NET_PEER_NOT_TRUSTED'
            ? 'endpoint-not-trusted'
            : 'endpoint-failed';
        this.#shared.refuse(code, { upstream, ip, port, error: errorText(error) });
        if (current) endpoints.failed(current, this.#shared.parts.clock.monotonic());
        release();
      },
      over: () => {
        release();
        over();
      },
    };
  }

  #connect(upstream: string, { spec }: Endpoint, handler: TransportHandler): Transport | undefined {
    const { reactor, setup } = this.#shared.parts;
    const context = this.#identity.client;
    if (context === undefined) {
      this.#shared.refuse('no-identity', { upstream });
      return undefined;
    }
    const secure = { context, judge: this.#identity.judge(spec.id), terms: spec.id };
    return reactor.connect(spec, { timeoutMs: setup.connectMs, secure }, handler);
  }
}
