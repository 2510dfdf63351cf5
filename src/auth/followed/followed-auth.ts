import { join } from 'node:path';
import type { Authenticator, Authorizer } from '../../core/access.ts';
import { sleep } from '../../core/clock.ts';
import type { Condition } from '../../core/health.ts';
import { Health } from '../../core/health.ts';
import { guard } from '../../core/http/guard.ts';
import type { Access } from '../../core/http/guard.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import { addOperationalRoutes } from '../../core/http/operational.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import type { Component } from '../../core/lifecycle.ts';
import { Metrics } from '../../core/metrics.ts';
import type { LeadsAlong, Standing, Term } from '../../store/index.ts';
import { identityGuard } from '../api/guard-style.ts';
import { listenAt } from '../auth.ts';
import type { Audit } from '../ca/audit.ts';
import { openAudit } from '../ca/room.ts';
import { admitByCertificate } from '../join/admission.ts';
import { OwnIdentities } from '../join/own-identities.ts';
import { readPassphrases } from '../keystore/passphrase.ts';
import { StoreKeys } from '../keystore/store-keys.ts';
import type { AuthParts } from '../module.ts';
import { BODY_LIMIT_BYTES, Office } from '../office.ts';
import { createAuthenticator } from '../people/authenticator.ts';
import { Guesses } from '../people/guesses.ts';
import { readCredentials } from '../people/people.ts';
import { Principals } from '../people/principals.ts';
import { PolicyKeeper } from '../policy-keeper/index.ts';
import { VaultDoor } from '../vault/door.ts';
import type { VaultCost } from '../vault/vault.ts';
import { sealedStore } from '../vault/sealed-store.ts';
import { sendOn } from './send-on.ts';
import { AuthorityReader } from './reader.ts';

/** A leader without an identity of its own after so long leads nobody. */
const IDENTITY_MS = 5_000;

export interface FollowedParts extends AuthParts {
  /** Who leads, and at which `host:port` its identity API is found. */
  readonly standing: () => Standing<string>;
  /** Of a vault that is made here. */
  readonly vaultCost?: VaultCost;
}

interface Reign {
  readonly term: Term;
  readonly office: Office;
  readonly health: Health;
}

/**
 * Identity of several masters: it begins with the term of the master that leads, as an office that has read all of it, and ends with it. What it keeps is in the
 * store that they share, sealed by the passphrase that they share; it is written through the term. Between terms this listens, proves to be a master, and
 * sends on to the leader.
 */
export class FollowedAuth implements Component, LeadsAlong {
  readonly name = 'auth';
  readonly access: Access;
  readonly tls: MutualTls | undefined;
  readonly #parts: FollowedParts;
  readonly #door: VaultDoor;
  readonly #audit: Audit;
  readonly #reader: AuthorityReader;
  readonly #own: OwnIdentities;
  /** Of what a standby answers by itself. */
  readonly #filePolicy: PolicyKeeper;
  readonly #api: Api = createApi({ bodyLimitBytes: BODY_LIMIT_BYTES });
  #byFile: Authenticator;
  #reign: Reign | undefined;
  #closing: Promise<unknown> = Promise.resolve();
  #terms = 0;
  #told = false;
  port: number;

