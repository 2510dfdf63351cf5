/** Why a text is not the id of a workload (SPIFFE ID §2). */
export type SpiffeIdFault =
  | 'not-a-spiffe-id'
  | 'spiffe-id-too-long'
  | 'spiffe-id-query'
  | 'spiffe-id-fragment'
  | 'spiffe-id-userinfo'
  | 'spiffe-id-port'
  | 'spiffe-id-no-trust-domain'
  | 'spiffe-id-trust-domain-characters'
  | 'spiffe-id-no-path'
  | 'spiffe-id-trailing-slash'
  | 'spiffe-id-empty-segment'
  | 'spiffe-id-dot-segment'
  | 'spiffe-id-percent'
  | 'spiffe-id-path-characters';

export type SpiffeIdReading =
  | { readonly ok: true; readonly trustDomain: string; readonly path: string }
  | { readonly ok: false; readonly fault: SpiffeIdFault };

const LONGEST = 2048;
const SCHEME = 'spiffe://';
const TRUST_DOMAIN = /^[a-z0-9._-]{1,255}$/;
const PATH = /^[A-Za-z0-9._/-]+$/;

/** Read the id of a workload: one with a path. There is one way to write an id, so ids are compared as text. */
export function readSpiffeId(text: string): SpiffeIdReading {
  const fault = faultOf(text);
  if (fault !== undefined) return { ok: false, fault };
  const slash = text.indexOf('/', SCHEME.length);
  return { ok: true, trustDomain: text.slice(SCHEME.length, slash), path: text.slice(slash) };
}

function faultOf(text: string): SpiffeIdFault | undefined {
  if (!text.startsWith(SCHEME)) return 'not-a-spiffe-id';
  if (Buffer.byteLength(text) > LONGEST) return 'spiffe-id-too-long';
  if (text.includes('#')) return 'spiffe-id-fragment';
  if (text.includes('?')) return 'spiffe-id-query';
  const rest = text.slice(SCHEME.length);
  const slash = rest.indexOf('/');
  return (
    authorityFault(slash < 0 ? rest : rest.slice(0, slash)) ?? pathFault(slash < 0 ? '' : rest.slice(slash))
  );
}

function authorityFault(authority: string): SpiffeIdFault | undefined {
  if (authority.includes('@')) return 'spiffe-id-userinfo';
  if (authority.includes(':')) return 'spiffe-id-port';
  if (authority === '') return 'spiffe-id-no-trust-domain';
  return TRUST_DOMAIN.test(authority) ? undefined : 'spiffe-id-trust-domain-characters';
}

function pathFault(path: string): SpiffeIdFault | undefined {
  if (path === '' || path === '/') return 'spiffe-id-no-path';
  if (path.endsWith('/')) return 'spiffe-id-trailing-slash';
  const segments = path.slice(1).split('/');
  if (segments.includes('')) return 'spiffe-id-empty-segment';
  if (segments.some((s) => s === '.' || s === '..')) return 'spiffe-id-dot-segment';
  if (path.includes('%')) return 'spiffe-id-percent';
  return PATH.test(path) ? undefined : 'spiffe-id-path-characters';
}
