import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import { svidJudge } from '../../net/index.ts';
import type { Reactor, SecureConnectOptions, SecureContext } from '../../net/index.ts';
import type { UpstreamPolicy } from '../balancer/policy.ts';
import type { UpstreamTlsPolicy } from '../balancer/upstream-tls-policy.ts';
import type { PlaneOrder } from '../plane/messages.ts';
import { IDENTITY, Trusted } from './trusted.ts';

type Spoken = UpstreamPolicy['protocol'] | 'tcp';
/** Who carries bytes does not know what they mean. */
const ALPN: Readonly<Record<Spoken, readonly string[]>> = { http1: ['http/1.1'], h2: ['h2'], tcp: [] };

/** What is replaced is closed when nothing that began with it can still be connecting. */
const REPLACED_MS = 120_000;

export interface UpstreamTlsParts {
  readonly reactor: Pick<Reactor, 'secureContext'>;
  readonly clock: Clock;
}

/** How instances are spoken to in TLS: who we are, whom we believe, by the newest that is known. Connections that are open live on. */
export class UpstreamTls {
  readonly #parts: UpstreamTlsParts;
  #trusted = new Trusted({});
  #contexts = new Map<string, SecureContext>();

  constructor(parts: UpstreamTlsParts) {
    this.#parts = parts;
  }

  /** From the next connection on. */
  set(order: Pick<Extract<PlaneOrder, { readonly kind: 'certificates' }>, 'authorities' | 'identity'>): void {
    const [before, trusted] = [this.#trusted, new Trusted(order)];
    this.#trusted = trusted;
    const same = trusted.identity?.certificateChain === before.identity?.certificateChain;
    if (same && trusted.believesAs(before)) return;
    const replaced = this.#contexts;
    if (replaced.size === 0) return;
    this.#contexts = new Map();
    this.#parts.clock.after(REPLACED_MS, () => closeAll(replaced));
  }

  /** For a connection to an instance; a text says why there can be none now. `protocol`: what is spoken in it. */
  terms(protocol: Spoken, tls: UpstreamTlsPolicy): SecureConnectOptions | string {
    const context = this.#context(protocol, tls);
    if (typeof context === 'string') return context;
    const { serverName, spiffeId: wanted } = tls;
    const terms = JSON.stringify(tls);
    const common = { context, terms, ...(serverName === undefined ? {} : { serverName }) };
    // Identities have no names of hosts in them: who names neither takes any of the trust domain.
    const byId =
      tls.trust !== 'none' && (wanted !== undefined || (tls.trust === IDENTITY && serverName === undefined));
    return byId ? { ...common, judge: svidJudge(this.#trusted.identity?.trustDomain, wanted) } : common;
  }

  #context(protocol: Spoken, { mutual, trust }: UpstreamTlsPolicy): SecureContext | string {
    const key = `${protocol} ${mutual} ${trust}`;
    const made = this.#contexts.get(key);
    if (made !== undefined) return made;
    const { identity } = this.#trusted;
    const named = trust !== 'system' && trust !== 'none';
    const roots = named ? this.#trusted.roots(trust) : undefined;
    if (named && roots === undefined) return `there is no authority '${trust}' here, or not yet`;
    if (mutual && identity === undefined) return 'we have no identity yet that could be shown';
    try {
      const context = this.#parts.reactor.secureContext?.({
        kind: 'client',
        alpn: ALPN[protocol],
        verify: trust === 'none' ? 'none' : 'require',
        ...(roots === undefined ? {} : { trust: roots }),
        ...(mutual && identity !== undefined
          ? { certificateChain: identity.certificateChain, privateKey: identity.privateKey }
          : {}),
      });
      if (context === undefined) return 'this engine speaks no TLS';
      this.#contexts.set(key, context);
      return context;
    } catch (error) {
      return errorText(error);
    }
  }

  close(): void {
    closeAll(this.#contexts);
    this.#contexts = new Map();
  }
}

function closeAll(contexts: ReadonlyMap<string, SecureContext>): void {
  for (const context of contexts.values()) context.close();
}
