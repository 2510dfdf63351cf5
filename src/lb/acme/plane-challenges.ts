import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type {
  ClientHello,
  Reactor,
  SecureChoice,
  SecureContext,
  Transport,
  TransportHandler,
} from '../../net/index.ts';
import type { Refusal } from '../middleware/index.ts';
import type { ChallengeSpec } from '../plane/messages.ts';

/** What an authority alone speaks, to see the certificate of a challenge (RFC 8737 §6.2). */
const ACME_TLS = 'acme-tls/1';
const WELL_KNOWN = '/.well-known/acme-challenge/';
/** The authority closes as soon as it has seen the certificate. */
const CLOSE_MS = 2_000;

export interface PlaneChallengesParts {
  readonly reactor: Pick<Reactor, 'secureContext'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The challenges that one plane answers now; mostly there are none. */
export class PlaneChallenges {
  readonly #parts: PlaneChallengesParts;
  /** By name and token. */
  readonly #http = new Map<string, string>();
  #tls = new Map<string, { readonly key: string; readonly context: SecureContext }>();

  constructor(parts: PlaneChallengesParts) {
    this.#parts = parts;
  }

  /** From the next connection, and the next request, on. */
  set(challenges: readonly ChallengeSpec[]): void {
    this.#http.clear();
    const before = this.#tls;
    this.#tls = new Map();
    for (const challenge of challenges) {
      if (challenge.kind === 'http-01')
        this.#http.set(`${challenge.name} ${challenge.token}`, challenge.authorization);
      else this.#add(challenge, before);
    }
    for (const { context } of before.values()) context.close();
  }

  #add(
    { name, certificateChain, privateKey }: Extract<ChallengeSpec, { readonly kind: 'tls-alpn-01' }>,
    before: Map<string, { readonly key: string; readonly context: SecureContext }>,
  ): void {
    const old = before.get(name);
    if (old?.key === privateKey) {
      before.delete(name);
      this.#tls.set(name, old);
      return;
    }
    const { reactor, log } = this.#parts;
    try {
      const context = reactor.secureContext?.({
        kind: 'server',
        certificateChain,
        privateKey,
        alpn: [ACME_TLS],
      });
      if (context !== undefined) this.#tls.set(name, { key: privateKey, context });
    } catch (error) {
      log.error({ error, name }, 'a challenge cannot be answered');
    }
  }

  /** What a request gets that comes before any route is looked for; undefined: it is none of ours. */
  http(host: string, path: string, listener: string): Refusal | undefined {
    if (this.#http.size === 0 || listener !== 'http' || !path.startsWith(WELL_KNOWN)) return undefined;
    const body = this.#http.get(`${host} ${path.slice(WELL_KNOWN.length)}`);
    return body === undefined ? undefined : { reason: 'acme-challenge', body };
  }

  /** For who offers to speak this and nothing else (RFC 8737 §3). */
  tls({ serverName, alpn }: ClientHello): SecureChoice | undefined {
    if (this.#tls.size === 0 || alpn.length !== 1 || alpn[0] !== ACME_TLS) return undefined;
    const found = this.#tls.get(serverName ?? '');
    return found && { kind: 'terminate', context: found.context };
  }

  /** The certificate has been seen, which was all: nothing is ever said over such a connection. Undefined: it is another. */
  end(transport: Transport, onClosed: (ip: string) => void): TransportHandler | undefined {
    if (transport.secure?.alpn !== ACME_TLS) return undefined;
    const { ip } = transport.remote;
    transport.end();
    const late = this.#parts.clock.after(CLOSE_MS, () => transport.destroy());
    return {
      onData: () => {},
      onEnd: () => transport.destroy(),
      onDrain: () => {},
      onClose: () => {
        late.cancel();
        onClosed(ip);
      },
    };
  }

  close(): void {
    this.set([]);
  }
}
