import { readFile } from 'node:fs/promises';
import type { Authenticator } from '../../core/access.ts';
import { errorText } from '../../core/errors.ts';
import type { Api } from '../../core/http/server.ts';
import { addGroupRoutes } from '../api/iam-groups.ts';
import { addLoginRoutes } from '../api/iam-login.ts';
import { addSessionRoutes } from '../api/iam-sessions.ts';
import { addUserRoutes } from '../api/iam-users.ts';
import type { AuthModule, ModuleParts } from '../module.ts';
import { Sessions } from '../tokens/sessions.ts';
import { SigningKeys } from '../tokens/signing-keys.ts';
import { Tokens } from '../tokens/tokens.ts';
import { createAuthenticator } from './authenticator.ts';
import { Directory } from './directory.ts';
import { peopleErrors } from './errors.ts';
import { Guesses } from './guesses.ts';
import { ADMIN, Logins } from './logins.ts';
import { exposePeopleMetrics } from './metrics.ts';
import { Passwords } from './passwords.ts';
import type { PasswordOptions } from './passwords.ts';
import { parseCredentials, Principals } from './principals.ts';
import type { Credential } from './principals.ts';

export interface PeopleOptions extends PasswordOptions {
  readonly readText?: (path: string) => Promise<string>;
}

/** People, service accounts and Mesos principals: who is who. */
export class People implements AuthModule, Authenticator {
  readonly #parts: ModuleParts;
  readonly #options: PeopleOptions;
  readonly #directory: Directory;
  readonly #sessions: Sessions;
  readonly #keys: SigningKeys;
  readonly #tokens: Tokens;
  readonly #guesses: Guesses;
  readonly #logins: Logins;
  #principals: Principals;
  #authenticator: Authenticator;
  #notes: readonly string[] = [];

  constructor(parts: ModuleParts, options: PeopleOptions = {}) {
    const { clock, random, config } = parts;
    const { login } = config;
    this.#parts = parts;
    this.#options = options;
    const lifetimeMs = login.sessionSeconds * 1000;
    this.#directory = new Directory(parts);
    this.#sessions = new Sessions(parts, { lifetimeMs, perUser: login.sessionsPerUser });
    this.#keys = new SigningKeys(parts, { rotateMs: login.keyRotationSeconds * 1000, lifetimeMs });
    this.#tokens = new Tokens(this.#keys, clock);
    this.#guesses = new Guesses(clock);
    this.#logins = new Logins({
      directory: this.#directory,
      passwords: new Passwords(random, options),
      guesses: this.#guesses,
      sessions: this.#sessions,
      tokens: this.#tokens,
      clock,
      shortestPassword: login.shortestPassword,
    });
    this.#principals = new Principals([]);
    this.#authenticator = this.#newAuthenticator();
    exposePeopleMetrics(parts.metrics, {
      logins: this.#logins.counts,
      guesses: this.#guesses,
      sessions: this.#sessions,
      directory: this.#directory,
    });
  }

  routes(api: Api): void {
    const { log, clock, config } = this.#parts;
    const context = {
      directory: this.#directory,
      logins: this.#logins,
      sessions: this.#sessions,
      tokens: this.#tokens,
      keys: this.#keys,
      log,
      now: () => clock.now(),
      shortestPassword: config.login.shortestPassword,
      sessionSeconds: config.login.sessionSeconds,
    };
    for (const add of [addLoginRoutes, addUserRoutes, addGroupRoutes, addSessionRoutes]) add(api, context);
  }

  async start(): Promise<void> {
    const { config, own, random, log } = this.#parts;
    const { credentials: file, resetAdmin } = config.login;
    const fromFile = file === undefined ? [] : await readCredentials(file, this.#options.readText);
    this.#principals = new Principals(own === undefined ? fromFile : [...fromFile, own]);
    this.#authenticator = this.#newAuthenticator();
    await Promise.all([this.#directory.start(), this.#sessions.start(), this.#keys.start()]);
    const password = await this.#logins.ensureAdmin(random, resetAdmin);
    if (password === undefined) return;
    this.#notes = [
      `To log in: account ${ADMIN}, one-time password ${password} (shown this once; 'rimrock user passwd ${ADMIN}' sets yours).`,
    ];
    log.info({ uid: ADMIN }, 'a one-time password was made for the first account');
  }

  async stop(): Promise<void> {
    await Promise.all([this.#directory.stop(), this.#sessions.stop(), this.#keys.stop()]);
  }

  authenticate(
    proof: Parameters<Authenticator['authenticate']>[0],
  ): ReturnType<Authenticator['authenticate']> {
    return this.#authenticator.authenticate(proof);
  }

  /** What the person who starts it has to know, and nobody is told again. */
  notes(): readonly string[] {
    return this.#notes;
  }

  #newAuthenticator(): Authenticator {
    const people = { directory: this.#directory, sessions: this.#sessions, tokens: this.#tokens };
    return createAuthenticator({ principals: this.#principals, guesses: this.#guesses, people });
  }
}

/** Rejects with AUTH_CREDENTIALS_UNREADABLE or AUTH_CREDENTIALS_BAD. */
export async function readCredentials(
  file: string,
  readText = (path: string): Promise<string> => readFile(path, 'utf8'),
): Promise<readonly Credential[]> {
  const text = await readText(file).catch((error: unknown) => {
    throw peopleErrors.AUTH_CREDENTIALS_UNREADABLE({ file, reason: errorText(error) }, error);
  });
  return parseCredentials(text, file);
}
