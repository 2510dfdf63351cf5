import { isTaskState } from '../../mesos/index.ts';
import { asId, asList, asNumber, asObject, asText, at, member } from './json.ts';
import { readLabels } from './labels.ts';
import { readPorts } from './ports.ts';
import { readHistory } from './status.ts';
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
  const key = taskKey(framework, id);
  const fail = (reason: string): Read<ModelTask> => ({ id: key, value: undefined, problems: [reason] });
  const agentId = asId(member(json, 'agent_id')) ?? asId(member(json, 'slave_id'));
  if (agentId === undefined) return fail('no agent id');
  const state = member(json, 'state');
  if (!isTaskState(state)) return fail('state is not a task state');
  const name = asText(member(json, 'name'));
  if (name === undefined) return fail('no name');
  const value: ModelTask = {
    key,
    id,
    name,
    frameworkId: framework,
    agentId,
    state,
    ports: readPorts(member(json, 'resources'), problems),
    discovery: readDiscovery(member(json, 'discovery'), problems),
    labels: readLabels(member(json, 'labels'), problems),
    ...readHistory(member(json, 'statuses')),
  };
  return { id: key, value, problems };
}

function readDiscovery(json: unknown, problems: string[]): ModelDiscovery | undefined {
  if (json === undefined || json === null) return undefined;
  if (!asObject(json)) {
    problems.push('discovery is not an object');
    return undefined;
  }
  const ports = asList(at(json, 'ports', 'ports')).map((p, i) => readPort(p, i, problems));
  return {
    name: asText(member(json, 'name')) ?? '',
    visibility: asText(member(json, 'visibility')) ?? '',
    ports,
  };
}

function readPort(json: unknown, index: number, problems: string[]): ModelPort {
  const number = asNumber(member(json, 'number'));
  if (number === undefined || !Number.isInteger(number))
    problems.push(`discovery.ports[${index}] has no number`);
  return {
    number: number !== undefined && Number.isInteger(number) ? number : 0,
    name: asText(member(json, 'name')) ?? '',
    protocol: asText(member(json, 'protocol')) ?? '',
    labels: readLabels(member(json, 'labels'), problems),
  };
}
