import type { May } from '../../core/access.ts';
import { errorText } from '../../core/errors.ts';
import { idProblem } from '../../mesos/index.ts';
import type { CommandInfo, ContainerId, ContainerInfo, Resource, TaskLimits } from '../../mesos/index.ts';
import { decodeProtobuf, encodeDocument } from '../../mesos/proto/index.ts';
import { sharesGroup } from '../containers/containers.ts';
import type { ApiContainer, ApiContainers } from '../containers/containers.ts';
import { chainOf, idText } from '../containers/parents.ts';
import { waitStatus } from '../executors/exits.ts';
import type { ExitStatus } from '../launcher/launcher.ts';
import { limitationFacts } from '../updates/status.ts';
import { FORBIDDEN } from './operator-answer.ts';
import type { OperatorAnswer } from './operator-answer.ts';

const SIGKILL = 9;
const LAST_SIGNAL = 64;
/** A container in a container and so on: paths have an end. */
const MAX_DEPTH = 16;

type Verb = 'launch' | 'wait' | 'kill' | 'remove';

/** What the calls about containers carry; the older ones are for nested containers only. */
interface Payload {
  readonly container_id: ContainerId;
  readonly command?: CommandInfo;
  readonly container?: ContainerInfo;
  readonly resources?: readonly Resource[];
  readonly limits?: TaskLimits;
  readonly signal?: number;
}

const CALL = /^(LAUNCH|WAIT|KILL|REMOVE)_(NESTED_)?CONTAINER$/;

export const isContainerCall = (type: string): boolean => CALL.test(type);

/** LAUNCH, WAIT, KILL and REMOVE of containers (mesos-api.md §3.4). */
export async function answerContainerCall(
  containers: ApiContainers,
  call: Readonly<Record<string, unknown>> & { readonly type: string },
  may: May,
): Promise<OperatorAnswer> {
  const { type } = call;
  const [, verb = '', nested] = CALL.exec(type) ?? [];
  const payload = payloadOf(call, type.toLowerCase());
  const problem = payload ? idsProblem(payload.container_id) : "Expecting 'container_id' to be present";
  if (!payload || problem !== undefined) return invalid(problem);
  const id = payload.container_id;
  if (nested && !id.parent) return invalid("Expecting 'container_id.parent' to be present");
  if (verb === 'LAUNCH') return launch(containers, payload, may);
  const container = containers.find(id);
  if (container && !mayTouch(containers, container, verb.toLowerCase() as Verb, may)) return FORBIDDEN;
  switch (verb) {
    case 'WAIT':
      return container
        ? wait(containers, container, type)
        : missing(`Container ${idText(id)} cannot be found`);
    case 'KILL':
      return kill(containers, container, id, payload.signal ?? SIGKILL);
    default:
      return remove(containers, container, id);
  }
}

const DONE: OperatorAnswer = { status: 200, body: undefined };
const missing = (text: string): OperatorAnswer => ({ status: 404, text });
const refused = (text: string): OperatorAnswer => ({ status: 400, text });
const invalid = (problem = ''): OperatorAnswer => refused(`Failed to validate agent::Call: ${problem}`);

/** JSON is read as what it stands for in protobuf: what has another type is not there, and what is required is. */
function payloadOf(call: { readonly type: string }, field: string): Payload | undefined {
  const bytes = encodeDocument('application/x-protobuf', 'agent.Call', call);
  const read = decodeProtobuf('agent.Call', bytes) as
    | Readonly<Record<string, Payload | undefined>>
    | undefined;
  return read?.[field]?.container_id ? read[field] : undefined;
}

function idsProblem(id: ContainerId): string | undefined {
  let depth = 0;
  for (let at: ContainerId | undefined = id; at; at = at.parent)
    if (++depth > MAX_DEPTH) return `'container_id' has more than ${MAX_DEPTH} levels`;
  const problem = chainOf(id)
    .map(idProblem)
    .find((text) => text !== undefined);
  return problem === undefined ? undefined : `'container_id' is invalid: ${problem}`;
}

/** Rules name the user of the container; of one inside of another, the user of that. */
function mayTouch(containers: ApiContainers, { id, user = '' }: ApiContainer, verb: Verb, may: May): boolean {
  if (!id.parent) return may(`${verb}_standalone_containers`, user);
  return may(`${verb}_nested_containers`, containers.parent(id.parent)?.user ?? '');
}

async function launch(containers: ApiContainers, payload: Payload, may: May): Promise<OperatorAnswer> {
  const { container_id: id, command, container, resources = [], limits } = payload;
  const parent = id.parent && containers.parent(id.parent);
  if (id.parent && !parent) return refused(`Parent container ${idText(id.parent)} does not exist`);
  const user = command?.user ?? parent?.user ?? '';
  const allowed = parent
    ? may('launch_nested_containers_as_user', user) &&
      may('launch_nested_containers_under_parent_with_user', parent.user ?? '')
    : may('launch_standalone_containers', user);
  if (!allowed) return FORBIDDEN;
  if (parent && limits && sharesGroup(container))
    return invalid(
      "'limits' may only be set with 'linux_info.share_cgroups' false: it has those of its parent",
    );
  try {
    const isNew = await containers.launch({ id, command, container, resources, limits }, parent);
    return isNew ? DONE : { status: 202, body: undefined };
  } catch (error) {
    return refused(errorText(error));
  }
}

async function wait(
  containers: ApiContainers,
  container: ApiContainer,
  type: string,
): Promise<OperatorAnswer> {
  const exit = await endOf(containers, container);
  if (!exit) return { status: 503, text: 'Agent is stopping' };
  const status = waitStatus(exit);
  const facts = exit.kind !== 'unknown' && exit.limitation ? limitationFacts(exit.limitation) : {};
  const { source: _source, ...told } = facts as Partial<ReturnType<typeof limitationFacts>>;
  // what nobody saw has no status
  const body = { ...(status < 0 ? {} : { exit_status: status }), ...told };
  return { status: 200, body: { type, [type.toLowerCase()]: body } };
}

/** Undefined: the agent stops before the container ends. */
async function endOf({ released }: ApiContainers, { handle }: ApiContainer): Promise<ExitStatus | undefined> {
  if (released.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const stop = (): void => resolve(undefined);
  released.addEventListener('abort', stop, { once: true });
  return Promise.race([handle.exited, promise]).finally(() => released.removeEventListener('abort', stop));
}

async function kill(
  containers: ApiContainers,
  container: ApiContainer | undefined,
  id: ContainerId,
  signal: number,
): Promise<OperatorAnswer> {
  if (!container || container.exit)
    return missing(`Container '${idText(id)}' cannot be found (or is already killed)`);
  if (signal < 1 || signal > LAST_SIGNAL) return invalid(`'signal' is no signal: ${signal}`);
  await containers.kill(container, signal);
  return DONE;
}

/** Once more is no error, as long as the parent is there to say that it had none. */
async function remove(
  containers: ApiContainers,
  container: ApiContainer | undefined,
  id: ContainerId,
): Promise<OperatorAnswer> {
  if (!container && id.parent && containers.parent(id.parent)) return DONE;
  if (!container) return missing(`Container ${idText(id)} cannot be found`);
  if (!container.exit) return refused(`Container ${idText(id)} has not terminated yet`);
  await containers.remove(container);
  return DONE;
}
