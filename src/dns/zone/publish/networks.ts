import type { CatalogTask } from '../../../cluster/index.ts';
import { domainFragment, label } from '../labels.ts';
import { addresses, taskLabel } from '../records.ts';
import type { NamingSettings, TaskRecord } from '../records.ts';

/**
 * `<task>.<framework>.<network>.net.<domain>`: the addresses of a task on one named network, whichever of its addresses its other names have.
 * A name that has nothing left as a label is left out.
 */
export function networkRecords(task: CatalogTask, settings: NamingSettings): TaskRecord[] {
  const { rule, domain } = settings;
  const records: TaskRecord[] = [];
  for (const network of task.networks) {
    const parts = [
      taskLabel(task, rule),
      domainFragment(task.frameworkName, rule),
      label(network.name, rule),
    ];
    if (parts.includes('')) continue;
    for (const r of addresses(`${parts.join('.')}.net.${domain}.`, network.ips))
      records.push({ ...r, shared: true });
  }
  return records;
}
