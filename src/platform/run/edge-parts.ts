import type { Catalog } from '../../cluster/index.ts';
import type { Vips } from '../../cluster/vips/index.ts';
import type { IdentitySource } from '../../core/identity.ts';
import { NO_PREDECESSOR } from '../../core/predecessor.ts';
import type { RimrockConfig } from '../config/schema.ts';
import { ReloadCounts } from './reload.ts';
import { newTold } from './part.ts';
import type { Add, Surroundings, Told } from './part.ts';
import type { Identity } from './identity-facts.ts';

/** The watch has no port of its own: its metrics and health are on the admin port of the load balancer. */
export async function addEdge(
  config: RimrockConfig,
  {
    clock,
    log,
    told,
    policy,
    identity,
    predecessor = NO_PREDECESSOR,
    reloads = new ReloadCounts(),
  }: Surroundings &
    Pick<Identity, 'policy'> & { readonly told: Told; readonly identity: IdentitySource | undefined },
  add: Add,
): Promise<{ readonly catalog: Catalog; readonly vips: Vips | undefined }> {
  const { createPortableReactor } = await import('../../net/index.ts');
  const { createCluster } = await import('../../cluster/index.ts');
  const { Vips: VipsModel } = await import('../../cluster/vips/index.ts');
  const { createDns, vipSettings } = await import('../../dns/index.ts');
  const { createLoadBalancer } = await import('../../lb/index.ts');
  const reactor = createPortableReactor({
    clock,
    log: log.child({ part: 'net' }),
    inherited: predecessor.sockets,
  });
  const { catalog } = add('cluster', 'cluster', (s) => createCluster({ ...s, config: config.cluster }), {
    told,
  });
  // One for all: which of two names has an address is history, and names and traffic must agree.
  const settings = vipSettings(config.dns.dcos);
  const vips = new VipsModel(settings);
  const source = { model: vips, ranges: settings.ipv6 ? [settings.ipv4, settings.ipv6] : [settings.ipv4] };
  // Changes wait there until somebody takes them in: where nobody does, they would for ever.
  const worked = config.dns.dcos.enabled || config.lb.vips.mode !== 'off';
  if (worked) vips.follow(catalog);
  const dnsTold = newTold();
  reloads.expose(dnsTold.metrics);
  add('dns', 'dns', (s) => createDns({ ...s, config: config.dns, catalog, vips, reactor, policy }), {
    told: dnsTold,
    ports: ({ addresses: { udp, http, dcosHttp } }) => ({
      'dns.port': udp.port,
      'dns.httpPort': http?.port ?? 0,
      'dns.dcos.http.port': dcosHttp?.port ?? 0,
    }),
  });
  add(
    'lb',
    'lb',
    (s) =>
      createLoadBalancer({
        ...s,
        config: config.lb,
        catalog,
        reactor,
        vips: source,
        ...(policy && { policy }),
        ...(identity && { identity }),
      }),
    {
      told,
      ports: ({ addresses: { http, https, admin } }) => ({
        'lb.http.port': http.port,
        'lb.https.port': https?.port ?? 0,
        'lb.admin.port': admin.port,
      }),
    },
  );
  return { catalog, vips: worked ? vips : undefined };
}
