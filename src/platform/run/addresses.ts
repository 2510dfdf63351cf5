import { httpsWanted } from '../../lb/config.ts';
import { reachable } from '../config/defaults.ts';
import type { RimrockConfig, Section } from '../config/schema.ts';

/** Where something of ours listens, and which setting says so. */
export interface ListenAddress {
  readonly section: Section;
  /** What it is, in the table. */
  readonly title: string;
  readonly host: string;
  readonly port: number;
  readonly portKey: string;
  readonly scheme: '' | 'http://' | 'https://';
}

/** What is for the callers of services; everything else is an API of the control plane. */
const DATA_PLANE = new Set(['dns.port', 'lb.http.port', 'lb.https.port']);

/** Every address that the configuration asks for. */
export function listenAddresses(config: RimrockConfig): readonly ListenAddress[] {
  const all = plainAddresses(config);
  if (config.auth.tls !== 'required') return all;
  return all.map((a) => (DATA_PLANE.has(a.portKey) ? a : { ...a, scheme: 'https://' }));
}

function plainAddresses(config: RimrockConfig): readonly ListenAddress[] {
  const { master, agent, marathon, dns, lb, auth } = config;
  return [
    row('master', 'master (Mesos v0 and v1 APIs)', master, 'master.port'),
    row('agent', 'agent', agent, 'agent.port'),
    ...(marathon.enabled ? [row('marathon', 'Marathon API', marathon, 'marathon.port')] : []),
    ...(dns.dnsOn ? [{ ...row('dns', 'DNS, UDP and TCP', dns, 'dns.port'), scheme: '' as const }] : []),
    ...(dns.httpOn
      ? [row('dns', 'Mesos-DNS HTTP API', { host: dns.httpHost, port: dns.httpPort }, 'dns.httpPort')]
      : []),
    ...(dns.dcos.enabled && dns.dcos.http.enabled
      ? [row('dns', 'REST API of DC/OS', dns.dcos.http, 'dns.dcos.http.port')]
      : []),
    row('lb', 'load balancer', lb.http, 'lb.http.port'),
    ...(httpsWanted(lb.https, lb.tls, lb.acme)
      ? [
          {
            ...row('lb', 'load balancer, TLS', lb.https, 'lb.https.port'),
            scheme: 'https://' as const,
          },
        ]
      : []),
    row('lb', "load balancer's admin API", lb.admin, 'lb.admin.port'),
    ...(auth.enabled ? [row('auth', 'identity API', auth, 'auth.port')] : []),
  ];
}

/** The same with the ports that were really taken where 0 was asked for. */
export function realAddresses(
  addresses: readonly ListenAddress[],
  parts: readonly { ports(): Readonly<Record<string, number>> }[],
): readonly ListenAddress[] {
  const ports = new Map(parts.flatMap((part) => Object.entries(part.ports())));
  return addresses.map((a) => ({ ...a, port: ports.get(a.portKey) ?? a.port }));
}

function row(
  section: Section,
  title: string,
  { host, port }: { readonly host: string; readonly port: number },
  portKey: string,
): ListenAddress {
  return { section, title, host, port, portKey, scheme: 'http://' };
}

/** `127.0.0.1:5050`, `http://[::1]:8000`. */
export function addressText({ scheme, host, port }: ListenAddress): string {
  return `${scheme}${reachable(host)}:${port}`;
}
