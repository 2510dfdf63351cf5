import type { ClientFacts } from '../forward/index.ts';
import type { Refusal } from '../middleware/index.ts';
import type { Route, RouteTls, TlsTerms } from '../router/index.ts';

/** What counts in a handshake, where there is a name and no request yet. */
export interface HandshakeTerms extends TlsTerms {
  /** Name of the certificate to show; absent: the one for the name. */
  readonly certificate?: string;
}

/**
 * What all rules of a host have in common: it must hold before anybody knows which of them a request comes to. A certificate
 * is asked for as soon as one wants it. What a rule wants beyond that its requests are asked for (`tlsRefusal`).
 */
export function handshakeTerms(routes: readonly Pick<Route, 'tls'>[]): HandshakeTerms {
  const wanting = routes.filter(({ tls }) => tls?.clientAuth !== undefined);
  const all = wanting.length === routes.length && wanting.every(({ tls }) => tls?.clientAuth === 'require');
  const [first] = wanting;
  const certificate = routes.find(({ tls }) => tls?.certificate !== undefined)?.tls?.certificate;
  const newest = routes.length > 0 && routes.every(({ tls }) => tls?.minVersion === 'TLSv1.3');
  return {
    ...(certificate === undefined ? {} : { certificate }),
    ...(newest ? { minVersion: 'TLSv1.3' } : {}),
    ...(first === undefined
      ? {}
      : { clientAuth: all ? 'require' : 'request', clientTrust: first.tls?.clientTrust ?? 'identity' }),
  };
}

/**
 * Why a request may not come to its route over the connection it came by. One that was made for another host might do better on a
 * connection of its own, and is told so (RFC 9110 §15.5.20).
 */
export function tlsRefusal(
  { minVersion, clientAuth, clientTrust }: RouteTls,
  host: string,
  { tls }: Pick<ClientFacts, 'tls'>,
): Refusal | undefined {
  if (tls === undefined)
    return clientAuth === 'require' ? { reason: 'client-certificate-required' } : undefined;
  const elsewhere = tls.serverName !== host;
  if (minVersion === 'TLSv1.3' && tls.version !== minVersion)
    return { reason: elsewhere ? 'misdirected' : 'tls-version-refused' };
  if (clientAuth === undefined) return undefined;
  const asked = tls.trust === clientTrust;
  if (asked && (tls.shown || clientAuth === 'request')) return undefined;
  if (elsewhere && !asked) return { reason: 'misdirected' };
  return clientAuth === 'require' ? { reason: 'client-certificate-required' } : undefined;
}