  constructor(parts: FollowedParts) {
    const { config, log, random, health, clock } = parts;
    this.#parts = parts;
    this.port = config.port;
    this.#door = new VaultDoor({
      passphraseFile: config.keys.passphraseFile,
      markFile: join(parts.folder, 'vault'),
      random,
      log,
      ...(parts.vaultCost && { cost: parts.vaultCost }),
    });
    this.#audit = openAudit(parts);
    this.#reader = new AuthorityReader({ ...parts, door: this.#door, audit: this.#audit });
    this.#own = new OwnIdentities(parts, this.#reader);
    this.tls = this.#own.tls;
    const policy = { config: config.policy, own: parts.own?.principal, clock, log };
    this.#filePolicy = new PolicyKeeper({ ...policy, metrics: new Metrics(), health: new Health() });
    this.#byFile = createAuthenticator({ principals: new Principals([]), guesses: new Guesses(clock) });
    const authenticator: Authenticator = {
      authenticate: (proof) => (this.#office?.access.authenticator ?? this.#byFile).authenticate(proof),
    };
    const authorizer: Authorizer = {
      decide: (request) => (this.#office?.policy ?? this.#filePolicy).decide(request),
    };
    this.access = { authenticator, authorizer };
    health.require('identity', () => this.#condition());
  }

  get address(): { readonly host: string; readonly port: number } {
    return { host: this.#parts.config.host, port: this.port };
  }

  /** What whoever starts it has to know, and nobody is told again; valid once the master has started. */
  notes(): readonly string[] {
    this.#told = true;
    return this.#office?.notes() ?? [];
  }

  /** Rejects with AUTH_LISTEN_FAILED, AUTH_PASSPHRASE_UNREADABLE, AUTH_VAULT_LOCKED, and for files that cannot be read. */
  async start(): Promise<void> {
    const { config, clock, own, log } = this.#parts;
    const { credentials: file, openMetrics } = config.login;
    const fromFile = file === undefined ? [] : await readCredentials(file);
    const principals = new Principals(own === undefined ? fromFile : [...fromFile, own]);
    this.#byFile = createAuthenticator({ principals, guesses: new Guesses(clock) });
    await this.#filePolicy.start();
    await readPassphrases(config.keys.passphraseFile); // now, not when it is elected
    await this.#reader.start();
    // Where there is no authority yet, the first leader makes it.
    if (this.tls) void this.#reader.found.then(() => this.#own.start());
    sendOn(this.#api, { standing: this.#parts.standing, office: () => this.#office?.api });
    admitByCertificate(this.#api, this.tls);
    guard(this.#api, { ...this.access, openMetrics }, identityGuard(config));
    addOperationalRoutes(this.#api, this.#parts);
    this.port = await listenAt(this.#api, config, this.tls);
    log.info(this.address, 'identity API listens, at the leader for all');
  }

  async stop(): Promise<void> {
    await this.#api.close();
    this.end();
    await this.#closing;
    await this.#own.stop();
    await this.#reader.stop();
    await this.#filePolicy.stop();
    await this.#audit.close();
  }

  /** Rejects when it cannot be read, also with AUTH_RECORD_FORGED, AUTH_VAULT_LOCKED and AUTH_VAULT_LOST: then nobody leads here. */
  async begin(term: Term): Promise<void> {
    await this.#closing; // of the term before: they share files
    const { log, config } = this.#parts;
    const vault = await this.#door.openOrMake(term.store);
    const store = sealedStore(term.store, vault, log);
    const health = new Health();
    const keys = new StoreKeys(store);
    const office = new Office(
      { ...this.#parts, store, health, metrics: new Metrics(), config: this.#configOfTerm(config) },
      { keys, open: async () => {} },
      { tls: this.tls, audit: this.#audit },
    );
    office.api.addHook('onSend', async (_request, reply, payload) => {
      // What was begun in time may be over after a pause: nobody must hear of it.
      if (term.holds()) return payload;
      void reply.code(503).header('content-type', 'text/plain').removeHeader('content-length');
      return 'this master leads no more\n';
    });
    const reign: Reign = { term, office, health };
    this.#reign = reign;
    try {
      await office.open();
      await office.api.ready();
      if (this.tls) await this.#ownIdentity();
    } finally {
      // Ended before it had begun: what started since then is running.
      if (this.#reign !== reign) await office.close();
    }
    if (this.#told && office.notes().length > 0)
      log.warn('an account was made, with a password that nobody has seen: set auth.login.resetAdmin once');
  }

  end(): void {
    const { office } = this.#reign ?? {};
    this.#reign = undefined;
    if (office) this.#closing = this.#closing.then(() => office.close()).catch(() => {});
  }

  /** Where all is read, and as long as nobody else can be leading. */
  get #office(): Office | undefined {
    const reign = this.#reign;
    return reign?.term.holds() === true ? reign.office : undefined;
  }

  /** A password is reset once, not with each term. */
  #configOfTerm(config: FollowedParts['config']): FollowedParts['config'] {
    if (this.#terms++ === 0) return config;
    return { ...config, login: { ...config.login, resetAdmin: false } };
  }

  /** A leader that cannot prove to be one is of no use: then another shall try. */
  async #ownIdentity(): Promise<void> {
    await this.#reader.look();
    const { clock } = this.#parts;
    const enough = new AbortController();
    const late = sleep(clock, IDENTITY_MS, enough.signal);
    await Promise.race([this.#own.first, late]);
    enough.abort();
    if (!this.tls?.identity.current) throw new Error('this master has no identity of its own');
  }

  #condition(): Condition {
    const { problem } = this.#reader;
    if (problem !== undefined) return { ok: false, detail: problem };
    if (this.tls && !this.tls.identity.current)
      return { ok: false, detail: 'nobody has made an authority yet' };
    const reign = this.#reign;
    if (!reign) return { ok: true, detail: 'stands by' };
    const bad = Object.values(reign.health.report().conditions).find(({ ok }) => !ok);
    return bad ?? { ok: true, detail: 'leads' };
  }
}
