import { readFile } from 'node:fs/promises';
import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/clock.ts';
import { Backoff } from '../../core/backoff.ts';
import { RimrockError, errorText } from '../../core/errors.ts';
import type { Health } from '../../core/health.ts';
import type { MutualTls } from '../../core/http/mutual-tls.ts';
import type { IdentityContext, IdentitySource } from '../../core/identity.ts';
import type { Component } from '../../core/lifecycle.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { Subscribers } from '../../core/subscribers.ts';
import { IdentityKeeper } from '../identity/keeper.ts';
import type { KeptIdentity } from '../identity/keeper.ts';
import { FileKeys } from '../keystore/file-keys.ts';
import { makeKeyPair } from '../x509/make.ts';
import { joinWithToken, renewEnded } from './client.ts';
import type { JoinConfig } from './config.ts';
import { joinErrors } from './errors.ts';
import { mutualTlsOf } from './mutual.ts';
import { RemoteIssuer } from './remote-issuer.ts';

export interface JoinedParts {
  readonly config: JoinConfig;
  readonly mode: MutualTls['mode'];
  readonly trustDomain: string;
  /** For the hints of errors. */
  readonly role: string;
  /** Where the identity is kept. */
  readonly folder: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly health: Health;
  /** Aborts when the process is to end. */
  readonly stop?: AbortSignal;
}

const KEPT = 'identity';
/** Before the JSON: what begins with a brace is taken for encrypted. */
const FORM = 'identity 1\n';
const RETRY = { firstMs: 250, maxMs: 5_000, jitter: 0.5 } as const;

/** The identity of a process away from the authority: bought with a token once, kept in a file, renewed by itself. */
export class JoinedIdentity implements Component, IdentitySource {
  readonly name = 'identity';
  readonly tls: MutualTls;
  readonly #parts: JoinedParts;
  readonly #keys: FileKeys;
  readonly #listeners: Subscribers<IdentityContext>;
  #keeper: IdentityKeeper | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(parts: JoinedParts) {
    const { log, health, mode } = parts;
    this.#parts = parts;
    this.#keys = new FileKeys(parts.folder, parts.random);
    this.#listeners = new Subscribers((error) => log.error({ error }, 'a user of the identity failed'));
    this.tls = mutualTlsOf(mode, this, parts);
    health.require('identity', () => {
      const left = this.#keeper?.leftMs;
      if (left === undefined) return { ok: false, detail: 'this process has not joined yet' };
      const detail = `${this.current?.svid.id ?? ''}, ${Math.round(left / 1000)} s left`;
      return { ok: left > 0, detail };
    });
  }

  get current(): IdentityContext | undefined {
    return this.#keeper?.current;
  }

  onChange(listener: (context: IdentityContext) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Resolves once there is an identity. Rejects with AUTH_JOIN_*, AUTH_KEY_*; while nobody answers it goes on trying. */
  async start(): Promise<void> {
    await this.#keys.open();
    const { clock, random, log, config } = this.#parts;
    const kept = await this.#kept();
    const usable = kept && clock.now() < kept.svid.notAfterMs ? kept : undefined;
    const first =
      usable ?? (kept && (await this.#renewEnded(kept))) ?? (await this.#join(kept !== undefined));
    if (!usable) await this.#keep(first);
    const issuer = new RemoteIssuer({ url: config.url, tls: this.tls, clock, random, log });
    const keeper = new IdentityKeeper({ issuer, kept: first, clock, random, log });
    this.#keeper = keeper;
    keeper.onChange((context) => {
      this.#listeners.emit(context);
      const now = keeper.kept;
      if (now) this.#writing = this.#writing.then(() => this.#keep(now)).catch(() => {});
    });
    await keeper.start();
    log.info({ id: first.svid.id }, 'this process has an identity');
  }

  async stop(): Promise<void> {
    this.#keeper?.stop();
    await this.#writing;
  }

  /** By the key of what has ended; undefined: it takes a token. */
  async #renewEnded(kept: KeptIdentity): Promise<KeptIdentity | undefined> {
    const { log, config, trustDomain } = this.#parts;
    const keys = makeKeyPair();
    try {
      return await this.#untilAnswered(() => renewEnded(kept, { url: config.url, trustDomain }, keys));
    } catch (error) {
      if (!(error instanceof RimrockError) || error.code !== 'AUTH_JOIN_NOT_RENEWED') throw error;
      log.warn({ id: kept.svid.id, error: errorText(error) }, 'the identity has ended: it takes a token');
      return undefined;
    }
  }

  async #join(hadOne: boolean): Promise<KeptIdentity> {
    const { config, trustDomain, role, mode } = this.#parts;
    const token = await this.#token();
    if (token === '' && hadOne) throw joinErrors.AUTH_JOIN_ENDED({ role: joinerOf(role) });
    if (token === '') throw joinErrors.AUTH_JOIN_NO_TOKEN({ mode, role: joinerOf(role) });
    // The same keys each time: should an answer be lost, they get it again.
    const keys = makeKeyPair();
    return this.#untilAnswered(() => joinWithToken(token, { url: config.url, trustDomain }, keys));
  }

  async #untilAnswered(ask: () => Promise<KeptIdentity>): Promise<KeptIdentity> {
    const { clock, random, log, stop } = this.#parts;
    const backoff = new Backoff(random, RETRY);
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        // Somebody who answers will not answer otherwise.
        const again = error instanceof RimrockError && error.code === 'AUTH_JOIN_UNREACHABLE';
        if (!again || stop?.aborted === true) throw error;
        log.warn({ error: errorText(error) }, 'the authority cannot be joined yet; trying again');
      }
      await sleep(clock, backoff.next(), stop);
    }
  }

  async #token(): Promise<string> {
    const { token, tokenFile: path } = this.#parts.config;
    if (path === '') return token;
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      throw joinErrors.AUTH_JOIN_TOKEN_UNREADABLE({ path, reason: errorText(error) }, error);
    });
    return text.split(/\r?\n/, 1)[0]?.trim() ?? '';
  }

  async #kept(): Promise<KeptIdentity | undefined> {
    const text = await this.#keys.read(KEPT);
    return text === undefined ? undefined : (JSON.parse(text.slice(FORM.length)) as KeptIdentity);
  }

  async #keep(kept: KeptIdentity): Promise<void> {
    try {
      await this.#keys.write(KEPT, FORM + JSON.stringify(kept));
    } catch (error) {
      this.#parts.log.error({ error: errorText(error) }, 'the identity could not be written; it is in use');
    }
  }
}

/** What the token of a role is made for. */
function joinerOf(role: string): string {
  return role === 'marathon' ? 'framework' : role;
}
