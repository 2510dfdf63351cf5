import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { IdentitySource } from '../../core/identity.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { Unsubscribe } from '../../core/subscribers.ts';
import { issueCertificate, parseIdentity } from '../../net/index.ts';
import type { Reactor } from '../../net/index.ts';
import type { CertificateSpec, PlaneOrder } from '../plane/messages.ts';
import type { Problem } from '../router/index.ts';
import { Authorities } from './authorities.ts';
import type { TlsConfig } from './config.ts';
import type { CertificateFiles } from './files.ts';
import { identitySpec } from './identity-spec.ts';
import { DEFAULT_CERTIFICATE } from './plane-certificates.ts';
import { reasonOf } from './reason.ts';
import { TicketKeys } from './ticket-keys.ts';

const DAY_MS = 86_400_000;
/** Self-signed certificates are made anew with each start; browsers take none for longer than 398 days. */
const SELF_SIGNED_DAYS = 397;
const SELF_SIGNED = 'self-signed';
const INTERNAL = 'internal';

export interface CertificateStoreParts {
  readonly config: TlsConfig;
  readonly files: CertificateFiles;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Tries certificates as planes will use them; absent: they are taken as they are. */
  readonly reactor?: Pick<Reactor, 'secureContext'>;
  /** Who we are towards instances. */
  readonly identity?: IdentitySource;
  /** The planes have to be told `order`. */
  readonly onChange: () => void;
  /** Keys of session tickets that the process before this one had. */
  readonly earlierTicketKeys?: readonly string[];
}

/** A file, or two, that a certificate is in. */
interface Source {
  readonly certificate: string;
  readonly key: string;
}

interface Loaded {
  readonly spec: CertificateSpec;
  readonly issuer: string;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** One certificate as people see it. */
export interface CertificateView {
  readonly name: string;
  readonly hosts: readonly string[];
  /** The distinguished name of who has issued it. */
  readonly issuer: string;
  /** ISO 8601. */
  readonly notAfter: string;
}

/**
 * The certificates that clients are shown: from files, which are looked at again and again, obtained ones, and self-signed ones. What cannot be
 * used is told, and the last that could stays in its place.
 */
export class CertificateStore {
  readonly #parts: CertificateStoreParts;
  readonly #tickets: TicketKeys;
  readonly #authorities: Authorities;
  readonly #problems = new Map<string, string>();
  /** What was read last, by certificate file: not looked into again while it is the same. */
  readonly #read = new Map<string, string>();
  readonly #timers: Timer[] = [];
  #unsubscribe: Unsubscribe | undefined;
  #loaded = new Map<string, Loaded>();
  /** By name, those of authorities that were asked for them. */
  readonly #obtained = new Map<string, Loaded>();
  /** Under the names of `selfSigned`. */
  #own: Loaded | undefined;
  #looking: Promise<void> | undefined;

  constructor(parts: CertificateStoreParts) {
    this.#parts = parts;
    this.#authorities = new Authorities(parts.config.authorities, parts.files, parts.log);
    this.#tickets = new TicketKeys(parts.random, parts.earlierTicketKeys);
  }

