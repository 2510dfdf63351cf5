import { isTerminal, parseUpid } from '../../mesos/index.ts';
import { readAgent } from './agent.ts';
import { readFramework } from './framework.ts';
import { isIp } from '../../core/ip.ts';
import { asList, asObject, asText, at, member } from './json.ts';
import { changesOfRead, ClusterModel } from './model.ts';
import { readTask } from './task.ts';
import type { MasterEndpoint, ModelTask, Read } from './types.ts';

/** Where living tasks stand; the last one counts should a task be in both. */
const TASK_LISTS = ['unreachable_tasks', 'tasks'] as const;

/** What goes into a state besides the document itself. */
export interface SnapshotContext {
  readonly masters: readonly MasterEndpoint[];
  readonly leader: MasterEndpoint | undefined;
}

/**
 * The state in a `get_state` object of the operator API v1 (mesos-api.md §3.2). Total: any JSON gives a state, and
 * what could not be read is in `rejected`. Recovered agents have no address yet and are left for AGENT_ADDED.
 */
export function stateFromV1(getState: unknown, context: SnapshotContext): ClusterModel {
  const model = new ClusterModel(context.masters);
  model.leader = context.leader;
  for (const [i, json] of asList(at(getState, 'get_agents', 'agents')).entries())
    takeIn(model, 'agent', readAgent(json, `agents[${i}]`));
  for (const [i, json] of asList(at(getState, 'get_frameworks', 'frameworks')).entries())
    takeIn(model, 'framework', readFramework(json, `frameworks[${i}]`));
  for (const list of TASK_LISTS)
    for (const [i, json] of asList(at(getState, 'get_tasks', list)).entries())
      takeInTask(model, readTask(json, `${list}[${i}]`));
  return model;
}

/** The state in a v0 `/master/state` document (mesos-api.md §3.5). Total, as `stateFromV1`. */
export function stateFromV0(state: unknown, masters: readonly MasterEndpoint[]): ClusterModel {
  const model = new ClusterModel(masters);
  model.leader = leaderFromV0(state);
  for (const [i, json] of asList(member(state, 'slaves')).entries())
    takeIn(model, 'agent', readAgent(json, `slaves[${i}]`));
  for (const [i, json] of asList(member(state, 'frameworks')).entries()) {
    const framework = readFramework(json, `frameworks[${i}]`);
    takeIn(model, 'framework', framework);
    const id = framework.value?.id;
    for (const list of TASK_LISTS)
      for (const [j, task] of asList(member(json, list)).entries())
        takeInTask(model, readTask(task, `frameworks[${i}].${list}[${j}]`, id));
  }
  return model;
}

/** Whether a document can be a v0 state at all, rather than any other JSON that a web server may hand out. */
export function looksLikeV0State(json: unknown): boolean {
  if (!asObject(json)) return false;
  const lists = [member(json, 'slaves'), member(json, 'frameworks')].filter(
    (v) => v !== undefined && v !== null,
  );
  return lists.length > 0 && lists.every((v) => Array.isArray(v));
}

/** `leader` of a v0 document as an address; undefined when missing or not an IP literal. */
export function leaderFromV0(state: unknown): MasterEndpoint | undefined {
  return endpointOfPid(member(state, 'leader'));
}

/** `master@ip:port` as an address. */
export function endpointOfPid(pid: unknown): MasterEndpoint | undefined {
  const upid = parseUpid(asText(pid) ?? '');
  return upid && isIp(upid.host) ? { ip: upid.host, port: upid.port } : undefined;
}

function takeIn(model: ClusterModel, kind: 'agent' | 'framework', read: Parameters<typeof changesOfRead>[2]) {
  for (const change of changesOfRead(model, kind, read)) model.apply(change);
}

function takeInTask(model: ClusterModel, read: Read<ModelTask>): void {
  if (read.value && isTerminal(read.value.state)) return;
  for (const change of changesOfRead(model, 'task', read)) model.apply(change);
}
