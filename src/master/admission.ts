import type { AgentSubscribe } from './input/agent-call.ts';
import type { RegistryWork } from './operator/work.ts';
import { admitAgent, agentStreamClosed, replaceAgent, subscribeAgent } from './state/index.ts';
import type { Admission, MasterState } from './state/index.ts';

/** So many agents are let in together: the registry writes them at once, and nobody else waits long meanwhile. */
const TOGETHER = 50;

/** The stream of one that has left before it was let in. */
const LEFT = '';

interface Applicant {
  readonly call: AgentSubscribe;
  readonly open: () => string | undefined;
  readonly resolve: (admission: Admission) => void;
  readonly reject: (error: unknown) => void;
}

const waiting = new WeakMap<RegistryWork, Applicant[]>();

/**
 * An agent asks to be let in: the registry is written before it hears that it is. `open` begins its stream; undefined: it has
 * left meanwhile. Refused agents are for the caller to answer, with whatever `open` would have been for.
 */
export function letIn(
  work: RegistryWork,
  call: AgentSubscribe,
  open: () => string | undefined,
): Promise<Admission> {
  return new Promise((resolve, reject) => {
    const line = waiting.get(work) ?? [];
    waiting.set(work, line);
    line.push({ call, open, resolve, reject });
    if (line.length === 1) void work.inOrder(() => letSomeIn(work, line));
  });
}

async function letSomeIn(work: RegistryWork, line: Applicant[]): Promise<void> {
  const some = line.splice(0, together(work.state, line));
  if (line.length > 0) void work.inOrder(() => letSomeIn(work, line));
  await Promise.all(
    some.map(async (applicant) => {
      try {
        const admission = admitAgent(work.state, applicant.call);
        await write(work, admission);
        enter(work, applicant, admission);
        applicant.resolve(admission);
      } catch (error) {
        applicant.reject(error);
      }
    }),
  );
}

/** How many of those in front have nothing to do with each other: what becomes of one is not for the others to know. */
function together(state: MasterState, line: readonly Applicant[]): number {
  const seen = new Set<string>();
  for (const [i, { call }] of line.entries()) {
    const names = namesOf(state, call);
    if (i === TOGETHER || names.some((name) => seen.has(name))) return i;
    for (const name of names) seen.add(name);
  }
  return line.length;
}

/** Its id and where it is; of one that comes back also where it was. */
function namesOf(state: MasterState, { agent_info: info, address }: AgentSubscribe): string[] {
  const names = [`${info.hostname} ${info.port}`, `${address.ip} ${address.port}`];
  if (info.id === undefined) return names;
  const known = state.agents.get(info.id.value);
  const was = known?.info ?? state.recoveredAgents.get(info.id.value);
  if (known) names.push(`${known.address.ip} ${known.address.port}`);
  if (was) names.push(`${was.hostname} ${was.port}`);
  return [...new Set([...names, info.id.value])];
}

async function write(work: RegistryWork, admission: Admission): Promise<void> {
  if (admission.kind !== 'admit') return;
  const { info, replaces } = admission;
  if (replaces !== undefined) await work.registry.remove(replaces);
  if (info.id) await work.registry.admit({ ...info, id: info.id });
}

function enter(work: RegistryWork, { call, open }: Applicant, admission: Admission): void {
  if (admission.kind === 'refused') return;
  const { info } = admission;
  const replaces = admission.kind === 'admit' ? admission.replaces : undefined;
  const streamId = open();
  if (streamId === undefined && admission.kind === 'welcome') return;
  work.turn((step) => {
    if (replaces !== undefined) replaceAgent(step, replaces);
    subscribeAgent(step, info, call, streamId ?? LEFT);
    // The registry has it now, so the state has it: it was in, and is away.
    if (streamId === undefined) agentStreamClosed(step, LEFT);
  });
}