  /** Resolves when the files have been read, whatever was in them. */
  async start(): Promise<void> {
    const { config, clock, onChange } = this.#parts;
    this.#takeOwn();
    await this.#look();
    this.#unsubscribe = this.#parts.identity?.onChange(() => {
      this.#takeOwn();
      onChange();
    });
    this.#timers.push(
      clock.every(config.reloadMs, () => void this.look()),
      clock.every(config.ticketMs, () => {
        this.#tickets.rotate();
        onChange();
      }),
    );
  }

  stop(): void {
    this.#unsubscribe?.();
    for (const timer of this.#timers.splice(0)) timer.cancel();
  }

  /** Look at the files now; resolves when the planes have been told what has changed. */
  look(): Promise<void> {
    this.#looking ??= this.#look()
      .then((changed) => {
        if (changed) this.#parts.onChange();
      })
      .finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  /** The newest certificate under this name, PEM; undefined: there is none any more. Throws NET_BAD_CERTIFICATE. */
  offer(name: string, certificate: { readonly chain: string; readonly key: string } | undefined): void {
    if (certificate !== undefined) this.#obtained.set(name, load(name, certificate.chain, certificate.key));
    else if (!this.#obtained.delete(name)) return;
    this.#parts.onChange();
  }

  /** What planes are to know. */
  get order(): Extract<PlaneOrder, { readonly kind: 'certificates' }> {
    const certificates = this.#all().map(({ spec }) => spec);
    const [first] = certificates;
    if (first !== undefined && this.#parts.config.unknownNames === 'default')
      certificates.push({ ...first, name: DEFAULT_CERTIFICATE, hosts: [] });
    const context = this.#parts.identity?.current;
    return {
      kind: 'certificates',
      certificates,
      ticketKeys: this.#tickets.keys,
      authorities: this.#authorities.specs,
      ...(context === undefined ? {} : { identity: identitySpec(context) }),
    };
  }

  /** For the process that takes over: sessions that began here are resumed there. */
  get ticketKeys(): readonly string[] {
    return this.#tickets.texts;
  }

  problems(): Problem[] {
    return [...this.#problems, ...this.#authorities.problems].map(([label, reason]) => ({
      serviceKey: 'config',
      label,
      reason,
    }));
  }

  views(): CertificateView[] {
    return this.#all().map(({ spec: { name, hosts }, issuer, notAfter }) => ({
      name,
      hosts,
      issuer,
      notAfter: new Date(notAfter).toISOString(),
    }));
  }

  /** Seconds since 1970 after which each is no longer good. */
  *expiries(): Generator<{ readonly labels: { readonly certificate: string }; readonly value: number }> {
    for (const { spec, notAfter } of this.#all())
      yield { labels: { certificate: spec.name }, value: notAfter / 1000 };
  }

  /** Those that have less than a quarter of their life left. */
  ending(): string[] {
    const now = this.#parts.clock.now();
    return this.#all()
      .filter(({ notBefore, notAfter }) => notAfter - now < (notAfter - notBefore) / 4)
      .map(({ spec }) => spec.name);
  }

  #all(): Loaded[] {
    const all = [...this.#loaded.values(), ...this.#obtained.values()];
    return this.#own ? [...all, this.#own] : all;
  }

  /** Returns whether anything is other than before. */
  async #look(): Promise<boolean> {
    const sources = await this.#sources();
    const next = new Map<string, Loaded>();
    let changed = await this.#authorities.look();
    for (const source of sources) {
      const old = this.#loaded.get(source.certificate);
      const loaded = await this.#one(source, old);
      if (loaded !== undefined) next.set(source.certificate, loaded);
      if (loaded !== old) changed = true;
    }
    if (next.size !== this.#loaded.size) changed = true;
    this.#loaded = next;
    for (const path of [...this.#problems.keys(), ...this.#read.keys()]) {
      if (path === this.#parts.config.directory || sources.some((s) => s.certificate === path)) continue;
      this.#problems.delete(path);
      this.#read.delete(path);
    }
    return changed;
  }

  async #sources(): Promise<Source[]> {
    const { config, files } = this.#parts;
    const sources = config.certificates.map(({ certificate, key }) => ({
      certificate,
      key: key ?? certificate,
    }));
    if (config.directory === undefined) return sources;
    try {
      const paths = await files.list(config.directory);
      this.#problems.delete(config.directory);
      for (const path of paths) {
        if (path.endsWith('.pem')) sources.push({ certificate: path, key: path });
        else if (path.endsWith('.crt')) sources.push({ certificate: path, key: path.replace(/crt$/, 'key') });
      }
    } catch (error) {
      this.#problem(config.directory, errorText(error));
      // What it had is still good.
      for (const path of this.#loaded.keys())
        if (!sources.some((s) => s.certificate === path))
          sources.push({ certificate: path, key: path.replace(/crt$/, 'key') });
    }
    return sources;
  }

  async #one(source: Source, old: Loaded | undefined): Promise<Loaded | undefined> {
    const { files, log } = this.#parts;
    const name = source.certificate;
    let [certificateChain, privateKey] = ['', ''];
    try {
      certificateChain = await files.read(source.certificate);
      privateKey = source.key === source.certificate ? certificateChain : await files.read(source.key);
    } catch (error) {
      // Once it is there again it is looked into, also when it is the same: what is told of it no longer holds.
      this.#read.delete(name);
      this.#problem(name, reasonOf(error));
      return old;
    }
    try {
      const both = certificateChain + privateKey;
      if (this.#read.get(name) === both) return old;
      this.#read.set(name, both);
      const loaded = load(name, certificateChain, privateKey);
      this.#try(loaded.spec);
      this.#problems.delete(name);
      log.info({ certificate: name, hosts: loaded.spec.hosts }, 'a certificate was loaded');
      return loaded;
    } catch (error) {
      this.#problem(name, reasonOf(error));
      return old;
    }
  }

  /** Throws NET_BAD_CERTIFICATE: TLS refuses more than what is unsound, such as short keys, and planes could show that to nobody. */
  #try({ certificateChain, privateKey }: CertificateSpec): void {
    const { minVersion, ciphers } = this.#parts.config;
    const more = ciphers === undefined ? {} : { ciphers };
    const context = { kind: 'server', certificateChain, privateKey, minVersion, ...more } as const;
    this.#parts.reactor?.secureContext?.(context).close();
  }

  #problem(path: string, reason: string): void {
    if (this.#problems.get(path) === reason) return;
    this.#problems.set(path, reason);
    this.#parts.log.warn({ path, reason }, 'a certificate cannot be used; the last good one stays');
  }

  /** Our identity is better, where it has the names: its authority is one that others know. */
  #takeOwn(): void {
    const { config, identity } = this.#parts;
    if (config.selfSigned.length === 0) return;
    const svid = identity?.current?.svid;
    if (svid && hasNames(svid.certificateChain, config.selfSigned))
      this.#own = load(INTERNAL, svid.certificateChain, svid.privateKey);
    else this.#own ??= this.#makeSelfSigned();
  }

  #makeSelfSigned(): Loaded {
    const { clock, random, config } = this.#parts;
    const now = clock.now();
    const terms = (): { serial: Uint8Array; notBefore: Date; notAfter: Date } => {
      const serial = Uint8Array.from(random.bytes(16));
      serial[0] = 1;
      return {
        serial,
        notBefore: new Date(now - DAY_MS),
        notAfter: new Date(now + SELF_SIGNED_DAYS * DAY_MS),
      };
    };
    const authority = issueCertificate({ commonName: 'rimrock', authority: true, ...terms() });
    const [commonName = 'rimrock'] = config.selfSigned;
    const leaf = issueCertificate({ commonName, names: config.selfSigned, ...terms() }, authority);
    return load(SELF_SIGNED, leaf.certificate + authority.certificate, leaf.privateKey);
  }
}

