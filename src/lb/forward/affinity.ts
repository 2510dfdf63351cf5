import { hashText } from '../balancer/index.ts';
import type { BackendPolicy, HashSource, StickyPolicy } from '../balancer/index.ts';
import type { Fields, RequestParser } from '../http1/index.ts';
import type { Admitted } from './admit.ts';
import type { Attempts } from './attempts.ts';
import type { ClientFacts } from './heads.ts';

type AffinityFacts = Pick<Admitted, 'path'> & Partial<Pick<Admitted, 'client'>>;

/** Read from a request what ties it to an instance: the key for a ring hash, and the cookie that an earlier answer set. */
export function readAffinity(
  policy: BackendPolicy,
  head: RequestParser,
  request: AffinityFacts,
  client: ClientFacts,
  into: Attempts,
): void {
  const { sticky } = policy;
  if (sticky !== undefined) into.stickyKey = cookie(head.fields, sticky.cookie);
  if (policy.balance !== 'ringhash') return;
  const text = hashed(policy.hash ?? { of: 'client' }, head.fields, request, client);
  if (text !== undefined) into.hashKey = hashText(text);
}

function hashed(
  source: HashSource,
  fields: Fields,
  request: AffinityFacts,
  client: ClientFacts,
): string | undefined {
  switch (source.of) {
    case 'client':
      return request.client ?? client.ip;
    case 'path':
      return request.path;
    case 'header':
      return field(fields, source.name.toLowerCase());
    case 'cookie':
      return cookie(fields, source.name);
  }
}

/** The first field of this name (lower case). */
function field(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.count; i++) if (isNamed(fields, i, name)) return fields.value(i);
  return undefined;
}

function isNamed(fields: Fields, i: number, name: string): boolean {
  return (fields.nameEnd[i] ?? 0) - (fields.nameStart[i] ?? 0) === name.length && fields.name(i) === name;
}

/** The first cookie of this name (RFC 6265 §5.4); HTTP/2 clients may send several Cookie fields. */
function cookie(fields: Fields, name: string): string | undefined {
  for (let i = 0; i < fields.count; i++) {
    if (!isNamed(fields, i, 'cookie')) continue;
    for (const pair of fields.value(i).split(';')) {
      const at = pair.indexOf('=');
      if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim();
    }
  }
  return undefined;
}

/**
 * The fields by which an answer ties its client to an instance; none where it brought the right key. Caches must not give
 * one client's tie to others, which is what HAProxy's `nocache` is for.
 */
export function stickyFields(
  policy: StickyPolicy,
  key: string | undefined,
  brought: string | undefined,
): string {
  if (key === undefined || key === '' || key === brought) return '';
  const age = policy.maxAgeSeconds === undefined ? '' : `; Max-Age=${policy.maxAgeSeconds}`;
  return `Set-Cookie: ${policy.cookie}=${key}; Path=/${age}; HttpOnly\r\nCache-Control: private\r\n`;
}
