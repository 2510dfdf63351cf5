import type { CatalogTask } from '../../../cluster/index.ts';
import { domainFragment, label } from '../labels.ts';
import { addAddresses, taskLabel } from '../records.ts';
import type { NamingSettings, TaskRecord } from '../records.ts';

/**
 * `<task>.<framework>.<network>.net.<domain>`: the addresses of a task on one named network, whichever of its addresses its other names have.
 * A name that has nothing left as a label is left out.
 */
export function networkRecords(task: CatalogTask, settings: NamingSettings): TaskRecord[] {
  const { rule, domain } = settings;
  const records: TaskRecord[] = [];
  for (const network of task.networks) {
    const own = taskLabel(task, rule);
    const framework = domainFragment(task.frameworkName, rule);
    const net = label(network.name, rule);
    if (own === '' || framework === '' || net === '') continue;
    addAddresses(records, `${own}.${framework}.${net}.net.${domain}.`, network.ips, true);
  }
  return records;
}
