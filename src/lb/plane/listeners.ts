import { errorText } from '../../core/errors.ts';
import type { Peer, Reactor } from '../../net/index.ts';
import { HttpServer } from '../server/http-server.ts';
import type { Clients } from '../server/http-server.ts';
import { TcpServer } from '../tcp/index.ts';
import type { TcpConnections } from '../tcp/index.ts';
import type { PlaneCertificates } from '../tls/index.ts';
import type { ListenerSpec, PlaneWord } from './messages.ts';

export interface PlaneListenersParts {
  readonly reactor: Reactor;
  /** Other planes listen at the same addresses. */
  readonly reusePort: boolean;
  /** Who serves HTTP. */
  readonly clients: Clients;
  readonly tcp: TcpConnections;
  readonly certificates: PlaneCertificates;
  readonly send: (word: PlaneWord) => void;
}

interface Open {
  readonly spec: ListenerSpec;
  readonly server: HttpServer | TcpServer;
}

/** The listeners of a plane, by name. */
export class PlaneListeners {
  readonly #parts: PlaneListenersParts;
  readonly #open = new Map<string, Open>();

  constructor(parts: PlaneListenersParts) {
    this.#parts = parts;
  }

  /** Those that are not among `wanted` stop accepting, new ones open; each tells how that went. */
  set(wanted: readonly ListenerSpec[]): void {
    const named = new Map(wanted.map((spec) => [spec.name, spec]));
    for (const [name, { spec, server }] of this.#open) {
      const next = named.get(name);
      if (next !== undefined && sameSpec(next, spec)) continue;
      server.close();
      this.#open.delete(name);
    }
    for (const spec of wanted) if (!this.#open.has(spec.name)) this.#listen(spec);
  }

  #listen(spec: ListenerSpec): void {
    const { reactor, reusePort, clients, tcp, certificates, send } = this.#parts;
    const { name, host, port, protocol, descriptors = [] } = spec;
    const at = { host, port, reusePort, descriptors };
    const isTcp = protocol === 'tcp' || protocol === 'tls';
    const server = isTcp ? new TcpServer(name, tcp) : new HttpServer(name, clients);
    this.#open.set(name, { spec, server });
    const onListening = ({ ip, port: bound }: Peer): void =>
      send({ kind: 'listening', name, ip, port: bound });
    const onFailed = (error: unknown): void => {
      if (this.#open.get(name)?.server === server) this.#open.delete(name);
      send({ kind: 'listen-failed', name, ...reasonOf(error) });
    };
    if (server instanceof TcpServer)
      server.listen(reactor, { ...at, tls: protocol === 'tls' }, onListening, onFailed);
    else if (protocol === 'https')
      server.listen(reactor, { ...at, secure: certificates.secure(name) }, onListening, onFailed);
    else server.listen(reactor, at, onListening, onFailed);
  }

  /** Stop accepting everywhere. */
  close(): void {
    for (const { server } of this.#open.values()) server.close();
    this.#open.clear();
  }
}

function sameSpec(a: ListenerSpec, b: ListenerSpec): boolean {
  return a.host === b.host && a.port === b.port && a.protocol === b.protocol;
}

/** What the system said, wherever in the chain of causes. */
function reasonOf(error: unknown): { code: string | undefined; reason: string } {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code, syscall } = at as NodeJS.ErrnoException;
    if (code !== undefined && syscall !== undefined) return { code, reason: at.message };
  }
  return { code: undefined, reason: errorText(error) };
}
