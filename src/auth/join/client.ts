import { errorText } from '../../core/errors.ts';
import { createHttpClient } from '../../core/http/client.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { isMasterId } from '../../core/http/mutual-tls.ts';
import { pemBlocks, pem } from '../../core/der.ts';
import type { KeptIdentity } from '../identity/keeper.ts';
import { AuthorityPlaces } from '../identity/places.ts';
import { makeKeyRequest } from '../x509/csr.ts';
import { judgeLeaf } from '../x509/judge.ts';
import { makeKeyPair } from '../x509/make.ts';
import type { KeyPair } from '../x509/make.ts';
import { vouch } from './after-end.ts';
import { joinErrors } from './errors.ts';
import { PATHS, issuedSchema } from './messages.ts';
import type { Issued } from './messages.ts';
import { readToken, rootHash } from './token-text.ts';

const ANSWER_MS = 10_000;

export interface JoinParts {
  /** The identity API of the master; of several masters, with commas between. */
  readonly url: string;
  readonly trustDomain: string;
}

/**
 * Buy the first identity with a token. Whom to believe is asked first, of anybody: it is taken only with the root that the token names.
 * Then the token goes to the master of that root alone. Whoever tries again does so with the same `keys`. Rejects with AUTH_JOIN_TOKEN_BAD, AUTH_JOIN_TOKEN_REFUSED,
 * AUTH_JOIN_OTHER_AUTHORITY, AUTH_JOIN_UNREACHABLE.
 */
export async function joinWithToken(
  tokenText: string,
  parts: JoinParts,
  keys = makeKeyPair(),
): Promise<KeptIdentity> {
  const token = readToken(tokenText);
  const places = placesOf(parts);
  const root = await findRoot(places, token.root);
  const client = masterOf(root, parts);
  try {
    const body = { token: tokenText.trim(), csr: makeKeyRequest(keys) };
    return keptOf(await post(client, places, PATHS.join, body), keys);
  } finally {
    await client.close();
  }
}

/**
 * Renew an identity that has ended, by its key: `keys` are for the next one. Rejects with AUTH_JOIN_NOT_RENEWED, AUTH_JOIN_UNREACHABLE.
 */
export async function renewEnded(
  { svid, bundle }: KeptIdentity,
  parts: JoinParts,
  keys: KeyPair,
): Promise<KeptIdentity> {
  const places = placesOf(parts);
  const there = new Set((await rootsAt(places)).map(rootHash));
  const root = bundle.roots.filter((known) => there.has(rootHash(known))).join('');
  const { id, privateKey } = svid;
  if (root === '')
    throw joinErrors.AUTH_JOIN_NOT_RENEWED({ id, reason: 'the authority has other roots now' });
  const client = masterOf(root, parts);
  try {
    const csr = makeKeyRequest(keys);
    return keptOf(
      await post(client, places, PATHS.renewEnded, { id, csr, ...vouch(privateKey, id, csr) }),
      keys,
    );
  } finally {
    await client.close();
  }
}

const placesOf = ({ url }: JoinParts): AuthorityPlaces => new AuthorityPlaces(url).secure;

/** Only to the master of that root, without a certificate of ours. */
function masterOf(root: string, parts: JoinParts): HttpClient {
  return createHttpClient({
    connections: 1,
    tls: {
      ca: root,
      checkServer: (leaf) => {
        const verdict = judgeLeaf(leaf.raw, parts.trustDomain, 'server');
        if (!verdict.ok) return new Error(`its certificate is not good: ${verdict.code}: ${verdict.detail}`);
        return isMasterId(verdict.id, parts.trustDomain) ? undefined : new Error(`it is ${verdict.id}`);
      },
    },
  });
}

/** The identity with the key that was made for it. */
export function keptOf({ news, root, ...issued }: Issued, { privateKey }: KeyPair): KeptIdentity {
  return { svid: { ...issued, privateKey }, bundle: news.bundle, root };
}

/** Rejects with what the authority says. */
export async function post(
  client: HttpClient,
  places: AuthorityPlaces,
  path: string,
  body: object,
): Promise<Issued> {
  const url = places.text;
  const response = await places
    .ask(client, path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      timeoutMs: ANSWER_MS,
    })
    .catch((error: unknown) => {
      throw joinErrors.AUTH_JOIN_UNREACHABLE({ url, reason: errorText(error) }, error);
    });
  const text = await response.text();
  if (response.status === 200) return issuedSchema.parse(JSON.parse(text));
  if (text.includes('AUTH_JOIN_TOKEN_REFUSED')) throw joinErrors.AUTH_JOIN_TOKEN_REFUSED();
  if (text.includes('AUTH_JOIN_NOT_RENEWED'))
    throw joinErrors.AUTH_JOIN_NOT_RENEWED({
      id: 'of this process',
      reason: `the authority says ${response.status}`,
    });
  throw joinErrors.AUTH_JOIN_UNREACHABLE({ url, reason: `${response.status} ${text.slice(0, 300)}` });
}

/** The connection is to anybody, and nothing secret goes over it: the hash says whether the answer is good. */
async function findRoot(places: AuthorityPlaces, wanted: string): Promise<string> {
  const root = (await rootsAt(places)).find((certificate) => rootHash(certificate) === wanted);
  if (root === undefined) throw joinErrors.AUTH_JOIN_OTHER_AUTHORITY({ url: places.text });
  return root;
}

async function rootsAt(places: AuthorityPlaces): Promise<readonly string[]> {
  const url = places.text;
  const client = createHttpClient({ connections: 1, tls: { verify: false } });
  let text: string;
  try {
    const response = await places.ask(client, PATHS.bundle, { method: 'GET', timeoutMs: ANSWER_MS });
    text = await response.text();
    if (response.status === 503 || response.status === 307)
      throw new Error(`no master leads: ${response.status}`);
  } catch (error) {
    throw joinErrors.AUTH_JOIN_UNREACHABLE({ url, reason: errorText(error) }, error);
  } finally {
    await client.close();
  }
  return pemBlocks(text, 'CERTIFICATE').map((bytes) => pem('CERTIFICATE', bytes));
}
