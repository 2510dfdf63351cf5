import type { CatalogAgent, CatalogDiff, CatalogVersion } from '../../../cluster/index.ts';
import { agentSuffix, label } from '../labels.ts';
import type { Change, Publisher } from '../publisher.ts';
import { addresses } from '../records.ts';
import type { NamingSettings, RecordType, ZoneRecord } from '../records.ts';
import { follow } from './follow.ts';
import { agentPointers } from './reverse.ts';

export interface AgentNamesSettings extends NamingSettings {
  /** Whether the addresses lead back to the names. */
  readonly ptr: boolean;
}

/**
 * `s12.agent.mesos`, by the end of the agent's id, and `node-1-example-com.agent.mesos`, by its host name as one label: its addresses.
 * Agents whose names become the same share them.
 */
export class AgentNames implements Publisher {
  readonly name = 'agents';
  readonly #settings: AgentNamesSettings;

  constructor(settings: AgentNamesSettings) {
    this.#settings = settings;
  }

  step(_next: CatalogVersion, diff: CatalogDiff): Iterable<Change> {
    return follow(diff.agents, (agent) => this.recordsOf(agent));
  }

  recordsOf(agent: CatalogAgent): ZoneRecord<RecordType>[] {
    const { rule, domain, ptr } = this.#settings;
    const labels = new Set([label(agentSuffix(agent.id), rule), label(agent.hostname, rule)]);
    labels.delete('');
    const records: ZoneRecord<RecordType>[] = [...labels].flatMap((name) =>
      addresses(`${name}.agent.${domain}.`, agent.ips),
    );
    if (ptr) records.push(...agentPointers(agent, this.#settings));
    return records;
  }
}
