import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { readSvid, svidJudge } from '../../net/index.ts';
import type {
  ClientHello,
  ListenSecurely,
  Reactor,
  SecureChoice,
  SecureContext,
  SecureFacts,
} from '../../net/index.ts';
import type { ClientFacts } from '../forward/index.ts';
import type { CertificateSpec, PlaneOrder } from '../plane/messages.ts';
import { forwardedCertificate } from './client-certificate.ts';
import type { TlsConfig } from './config.ts';
import { NameIndex } from './names.ts';
import type { HandshakeTerms } from './terms.ts';
import { IDENTITY, Trusted } from './trusted.ts';
import { UpstreamTls } from './upstream-tls.ts';

/** The name of the certificate that serves where none fits. */
export const DEFAULT_CERTIFICATE = '*';
const REFUSED: SecureChoice = { kind: 'refuse' };

/** What is spoken within TLS. */
type Inside = 'http' | 'tcp';

interface Entry {
  readonly spec: CertificateSpec;
  /** By what they are made for; made when they are needed for the first time. */
  readonly contexts: Map<string, SecureContext>;
}

export interface PlaneCertificatesParts {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly config: TlsConfig;
  /** What listeners of HTTP speak, most wanted first. */
  readonly alpn: readonly string[];
  readonly log: Logger;
  /** For authorities that look at the answer to a challenge; undefined: this is none of them. */
  readonly challenge: (hello: ClientHello) => SecureChoice | undefined;
  /** What the routes want of a handshake with a client that asks for this name. */
  readonly termsOf: (listener: string, serverName: string | undefined) => HandshakeTerms;
  /** Count a connection from there; false: there are enough. */
  readonly admit: (ip: string) => boolean;
  /** One that was counted is gone before anybody got it. */
  readonly onHandshakeFailed: (reason: string, ip: string) => void;
}

/** The certificates of one plane: which one a client gets by what it says first, and whose of its own are taken. */
export class PlaneCertificates {
  /** TLS towards instances. */
  readonly upstream: UpstreamTls;
  readonly #parts: PlaneCertificatesParts;
  /** By which authority each context judges certificates of clients. */
  readonly #trustOf = new WeakMap<SecureContext, string>();
  #ticketKeys: readonly Uint8Array[] = [];
  #entries: readonly Entry[] = [];
  #names = new NameIndex<Entry>();
  #default: Entry | undefined;
  #trusted = new Trusted({});

  constructor(parts: PlaneCertificatesParts) {
    this.#parts = parts;
    this.upstream = new UpstreamTls(parts);
  }

