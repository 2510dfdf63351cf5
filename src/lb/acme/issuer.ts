import { sleep } from '../../core/clock.ts';
import type { Clock } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Logger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import { parseIdentity } from '../../net/index.ts';
import type { ChallengeSpec } from '../plane/messages.ts';
import { AccountKey } from './account-key.ts';
import { certificationRequest, challengeCertificate, newKey } from './certificates.ts';
import { AcmeClient, AcmeProblem, problemOf } from './client.ts';
import type { Authorization, Order, Said } from './client.ts';
import type { AcmeConfig } from './config.ts';
import type { AcmeStorage, StoredName } from './storage.ts';

/** An authority that has not decided after this is asked again another time. */
const PATIENCE_MS = 300_000;
const FIRST_POLL_MS = 250;
const MOST_POLL_MS = 10_000;

/** Where the answers to challenges are shown to the authority. */
export interface Challenges {
  /** Resolves when every plane that runs answers so. */
  show(challenge: ChallengeSpec): Promise<void>;
  hide(challenge: ChallengeSpec): void;
}

/** A certificate and its key, PEM; the leaf first, then its chain. */
export interface Obtained {
  readonly chain: string;
  readonly key: string;
}

export interface IssuerParts {
  readonly config: AcmeConfig;
  /** Resolves with a client for the directory. */
  readonly http: () => Promise<Pick<HttpClient, 'request'>>;
  readonly storage: AcmeStorage;
  readonly challenges: Challenges;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** The end of all this. */
  readonly signal: AbortSignal;
}

/**
 * Obtains one certificate at a time for one name (RFC 8555 §7.4). What is under way is on disk before the authority is told more, so
 * that after a crash the same order goes on with the same key.
 */
export class AcmeIssuer {
  readonly #parts: IssuerParts;
  #account: Promise<Account> | undefined;

  constructor(parts: IssuerParts) {
    this.#parts = parts;
  }

  /** Rejects with AcmeProblem, or what the network or the disk says. */
  async obtain(name: string): Promise<Obtained> {
    try {
      return await this.#obtain(name);
    } catch (error) {
      if (!(error instanceof AcmeProblem && error.kind === 'accountDoesNotExist')) throw error;
      await this.#forgetAccount();
      return this.#obtain(name);
    }
  }

  async #obtain(name: string): Promise<Obtained> {
    const { storage, config } = this.#parts;
    const account = await this.#connected();
    const { order } = await storage.name(name);
    // An order of another authority is none here.
    const left = order?.directory === config.directory ? order : undefined;
    const obtained = left && (await this.#try(name, left, account).catch(onlyIfGivenUp));
    return obtained ?? (await this.#try(name, await this.#begin(name, account), account));
  }

  /** What the authority has given up is forgotten; after other failures the order is taken up again. */
  async #try(name: string, order: OpenOrder, account: Account): Promise<Obtained> {
    const { storage } = this.#parts;
    try {
      return await this.#finish(name, order, account);
    } catch (error) {
      if (isGivenUp(error)) {
        const { order: _, ...rest } = await storage.name(name);
        await storage.saveName(name, rest);
      }
      throw error;
    }
  }

