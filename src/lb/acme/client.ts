import { z } from 'zod';
import type { Clock } from '../../core/clock.ts';
import type { HttpClient, HttpResponse } from '../../core/http/client.ts';
import type { AccountKey } from './account-key.ts';

/** A nonce may be refused for no fault of ours (RFC 8555 §6.5). */
const MOST_NONCES = 10;
const TIMEOUT_MS = 30_000;
/** Answers are some hundred bytes, chains of certificates some thousand. */
const MOST_BYTES = 256 * 1024;
const KEPT_NONCES = 16;

const problemSchema = z.object({
  type: z.string().default('about:blank'),
  detail: z.string().optional(),
  subproblems: z.array(z.object({ detail: z.string().optional() })).optional(),
});
const urlText = z.url({ protocol: /^https?$/ });
const directorySchema = z.object({ newNonce: urlText, newAccount: urlText, newOrder: urlText });
const orderSchema = z.object({
  status: z.enum(['pending', 'ready', 'processing', 'valid', 'invalid']),
  authorizations: z.array(urlText),
  finalize: urlText,
  certificate: urlText.optional(),
  error: problemSchema.optional(),
});
const challengeSchema = z.object({
  type: z.string(),
  url: urlText,
  status: z.string(),
  token: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,512}$/)
    .optional(),
  error: problemSchema.optional(),
});
const authorizationSchema = z.object({
  status: z.enum(['pending', 'valid', 'invalid', 'deactivated', 'expired', 'revoked']),
  challenges: z.array(challengeSchema),
});

export type Order = z.output<typeof orderSchema>;
export type Authorization = z.output<typeof authorizationSchema>;

/** What the authority has said, with when to ask again, milliseconds from now. */
export interface Said<T> {
  readonly value: T;
  readonly retryAfterMs: number | undefined;
}

/** The authority has refused something, or said what cannot be understood. */
export class AcmeProblem extends Error {
  override readonly name = 'AcmeProblem';
  readonly status: number;
  /** The last part of `urn:ietf:params:acme:error:…` (RFC 8555 §6.7). */
  readonly kind: string;
  readonly retryAfterMs: number | undefined;

