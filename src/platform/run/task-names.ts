import type { TaskFacts } from '../../core/identity.ts';
import type { RimrockConfig } from '../config/schema.ts';

/**
 * The names under which DNS answers for a task, as far as they are host names: what its certificate says beside its id. They are all
 * below a domain of its framework's name.
 */
export async function taskNaming({ dns }: RimrockConfig): Promise<(task: TaskFacts) => Iterable<string>> {
  const { RFC1123, RFC952, domainFragment, label } = await import('../../dns/zone/index.ts');
  const { VIPS_DOMAIN, dcosLabel, parseVip } = await import('../../cluster/vips/index.ts');
  const rule = dns.enforceRfc952 ? RFC952 : RFC1123;
  return function* (task) {
    const { frameworkName, discoveryName = '', portLabels = [] } = task;
    const name = discoveryName === '' ? task.taskName : discoveryName;
    const framework = domainFragment(frameworkName, rule);
    yield `${label(name, rule)}.${framework}.${dns.domain}`;
    if (dns.legacyNames && discoveryName !== '') yield `${discoveryName}.${framework}.${dns.domain}`;
    if (!dns.dcos.enabled) return;
    for (const labels of portLabels)
      for (const [key, value] of labels) {
        const vip = /^vip/i.test(key) ? parseVip(value, frameworkName) : undefined;
        if (vip?.ok && vip.target.kind === 'named') yield `${vip.target.fragment}.${VIPS_DOMAIN}`;
      }
    const plain = `${dcosLabel(name)}.${dcosLabel(frameworkName)}`;
    for (const view of ['autoip', 'agentip', 'containerip']) yield `${plain}.${view}.dcos.thisdcos.directory`;
  };
}
