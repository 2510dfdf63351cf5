import type { SecureFacts, Transport } from '../../net/index.ts';
import type { ClientFacts, IsTrusted } from '../forward/index.ts';

/** So many clients are remembered. */
const MOST = 1024;

/** As `Edge.secureFacts`. */
type OfSecure = (session: SecureFacts) => Pick<ClientFacts, 'tls' | 'peer' | 'certificate'>;

/** What is said about clients; without TLS the same for all connections of one, so that somebody who opens many is looked at once. */
export class ClientFactsBook {
  readonly #isTrusted: IsTrusted;
  readonly #ofSecure: OfSecure;
  readonly #byIp = new Map<string, ClientFacts>();
  /** With TLS each connection has its own, which all its streams share. */
  readonly #bySession = new WeakMap<SecureFacts, ClientFacts>();

  constructor(isTrusted: IsTrusted, ofSecure: OfSecure) {
    this.#isTrusted = isTrusted;
    this.#ofSecure = ofSecure;
  }

  /** Of the client at the other end. */
  of({ remote: { ip }, local: { port }, secure: session }: Transport): ClientFacts {
    if (session !== undefined) {
      const before = this.#bySession.get(session);
      if (before !== undefined) return before;
      const trusted = this.#isTrusted(ip);
      const facts = { ip, trusted, port, secure: true, ...this.#ofSecure(session), told: undefined };
      this.#bySession.set(session, facts);
      return facts;
    }
    const known = this.#byIp.get(ip);
    if (known !== undefined && known.port === port) return known;
    if (known === undefined && this.#byIp.size >= MOST) this.#byIp.clear();
    const facts: ClientFacts = { ip, trusted: this.#isTrusted(ip), port, secure: false, told: undefined };
    this.#byIp.set(ip, facts);
    return facts;
  }
}
