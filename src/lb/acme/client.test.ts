import { createPublicKey, verify } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { HttpRequest, HttpResponse } from '../../core/http/client.ts';
import { AccountKey } from './account-key.ts';
import { AcmeClient, AcmeProblem, retryAfter } from './client.ts';

const BASE = 'https://ca.test';
const directory = { newNonce: `${BASE}/nonce`, newAccount: `${BASE}/account`, newOrder: `${BASE}/order` };
const pem = AccountKey.make();
const { signal } = new AbortController();

interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A client whose authority answers what is posted in this order; the directory and nonces it always has. */
function client(...replies: Reply[]): { client: AcmeClient; posted: HttpRequest[] } {
  const posted: HttpRequest[] = [];
  let nonces = 0;
  const request = async (asked: HttpRequest): Promise<HttpResponse> => {
    if (asked.url === `${BASE}/dir`) return response({ body: directory });
    if (asked.url === directory.newNonce)
      return response({ status: 204, headers: { 'replay-nonce': `fresh-${(nonces += 1)}` } });
    posted.push(asked);
    return response(replies.shift() ?? { status: 500 });
  };
  const parts = { directory: `${BASE}/dir`, http: { request }, clock: { now: () => 1_000_000 } };
  return { client: new AcmeClient(parts, new AccountKey(pem), `${BASE}/me`), posted };
}

function response({ status = 200, headers = {}, body = '' }: Reply): HttpResponse {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return {
    status,
    headers,
    body: (async function* () {
      yield Buffer.from(text);
    })(),
    text: async () => text,
    cancel: () => {},
  };
}

const problem = (type: string, more: object = {}): Reply => ({
  status: 400,
  headers: { 'replay-nonce': 'after-a-problem' },
  body: { type: `urn:ietf:params:acme:error:${type}`, detail: 'no', ...more },
});
const order = { status: 'pending', authorizations: [`${BASE}/authz`], finalize: `${BASE}/finalize` };

const jwsOf = ({ body }: HttpRequest): { head: Record<string, unknown>; payload: string } => {
  const jws = JSON.parse(String(body)) as { protected: string; payload: string; signature: string };
  const key = { key: createPublicKey(pem), dsaEncoding: 'ieee-p1363' } as const;
  const signed = Buffer.from(`${jws.protected}.${jws.payload}`);
  expect(verify('sha256', signed, key, Buffer.from(jws.signature, 'base64url'))).toBe(true);
  const text = (part: string): string => Buffer.from(part, 'base64url').toString();
  return { head: JSON.parse(text(jws.protected)) as Record<string, unknown>, payload: text(jws.payload) };
};

describe('AcmeClient', () => {
  it('signs what it asks for, and takes another nonce when one is refused', async () => {
    const made = client(problem('badNonce'), {
      status: 201,
      headers: { location: `${BASE}/order/1` },
      body: order,
    });
    expect(await made.client.newOrder('a.test', signal)).toEqual({ url: `${BASE}/order/1`, order });
    const asked = made.posted.map(jwsOf);
    expect(asked.map(({ head }) => head['nonce'])).toEqual(['fresh-1', 'after-a-problem']);
    expect(asked[1]?.head).toMatchObject({ alg: 'ES256', kid: `${BASE}/me`, url: directory.newOrder });
    expect(asked[1]?.payload).toBe('{"identifiers":[{"type":"dns","value":"a.test"}]}');
  });

  it('shows its key where it has no account, and asks with an empty payload where it only reads', async () => {
    const made = client({ status: 201, headers: { location: `${BASE}/me/2` }, body: {} }, { body: order });
    expect(await made.client.register('a@b.test', signal)).toBe(`${BASE}/me/2`);
    await made.client.order(`${BASE}/order/1`, signal);
    const [first, second] = made.posted.map(jwsOf);
    expect(first?.head).not.toHaveProperty('kid');
    expect(first?.head['jwk']).toMatchObject({ kty: 'EC', crv: 'P-256' });
    expect(JSON.parse(first?.payload ?? '')).toEqual({
      termsOfServiceAgreed: true,
      contact: ['mailto:a@b.test'],
    });
    expect([second?.head['kid'], second?.payload]).toEqual([`${BASE}/me/2`, '']);
  });

  it('gives up after ten nonces, and tells what the authority says, with when to come back', async () => {
    const nonces = client(...Array.from({ length: 20 }, () => problem('badNonce')));
    await expect(nonces.client.order(`${BASE}/o`, signal)).rejects.toThrow('badNonce');
    expect(nonces.posted).toHaveLength(10);
    const limited = client({
      ...problem('rateLimited', { subproblems: [{ detail: 'since\n\u0007yesterday' }] }),
      status: 429,
      headers: { 'retry-after': '120' },
    });
    const error = await limited.client.newOrder('a.test', signal).catch((e: unknown) => e);
    expect(error).toMatchObject({
      message: 'rateLimited: no; since yesterday',
      status: 429,
      retryAfterMs: 120_000,
    });
  });

  it('whatever is answered, there is a result or an AcmeProblem', async () => {
    const any = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .dictionary(fc.constantFrom(...Object.keys(order), 'type', 'error'), fc.jsonValue())
        .map((changes) => JSON.stringify({ ...order, ...changes })),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 200, max: 599 }), any, async (status, body) => {
        const made = client({ status, body });
        const error = await made.client.order(`${BASE}/o`, signal).catch((e: unknown) => e);
        expect(error instanceof AcmeProblem || (error as { value?: unknown }).value !== undefined).toBe(true);
      }),
    );
  });

  it.each([
    ['120', 120_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 1970 00:18:40 GMT', 120_000],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['soon', undefined],
    [undefined, undefined],
  ])('understands Retry-After: %s', (field, ms) => {
    expect(retryAfter(field, 1_000_000)).toBe(ms);
  });
});
