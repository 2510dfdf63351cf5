/** Which metrics of ours stand for a registry of dcos-net; an empty prefix for all. */
const REGISTRIES = new Map([
  ['default', ''],
  ['dns', 'rimrock_dns_'],
  ['l4lb', 'rimrock_vip_'],
  ['mesos_listener', 'rimrock_cluster_'],
  ['overlay', undefined],
  ['lashup', undefined],
]);

/** The part of a Prometheus exposition that belongs to a registry; undefined for one that dcos-net does not have. */
export function metricsOf(exposition: string, registry: string): string | undefined {
  if (!REGISTRIES.has(registry)) return undefined;
  const prefix = REGISTRIES.get(registry);
  if (prefix === undefined) return '';
  if (prefix === '') return exposition;
  const mine = exposition
    .split('\n')
    .filter((line) => line.replace(/^# (HELP|TYPE) /, '').startsWith(prefix));
  return mine.map((line) => `${line}\n`).join('');
}