/** Whether a certificate is good for all these names and addresses. */
function hasNames(chain: string, names: readonly string[]): boolean {
  const leaf = new X509Certificate(chain);
  const hosts = new Set(hostsOf(leaf));
  return names.every((name) =>
    isIP(name) ? leaf.checkIP(name) !== undefined : hosts.has(name.toLowerCase()),
  );
}

/** Throws NET_BAD_CERTIFICATE. */
function load(name: string, certificateChain: string, privateKey: string): Loaded {
  const chain = parseIdentity(certificateChain, privateKey);
  const [leaf] = chain;
  const hosts = leaf ? hostsOf(leaf) : [];
  return {
    // One file may have both: the key goes where keys go only.
    spec: { name, hosts, certificateChain: chain.join(''), privateKey },
    issuer: (leaf?.issuer ?? '').split('\n').join(', '),
    notBefore: leaf?.validFromDate.getTime() ?? 0,
    notAfter: leaf?.validToDate.getTime() ?? 0,
  };
}

/** DNS names of a certificate, lower case; without any its common name, as old ones have it. */
function hostsOf(certificate: X509Certificate): string[] {
  const names = (certificate.subjectAltName ?? '')
    .split(', ')
    .filter((name) => name.startsWith('DNS:'))
    .map((name) => name.slice('DNS:'.length).toLowerCase());
  if (names.length > 0) return names;
  const common = /^CN=([^\n]+)$/m.exec(certificate.subject)?.[1];
  return common === undefined ? [] : [common.toLowerCase()];
}
