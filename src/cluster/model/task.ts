import { asTaskState } from '../../mesos/index.ts';
import { asId, asList, asNumber, asObject, asText, at, member } from './json.ts';
import { NO_LABELS, readLabels } from './labels.ts';
import { readPorts } from './ports.ts';
import { NOTHING, sharedList, sharedText } from './share.ts';
import { readHistory } from './status.ts';
import { makeTask } from './task-value.ts';
import type { ModelDiscovery, ModelPort, ModelTask, Read } from './types.ts';
import { taskKey } from './types.ts';

/**
 * A task of the operator API (v1) or of a v0 document; they differ in the names of the ids and the shape of resources.
 * `frameworkId` is that of the framework it stands under (v0), used when the task does not name one itself.
 */
export function readTask(json: unknown, where: string, frameworkId?: string): Read<ModelTask> {
  const problems: string[] = [];
  const id = asId(member(json, 'task_id')) ?? asId(member(json, 'id'));
  const framework = asId(member(json, 'framework_id')) ?? frameworkId;
  if (id === undefined || framework === undefined) {
    const missing = id === undefined ? 'task id' : 'framework id';
    return { id: where, value: undefined, problems: [`no ${missing}`] };
  }
  const fail = (reason: string): Read<ModelTask> => ({
    id: taskKey(framework, id),
    value: undefined,
    problems: [reason],
  });
  const agentId = asId(member(json, 'agent_id')) ?? asId(member(json, 'slave_id'));
  if (agentId === undefined) return fail('no agent id');
  const state = asTaskState(member(json, 'state'));
  if (state === undefined) return fail('state is not a task state');
  const name = asText(member(json, 'name'));
  if (name === undefined) return fail('no name');
  const { running, startedAtMs } = readHistory(member(json, 'statuses'));
  const value = makeTask({
    id,
    name,
    frameworkId: framework,
    agentId,
    state,
    ports: readPorts(member(json, 'resources'), problems),
    discovery: readDiscovery(member(json, 'discovery'), name, problems),
    labels: readLabels(member(json, 'labels'), problems),
    startedAtMs,
    hasHealthCheck: asObject(member(json, 'health_check')) !== undefined,
    running,
  });
  return { id: value.key, value, problems };
}

function readDiscovery(json: unknown, taskName: string, problems: string[]): ModelDiscovery | undefined {
  if (json === undefined || json === null) return undefined;
  if (!asObject(json)) {
    problems.push('discovery is not an object');
    return undefined;
  }
  const name = asText(member(json, 'name')) ?? '';
  const ports = asList(at(json, 'ports', 'ports')).map((p, i) => readPort(p, i, problems));
  return {
    name: name === taskName ? taskName : name,
    visibility: sharedText(asText(member(json, 'visibility')) ?? ''),
    ports: sharedPorts(ports),
  };
}

function sharedPorts(ports: readonly ModelPort[]): readonly ModelPort[] {
  const [only] = ports;
  if (only === undefined) return NOTHING;
  if (ports.length > 1 || only.labels !== NO_LABELS) return ports;
  return sharedList(`${only.number} ${only.protocol.length} ${only.protocol} ${only.name}`, ports);
}

function readPort(json: unknown, index: number, problems: string[]): ModelPort {
  const number = asNumber(member(json, 'number'));
  if (number === undefined || !Number.isInteger(number))
    problems.push(`discovery.ports[${index}] has no number`);
  return {
    number: number !== undefined && Number.isInteger(number) ? number : 0,
    name: sharedText(asText(member(json, 'name')) ?? ''),
    protocol: sharedText(asText(member(json, 'protocol')) ?? ''),
    labels: readLabels(member(json, 'labels'), problems),
  };
}