  async #begin(name: string, { client }: Account): Promise<OpenOrder> {
    const { storage, config, signal } = this.#parts;
    const { url } = await client.newOrder(name, signal);
    const order = { directory: config.directory, url, key: newKey(config.keyType) };
    await storage.saveName(name, { ...(await storage.name(name)), order });
    return order;
  }

  async #finish(name: string, { url, key }: OpenOrder, account: Account): Promise<Obtained> {
    const { signal } = this.#parts;
    const { client } = account;
    const again = (): Promise<Said<Order>> => client.order(url, signal);
    let order = (await again()).value;
    if (order.status === 'pending') {
      for (const authorization of order.authorizations) await this.#authorize(name, authorization, account);
      order = await this.#until(again, ({ status }) => status !== 'pending');
    }
    if (order.status === 'ready') {
      await client.finalize(order.finalize, certificationRequest(name, key), signal);
      order = await this.#until(again, ({ status }) => status === 'valid' || status === 'invalid');
    }
    if (order.status === 'processing')
      order = await this.#until(again, ({ status }) => status !== 'processing');
    if (order.status !== 'valid' || order.certificate === undefined) throw problemOf(order.error, 'order');
    const chain = await client.certificate(order.certificate, signal);
    return { chain: this.#checked(name, chain, key), key };
  }

  async #authorize(name: string, url: string, { client, key }: Account): Promise<void> {
    const { config, challenges, signal } = this.#parts;
    const again = (): Promise<Said<Authorization>> => client.authorization(url, signal);
    const before = (await again()).value;
    if (before.status === 'valid') return;
    const ours = before.challenges.find(({ type }) => type === config.challenge);
    if (before.status !== 'pending' || ours?.token === undefined)
      throw before.status === 'pending'
        ? new AcmeProblem('unsupported', `the authority offers no ${config.challenge} for this name`)
        : failureOf(before);
    const shown = this.#answerOf(name, key.authorization(ours.token), ours.token);
    try {
      await challenges.show(shown);
      if (ours.status === 'pending') await client.answer(ours.url, signal);
      const after = await this.#until(again, ({ status }) => status !== 'pending');
      if (after.status !== 'valid') throw failureOf(after);
    } finally {
      challenges.hide(shown);
    }
  }

  #answerOf(name: string, authorization: string, token: string): ChallengeSpec {
    const { config, clock, random } = this.#parts;
    return config.challenge === 'http-01'
      ? { kind: 'http-01', name, token, authorization }
      : {
          kind: 'tls-alpn-01',
          name,
          ...challengeCertificate(name, authorization, clock.now(), random.bytes(16)),
        };
  }

  /** Ask again, as often as the authority says or else more and more seldom. */
  async #until<T>(again: () => Promise<Said<T>>, isDone: (value: T) => boolean): Promise<T> {
    const { clock, signal } = this.#parts;
    const end = clock.monotonic() + PATIENCE_MS;
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(MOST_POLL_MS, wait * 2)) {
      const { value, retryAfterMs = wait } = await again();
      if (isDone(value)) return value;
      if (clock.monotonic() + retryAfterMs > end)
        throw new AcmeProblem('slow', 'the authority does not decide', 0, retryAfterMs);
      await sleep(clock, Math.max(FIRST_POLL_MS, retryAfterMs), signal);
      signal.throwIfAborted();
    }
  }

  /** What was given must be what was asked for: the chain as it is to be shown. */
  #checked(name: string, chain: string, key: string): string {
    try {
      const certificates = parseIdentity(chain, key);
      const [leaf] = certificates;
      if (leaf?.checkHost(name) === undefined) throw new Error('it is not for this name');
      if (leaf.validToDate.getTime() <= this.#parts.clock.now()) throw new Error('its time is over');
      return certificates.map((certificate) => certificate.toString()).join('');
    } catch (error) {
      throw new AcmeProblem(
        'malformed',
        `the certificate that was given cannot be used: ${errorText(error)}`,
      );
    }
  }

  /** One account for all names; who comes first makes it. */
  #connected(): Promise<Account> {
    this.#account ??= this.#connect().catch((error: unknown) => {
      this.#account = undefined;
      throw error;
    });
    return this.#account;
  }

  async #connect(): Promise<Account> {
    const { config, storage, clock, http, log, signal } = this.#parts;
    const { directory, email } = config;
    const stored = await storage.account(directory);
    const pem = stored?.key ?? AccountKey.make();
    // The key first: whoever registers it twice gets the same account.
    if (stored === undefined) await storage.saveAccount({ directory, key: pem });
    const key = new AccountKey(pem);
    const client = new AcmeClient({ directory, http: await http(), clock }, key, stored?.url);
    if (stored?.url === undefined) {
      const url = await client.register(email, signal);
      await storage.saveAccount({ directory, key: pem, url });
      log.info({ directory, account: url }, 'an account for certificates was made');
    }
    return { client, key };
  }

  /** The authority does not know it any more: it is registered anew, with the same key. */
  async #forgetAccount(): Promise<void> {
    const { config, storage } = this.#parts;
    this.#account = undefined;
    const stored = await storage.account(config.directory);
    if (stored !== undefined) await storage.saveAccount({ directory: stored.directory, key: stored.key });
  }
}

interface Account {
  readonly client: AcmeClient;
  readonly key: AccountKey;
}

type OpenOrder = NonNullable<StoredName['order']>;

/** Whether an order that ended so will never come to anything. Rate limits and troubles of the authority pass. */
const isGivenUp = (error: unknown): boolean =>
  error instanceof AcmeProblem &&
  error.kind !== 'rateLimited' &&
  error.kind !== 'slow' &&
  error.kind !== 'accountDoesNotExist' &&
  error.status < 500;

function onlyIfGivenUp(error: unknown): undefined {
  if (!isGivenUp(error)) throw error;
}

function failureOf({ status, challenges }: Authorization): AcmeProblem {
  const failed = challenges.find(({ error }) => error !== undefined);
  return problemOf(
    failed?.error ?? { type: 'unauthorized', detail: `the authorization is ${status}` },
    'challenge',
  );
}
