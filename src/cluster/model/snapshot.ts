import { runAtOnce } from '../../core/slices.ts';
import type { Work } from '../../core/slices.ts';
import { isTerminal, parseUpid } from '../../mesos/index.ts';
import { readAgent } from './agent.ts';
import { readFramework } from './framework.ts';
import { isIp } from '../../core/ip.ts';
import { asList, asObject, asText, at, member } from './json.ts';
import { changesOfRead, ClusterModel } from './model.ts';
import { readTask } from './task.ts';
import type { MasterEndpoint, ModelAgent, ModelFramework, ModelTask, Read } from './types.ts';

/** Where living tasks stand; the last one counts should a task be in both. */
const TASK_LISTS = ['unreachable_tasks', 'tasks'] as const;

/** What goes into a state besides the document itself. */
export interface SnapshotContext {
  readonly masters: readonly MasterEndpoint[];
  readonly leader: MasterEndpoint | undefined;
}

/**
 * The entities in the lists of a document, in order: `where` names those without an id. A list is whatever stands in its
 * place; see `asList`.
 */
export interface Entities {
  agents(list: unknown, where: string): Iterable<Read<ModelAgent>>;
  frameworks(list: unknown, where: string): Iterable<Read<ModelFramework>>;
  /** `frameworkId`: that of tasks which do not name one. */
  tasks(list: unknown, where: string, frameworkId?: string): Iterable<Read<ModelTask>>;
}

/** A document that was parsed as a whole. */
const PARSED: Entities = {
  agents: (list, where) => asList(list).map((json, i) => readAgent(json, `${where}[${i}]`)),
  frameworks: (list, where) => asList(list).map((json, i) => readFramework(json, `${where}[${i}]`)),
  tasks: (list, where, frameworkId) =>
    asList(list).map((json, i) => readTask(json, `${where}[${i}]`, frameworkId)),
};

/** As many entities are taken in between two points where the work may rest. */
const PER_STEP = 256;

/**
 * The state in a `get_state` object of the operator API v1 (mesos-api.md §3.2). Total: any JSON gives a state, and
 * what could not be read is in `rejected`. Recovered agents have no address yet and are left for AGENT_ADDED.
 */
export function stateFromV1(getState: unknown, context: SnapshotContext): ClusterModel {
  return runAtOnce(readStateV1(getState, context, PARSED));
}

/** As `stateFromV1`, with rests. */
export function* readStateV1(
  getState: unknown,
  context: SnapshotContext,
  entities: Entities,
): Work<ClusterModel> {
  const model = new ClusterModel(context.masters);
  model.leader = context.leader;
  for (const read of entities.agents(at(getState, 'get_agents', 'agents'), 'agents'))
    takeIn(model, 'agent', read);
  for (const read of entities.frameworks(at(getState, 'get_frameworks', 'frameworks'), 'frameworks'))
    takeIn(model, 'framework', read);
  for (const list of TASK_LISTS)
    yield* takeInTasks(model, entities.tasks(at(getState, 'get_tasks', list), list));
  return model;
}

/** The state in a v0 `/master/state` document (mesos-api.md §3.5). Total, as `stateFromV1`. */
export function stateFromV0(state: unknown, masters: readonly MasterEndpoint[]): ClusterModel {
  return runAtOnce(readStateV0(state, masters, PARSED));
}

/** As `stateFromV0`, with rests. */
export function* readStateV0(
  state: unknown,
  masters: readonly MasterEndpoint[],
  entities: Entities,
): Work<ClusterModel> {
  const model = new ClusterModel(masters);
  model.leader = leaderFromV0(state);
  const named = model.leader ? undefined : leaderHostFromV0(state);
  if (named !== undefined) {
    const reason = `the leader is named '${named}'; names such as leader.mesos need an address`;
    model.rejected.set('master leader', { kind: 'master', id: 'leader', reason });
  }
  for (const read of entities.agents(member(state, 'slaves'), 'slaves')) takeIn(model, 'agent', read);
  for (const [i, json] of asList(member(state, 'frameworks')).entries()) {
    const framework = readFramework(json, `frameworks[${i}]`);
    takeIn(model, 'framework', framework);
    const id = framework.value?.id;
    for (const list of TASK_LISTS)
      yield* takeInTasks(model, entities.tasks(member(json, list), `frameworks[${i}].${list}`, id));
    yield;
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

/** The host in `leader` of a v0 document, an IP literal or a name; undefined when there is none. */
export function leaderHostFromV0(state: unknown): string | undefined {
  return parseUpid(asText(member(state, 'leader')) ?? '')?.host;
}

/** `master@ip:port` as an address. */
export function endpointOfPid(pid: unknown): MasterEndpoint | undefined {
  const upid = parseUpid(asText(pid) ?? '');
  return upid && isIp(upid.host) ? { ip: upid.host, port: upid.port } : undefined;
}

function takeIn(model: ClusterModel, kind: 'agent' | 'framework', read: Parameters<typeof changesOfRead>[2]) {
  for (const change of changesOfRead(model, kind, read)) model.apply(change);
}

function* takeInTasks(model: ClusterModel, reads: Iterable<Read<ModelTask>>): Work<void> {
  let taken = 0;
  for (const read of reads) {
    takeInTask(model, read);
    if (++taken % PER_STEP === 0) yield;
  }
}

function takeInTask(model: ClusterModel, read: Read<ModelTask>): void {
  if (read.value && isTerminal(read.value.state)) return;
  // Nearly always there is nothing to be said about any task, and then nothing that could be taken back.
  if (read.value && read.problems.length === 0 && model.rejected.size === 0)
    model.tasks.set(read.id, read.value);
  else for (const change of changesOfRead(model, 'task', read)) model.apply(change);
}