  /** From the next connection on; those that exist keep what they have. */
  set(order: Extract<PlaneOrder, { readonly kind: 'certificates' }>): void {
    const { certificates, ticketKeys } = order;
    this.upstream.set(order);
    const trusted = new Trusted(order);
    const sameTerms =
      trusted.believesAs(this.#trusted) &&
      ticketKeys.length === this.#ticketKeys.length &&
      ticketKeys.every((key, i) => Buffer.compare(key, this.#ticketKeys[i] ?? key.subarray(1)) === 0);
    const before = new Map(this.#entries.map((entry) => [entry.spec.name, entry]));
    this.#trusted = trusted;
    this.#ticketKeys = ticketKeys;
    this.#names = new NameIndex();
    this.#entries = certificates.map((spec) => {
      const old = before.get(spec.name);
      const kept = sameTerms && old !== undefined && sameIdentity(old.spec, spec);
      if (kept) before.delete(spec.name);
      const entry: Entry = { spec, contexts: kept ? old.contexts : new Map() };
      for (const host of spec.hosts) this.#names.add(host, entry);
      return entry;
    });
    this.#default = this.#entries.find(({ spec }) => spec.name === DEFAULT_CERTIFICATE);
    for (const entry of before.values()) forget(entry);
  }

  /** For a listener of HTTP over TLS. */
  secure(listener: string): ListenSecurely {
    const { config, challenge, termsOf, admit, onHandshakeFailed } = this.#parts;
    return {
      admit: ({ ip }) => admit(ip),
      choose: (hello) => challenge(hello) ?? this.choose('http', hello, termsOf(listener, hello.serverName)),
      handshakeMs: config.handshakeMs,
      onHandshakeFailed: (reason, { ip }) => onHandshakeFailed(reason, ip),
    };
  }

  /** What a client gets that asks for this name, on these terms. */
  choose(
    inside: Inside,
    { serverName }: Pick<ClientHello, 'serverName'>,
    terms: HandshakeTerms,
  ): SecureChoice {
    const entry = this.#entryFor(serverName, terms);
    const context = entry && this.#contextOf(entry, inside, terms);
    if (context === undefined) return REFUSED;
    const { identity } = this.#trusted;
    // Who is believed for an identity must have one.
    return this.#trustOf.get(context) === IDENTITY
      ? { kind: 'terminate', context, judge: svidJudge(identity?.trustDomain) }
      : { kind: 'terminate', context };
  }

  /** By the name that the client asks for, unless a route says which one. */
  #entryFor(
    serverName: string | undefined,
    { certificates = [], onlyThese = false }: HandshakeTerms,
  ): Entry | undefined {
    for (const certificate of certificates) {
      const entry = this.#entries.find(({ spec }) => spec.name === certificate);
      if (entry !== undefined) return entry;
    }
    if (onlyThese) return undefined;
    const named = serverName === undefined ? undefined : this.#names.find(serverName);
    return named ?? this.#default;
  }

  #contextOf(entry: Entry, inside: Inside, terms: HandshakeTerms): SecureContext | undefined {
    const { reactor, config, alpn, log } = this.#parts;
    const { clientAuth, clientTrust = IDENTITY } = terms;
    const trust = clientAuth && this.#trusted.roots(clientTrust);
    // Nobody could be judged: who must have a certificate cannot come, who may have one comes without.
    if (clientAuth === 'require' && trust === undefined) {
      log.debug(
        { authority: clientTrust },
        'clients cannot be judged: there is no such authority, or not yet',
      );
      return undefined;
    }
    const verify = trust === undefined ? 'none' : (clientAuth ?? 'none');
    const minVersion = terms.minVersion ?? config.minVersion;
    const key = `${inside} ${minVersion} ${verify} ${verify === 'none' ? '' : clientTrust}`;
    const made = entry.contexts.get(key);
    if (made !== undefined) return made;
    const { certificateChain, privateKey, name } = entry.spec;
    try {
      const context = reactor.secureContext?.({
        kind: 'server',
        certificateChain,
        privateKey,
        ...(inside === 'http' ? { alpn } : {}),
        ticketKeys: this.#ticketKeys,
        minVersion,
        verify,
        ...(trust === undefined ? {} : { trust }),
        ...(config.ciphers === undefined ? {} : { ciphers: config.ciphers }),
      });
      if (context === undefined) return undefined;
      entry.contexts.set(key, context);
      if (verify !== 'none') this.#trustOf.set(context, clientTrust);
      return context;
    } catch (error) {
      log.error({ error, certificate: name }, 'a certificate cannot be used');
      return undefined;
    }
  }

  /** What is said of a client with which TLS was agreed on so. */
  factsOf({
    version,
    serverName,
    context,
    peerCertificate,
  }: SecureFacts): Pick<ClientFacts, 'tls' | 'peer' | 'certificate'> {
    const trust = this.#trustOf.get(context);
    const shown = trust !== undefined && peerCertificate !== undefined;
    const tls = { version, serverName, trust, shown };
    if (!shown) return { tls };
    // Ids of other authorities' are nothing that we could believe.
    const svid = trust === IDENTITY ? readSvid(peerCertificate) : undefined;
    return {
      tls,
      peer: svid !== undefined && 'id' in svid ? svid.id : undefined,
      certificate: forwardedCertificate(peerCertificate, this.#trusted.identity?.id),
    };
  }

  close(): void {
    this.upstream.close();
    for (const entry of this.#entries) forget(entry);
    this.#entries = [];
    this.#names = new NameIndex();
    this.#default = undefined;
  }
}

function forget({ contexts }: Entry): void {
  for (const context of contexts.values()) context.close();
  contexts.clear();
}

function sameIdentity(a: CertificateSpec, b: CertificateSpec): boolean {
  return a.certificateChain === b.certificateChain && a.privateKey === b.privateKey;
}