  constructor(kind: string, detail: string, status = 0, retryAfterMs?: number) {
    super(`${kind}: ${detail}`);
    this.kind = kind;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What the authority says about an order or a challenge that has failed. */
export function problemOf(error: z.output<typeof problemSchema> | undefined, what: string): AcmeProblem {
  const { type = 'invalid', detail = `the authority does not say why the ${what} failed` } = error ?? {};
  return new AcmeProblem(kindOf(type), printable(detail));
}

export interface AcmeClientParts {
  readonly directory: string;
  readonly http: Pick<HttpClient, 'request'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** An authority that speaks ACME, as one account sees it (RFC 8555 §7). Everything rejects with AcmeProblem or what the network says. */
export class AcmeClient {
  readonly #parts: AcmeClientParts;
  readonly #key: AccountKey;
  #directory: z.output<typeof directorySchema> | undefined;
  #nonces: string[] = [];
  #account: string | undefined;

  /** `account`: its URL, where there is one already. */
  constructor(parts: AcmeClientParts, key: AccountKey, account?: string) {
    this.#parts = parts;
    this.#key = key;
    this.#account = account;
  }

  /** Make the account, or find the one that this key has; resolves with its URL (§7.3). */
  async register(email: string | undefined, signal: AbortSignal): Promise<string> {
    const { newAccount } = await this.#urls(signal);
    const contact = email === undefined ? {} : { contact: [`mailto:${email}`] };
    this.#account = undefined;
    const response = await this.#post(newAccount, { termsOfServiceAgreed: true, ...contact }, signal);
    this.#account = locationOf(response);
    return this.#account;
  }

  async newOrder(
    name: string,
    signal: AbortSignal,
  ): Promise<{ readonly url: string; readonly order: Order }> {
    const { newOrder } = await this.#urls(signal);
    const response = await this.#post(newOrder, { identifiers: [{ type: 'dns', value: name }] }, signal);
    return { url: locationOf(response), order: read(orderSchema, response.text) };
  }

  async order(url: string, signal: AbortSignal): Promise<Said<Order>> {
    return this.#said(orderSchema, await this.#post(url, undefined, signal));
  }

  async authorization(url: string, signal: AbortSignal): Promise<Said<Authorization>> {
    return this.#said(authorizationSchema, await this.#post(url, undefined, signal));
  }

  /** The answer to a challenge is in its place: the authority may look (§7.5.1). */
  async answer(url: string, signal: AbortSignal): Promise<void> {
    await this.#post(url, {}, signal);
  }

  /** `request`: DER (§7.4). */
  async finalize(url: string, request: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#post(url, { csr: Buffer.from(request).toString('base64url') }, signal);
  }

  /** PEM: the leaf first, then its chain (§7.4.2). */
  async certificate(url: string, signal: AbortSignal): Promise<string> {
    return (await this.#post(url, undefined, signal)).text;
  }

  #said<T>(schema: z.ZodType<T>, { text, retryAfterMs }: Answer): Said<T> {
    return { value: read(schema, text), retryAfterMs };
  }

  async #urls(signal: AbortSignal): Promise<z.output<typeof directorySchema>> {
    if (this.#directory !== undefined) return this.#directory;
    const response = await this.#answer(await this.#send('GET', this.#parts.directory, undefined, signal));
    if (response.status !== 200) throw refusal(response);
    this.#directory = read(directorySchema, response.text);
    return this.#directory;
  }

  async #post(url: string, payload: unknown, signal: AbortSignal): Promise<Answer> {
    for (let tries = 1; ; tries++) {
      const nonce = this.#nonces.pop() ?? (await this.#nonce(signal));
      const body = this.#key.request(url, nonce, this.#account, payload);
      const answer = await this.#answer(await this.#send('POST', url, body, signal));
      if (answer.status < 300) return answer;
      const problem = refusal(answer);
      if (problem.kind !== 'badNonce' || tries === MOST_NONCES) throw problem;
    }
  }

  async #nonce(signal: AbortSignal): Promise<string> {
    const { newNonce } = await this.#urls(signal);
    const answer = await this.#answer(await this.#send('GET', newNonce, undefined, signal));
    const nonce = this.#nonces.pop();
    if (nonce !== undefined) return nonce;
    throw answer.status < 300
      ? new AcmeProblem('malformed', 'the authority gives no nonce', answer.status)
      : refusal(answer);
  }

  #send(
    method: 'GET' | 'POST',
    url: string,
    body: string | undefined,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    return this.#parts.http.request({
      method,
      url,
      headers: {
        'user-agent': 'rimrock',
        ...(body === undefined ? {} : { 'content-type': 'application/jose+json' }),
      },
      ...(body === undefined ? {} : { body }),
      timeoutMs: TIMEOUT_MS,
      signal,
    });
  }

  async #answer(response: HttpResponse): Promise<Answer> {
    const { status, headers } = response;
    const nonce = headers['replay-nonce'];
    if (nonce !== undefined && this.#nonces.length < KEPT_NONCES) this.#nonces.push(nonce);
    const text = await textOf(response);
    return {
      status,
      text,
      location: headers['location'],
      retryAfterMs: retryAfter(headers['retry-after'], this.#parts.clock.now()),
    };
  }
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly location: string | undefined;
  readonly retryAfterMs: number | undefined;
}

async function textOf(response: HttpResponse): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body) {
    length += piece.length;
    if (length > MOST_BYTES) {
      response.cancel();
      throw new AcmeProblem('malformed', 'an answer is larger than 256 KiB', response.status);
    }
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Seconds or a date (RFC 9110 §10.2.3), as milliseconds from now; undefined when it is neither. */
export function retryAfter(field: string | undefined, now: number): number | undefined {
  if (field === undefined) return undefined;
  const at = /^\d{1,9}$/.test(field.trim()) ? Number(field) * 1_000 : Date.parse(field) - now;
  return Number.isNaN(at) ? undefined : Math.max(0, at);
}

function refusal({ status, text, retryAfterMs }: Answer): AcmeProblem {
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success)
    return new AcmeProblem('http', `the authority answers ${status}`, status, retryAfterMs);
  const { type, detail, subproblems = [] } = problem.data;
  const all = [detail, ...subproblems.map((sub) => sub.detail)].filter((part) => part !== undefined);
  return new AcmeProblem(kindOf(type), printable(all.join('; ') || `status ${status}`), status, retryAfterMs);
}

const kindOf = (type: string): string => printable(type.replace(/^urn:ietf:params:acme:error:/, ''));
/** It goes to logs and to people. */
const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]+/g, ' ').slice(0, 500);

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function read<T>(schema: z.ZodType<T>, text: string): T {
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new AcmeProblem('malformed', 'the authority says something that is not of RFC 8555');
}

function locationOf({ location }: Answer): string {
  if (location !== undefined && URL.canParse(location)) return location;
  throw new AcmeProblem('malformed', 'the authority gives no Location');
}
