import type { CatalogTask } from '../../cluster/index.ts';
import { publishedIps } from '../zone/records.ts';
import type { IpSource } from '../zone/records.ts';
import { serviceKeyOf } from '../zone/publish/service-key.ts';
import type { ExplainedTask, LeftOutTask } from './explanation.ts';
import { keyOf } from './origins.ts';
import type { RelatedTask } from './tasks.ts';

/** What the answer is, as far as it says why a task is not in it. */
export interface AnswerFacts {
  /** Lower-case name that was looked up, and type as text. */
  readonly name: string;
  readonly type: string;
  /** The records in the answer, by `keyOf`. */
  readonly answered: ReadonlySet<string>;
  readonly limit: { readonly answers: number; readonly of: number } | undefined;
  readonly truncated: boolean;
  /** Why a record is not in the table, by `keyOf`. */
  readonly unservable: ReadonlyMap<string, string>;
  readonly ipSources: readonly IpSource[];
}

export function explainedTask(task: CatalogTask): ExplainedTask {
  return {
    id: task.id,
    service: serviceKeyOf(task),
    framework: task.frameworkName,
    agent: task.agentId,
    hostname: task.agentHostname,
    state: task.state,
    healthy: task.healthy ?? null,
  };
}

type Why = Pick<LeftOutTask, 'why' | 'detail'>;

/** Why a task that could answer does not; undefined when it does. */
export function whyLeftOut(related: RelatedTask, facts: AnswerFacts): Why | undefined {
  const { task } = related;
  const published = related.published.filter((r) => r.name === facts.name);
  if (task.state !== 'TASK_RUNNING' && task.state !== 'TASK_KILLING')
    return { why: 'not-running', detail: `it is ${task.state}` };
  if (task.agentIps.length === 0)
    return { why: 'agent-unknown', detail: `no address of its agent ${task.agentId} is known` };
  if (published.length === 0) return whyNot(task, facts);
  const ofType = published.filter((r) => r.type === facts.type);
  const aliased = published.some((r) => r.type === 'CNAME');
  if (ofType.length === 0)
    return aliased ? undefined : { why: 'no-record-of-type', detail: `it has only ${typesOf(published)}` };
  const missing = ofType.filter((r) => !facts.answered.has(keyOf(r)));
  return missing.length < ofType.length ? undefined : whyMissing(missing.map(keyOf), facts);
}

function whyNot(task: CatalogTask, { ipSources }: AnswerFacts): Why {
  const { source } = publishedIps(task, ipSources);
  if (source === undefined) return { why: 'no-address', detail: addressDetail(task, ipSources) };
  if (task.state === 'TASK_KILLING')
    return {
      why: 'being-killed',
      detail: 'it is being killed, and others are in service or health is not looked at',
    };
  if (task.healthy === false)
    return { why: 'unhealthy', detail: 'its check fails, and others that have the name are well' };
  return { why: 'not-yet', detail: 'the names are a step behind the cluster; ask again' };
}

function whyMissing(keys: readonly string[], facts: AnswerFacts): Why {
  const reason = keys.map((key) => facts.unservable.get(key)).find((r) => r !== undefined);
  if (reason !== undefined)
    return { why: reason.includes('maxTableMiB') ? 'table-full' : 'cannot-be-said', detail: reason };
  if (facts.limit) {
    const { answers, of } = facts.limit;
    return {
      why: 'answer-limit',
      detail: `an answer has ${answers} of ${of} records, by chance (dns.answers)`,
    };
  }
  if (facts.truncated) return { why: 'did-not-fit', detail: 'the answer is as large as a message can be' };
  return { why: 'not-yet', detail: 'the names are a step behind the cluster; ask again' };
}

function typesOf(records: readonly { readonly type: string }[]): string {
  return [...new Set(records.map((r) => r.type))].toSorted((a, b) => (a < b ? -1 : 1)).join(', ');
}

const SOURCES: readonly IpSource[] = ['host', 'docker', 'mesos', 'netinfo'];

/** Which sources were asked and gave nothing, and what others would have. */
function addressDetail(task: CatalogTask, sources: readonly IpSource[]): string {
  const others = SOURCES.filter((s) => !sources.includes(s)).flatMap((source) => {
    const { ips } = publishedIps(task, [source]);
    return ips.length > 0 ? [`${source} has ${ips.join(' ')}`] : [];
  });
  const rest = others.length === 0 ? '' : `; not in dns.ipSources: ${others.join(', ')}`;
  return `no address from ${sources.join(', ')}${rest}`;
}
