import type { AcmeConfig } from '../acme/config.ts';
import type { Problem, Route } from '../router/index.ts';
import { httpsWanted } from './config.ts';
import type { HttpsConfig, TlsConfig } from './config.ts';
import { IDENTITY } from './trusted.ts';

/** What of TLS there is here for rules to ask for. */
export interface TlsOffer {
  readonly config: { readonly https: HttpsConfig; readonly tls: TlsConfig; readonly acme: AcmeConfig };
  /** Those that clients can be shown. */
  readonly certificates: readonly { readonly name: string }[];
  /** Who we are, and so whose identities are believed. */
  readonly identity?: unknown;
}

/** Rules that ask for TLS which cannot be had here. Their clients are refused in the handshake, where nobody can tell them why. */
export function unmetTls(routes: Iterable<Route>, offer: TlsOffer): Problem[] {
  const names = new Set(offer.certificates.map(({ name }) => name));
  const problems = new Map<string, Problem>();
  for (const route of routes) {
    const found = unmet(route, offer, names);
    if (found === undefined) continue;
    const [option, reason] = found;
    const { serviceKey, source } = route;
    const label = source.find((name) => option.test(name)) ?? source[0] ?? '';
    problems.set(`${serviceKey} ${label} ${reason}`, { serviceKey, label, reason });
  }
  return [...problems.values()];
}

/** Which option of the rule, and what about it. */
function unmet(
  { tls, listeners }: Route,
  { config, identity }: TlsOffer,
  names: ReadonlySet<string>,
): readonly [option: RegExp, reason: string] | undefined {
  if (listeners.join() === 'https' && !httpsWanted(config.https, config.tls, config.acme))
    return [/\.listeners$/, 'nobody can come: https is not listened at here (lb.https, lb.tls)'];
  if (tls?.mode !== 'terminate') return undefined;
  const { certificate, clientAuth, clientTrust = IDENTITY } = tls;
  if (certificate !== undefined && !names.has(certificate))
    return [
      /\.certificate$|_SSL_CERT$/,
      `there is no certificate '${certificate}' here, so who comes by TLS is refused, or shown another one: GET /certificates has the names of those there are`,
    ];
  if (clientAuth === undefined) return undefined;
  const trusted = clientTrust === IDENTITY ? identity !== undefined : clientTrust in config.tls.authorities;
  if (trusted) return undefined;
  const what = clientAuth === 'require' ? 'who comes by TLS is refused' : 'nobody is asked for a certificate';
  return [
    /\.clientCa$|\.clientAuth$/,
    `there is no authority '${clientTrust}' here, so ${what}: ${clientTrust === IDENTITY ? 'clients need clientCa with one of' : 'write identity, or one of'} lb.tls.authorities`,
  ];
}
