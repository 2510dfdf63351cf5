import type { ClientFacts } from '../forward/index.ts';
import type { Refusal } from '../middleware/index.ts';
import type { Route, RouteTls, TlsTerms } from '../router/index.ts';

/** What counts in a handshake, where there is a name and no request yet. */
export interface HandshakeTerms extends TlsTerms {
  /** Names of certificates, the first of which that is there is shown; absent: the one for the name. */
  readonly certificates?: readonly string[];
  /** No other one will do: every rule names one of these. */
  readonly onlyThese?: boolean;
}

/**
 * What all rules of a host have in common: it must hold before anybody knows which of them a request comes to. A certificate
 * is asked for as soon as one wants it. What a rule wants beyond that its requests are asked for (`tlsRefusal`).
 */
export function handshakeTerms(routes: readonly Pick<Route, 'tls'>[]): HandshakeTerms {
  const wanting = routes.filter(({ tls }) => tls?.clientAuth !== undefined);
  const all = wanting.length === routes.length && wanting.every(({ tls }) => tls?.clientAuth === 'require');
  const [first] = wanting;
  const certificates = routes.flatMap(({ tls }) => tls?.certificate ?? []);
  // One rule that names what is not there must not take TLS away from the others of its host.
  const onlyThese = certificates.length === routes.length;
  const newest = routes.length > 0 && routes.every(({ tls }) => tls?.minVersion === 'TLSv1.3');
  return {
    ...(certificates.length === 0 ? {} : { certificates, onlyThese }),
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
