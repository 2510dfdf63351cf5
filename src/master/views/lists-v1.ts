import { LongList, longList } from '../../core/json/long-list.ts';
import { asciiJson } from '../../mesos/index.ts';
import type { InverseOffer } from '../../mesos/index.ts';
import type { ExecutorEntry, FrameworkEntry, MasterState } from '../state/model.ts';
import { agentText } from './agent-text.ts';
import { agentNow, pictured, taskList } from './pictures.ts';
import { agentEventV1, executorV1, frameworkHeadV1, inverseOfferV1, offerV1, placeOfOffer } from './v1.ts';

/**
 * What the v1 operator API says of the whole cluster, as documents with long lists (`src/core/json/long-list.ts`): a picture of references is taken
 * at once, so the document is the state as of the call, and is written in slices while the master goes on.
 */
type Json = Readonly<Record<string, unknown>>;

export function tasksV1(state: MasterState): Json {
  const live = [...state.frameworks.values()];
  const all = [...live, ...state.completedFrameworks.values()];
  return {
    tasks: taskList(live.map((f) => f.tasks)),
    unreachable_tasks: taskList(all.map((f) => f.unreachableTasks)),
    completed_tasks: taskList(all.map((f) => f.completedTasks)),
  };
}

/** What is written of an executor; it never changes. */
export function executorText(executor: ExecutorEntry): string {
  return asciiJson(executorV1(executor));
}

export function executorsV1(state: MasterState): Json {
  const executors = [...state.frameworks.values()].flatMap((f) => [...f.executors]);
  const one = (i: number): ExecutorEntry => executors[i] as ExecutorEntry;
  return {
    executors: new LongList({
      length: executors.length,
      at: (i) => executorV1(one(i)),
      textAt: (i) => one(i).shown ?? executorText(one(i)),
    }),
  };
}

export function frameworksV1(state: MasterState): Json {
  const inverse = inverseOffers(state);
  const picture = (framework: FrameworkEntry): (() => Json) =>
    frameworkV1(state, framework, inverse.get(framework.id) ?? []);
  return {
    frameworks: pictured(state.frameworks.values(), picture),
    completed_frameworks: pictured(state.completedFrameworks.values(), picture),
  };
}

function inverseOffers(state: MasterState): Map<string, InverseOffer[]> {
  const out = new Map<string, InverseOffer[]>();
  for (const offer of state.inverse.offers.values()) {
    const own = out.get(offer.frameworkId) ?? [];
    own.push(inverseOfferV1(state, offer));
    out.set(offer.frameworkId, own);
  }
  return out;
}

/** Thousands of offers may be out at once. */
function frameworkV1(
  state: MasterState,
  framework: FrameworkEntry,
  inverse: readonly InverseOffer[],
): () => Json {
  const now = { ...framework };
  const offers = [...framework.offers].flatMap((id) => {
    const offer = state.offers.get(id);
    return offer ? [{ offer, place: placeOfOffer(state, offer) }] : [];
  });
  return () => ({
    ...frameworkHeadV1(now, inverse),
    ...(offers.length > 0 && { offers: longList(offers, ({ offer, place }) => offerV1(offer, place)) }),
  });
}

export function agentsV1(state: MasterState): Json {
  const agents = Array.from(state.agents.values(), (entry) => ({ entry, now: agentNow(entry) }));
  return {
    agents: new LongList({
      length: agents.length,
      at: (i) => agentEventV1(agents[i]!.now),
      textAt: (i) => agentText(agents[i]!.entry, agents[i]!.now),
    }),
    recovered_agents: longList([...state.recoveredAgents.values()], (info) => info),
  };
}

/** GET_STATE: the four lists are there even when empty. */
export function stateV1(state: MasterState): Json {
  return {
    get_tasks: tasksV1(state),
    get_executors: executorsV1(state),
    get_frameworks: frameworksV1(state),
    get_agents: agentsV1(state),
  };
}

/** The event with which an operator stream begins. */
export function subscribedV1(state: MasterState, heartbeat_interval_seconds: number): Json {
  return { type: 'SUBSCRIBED', subscribed: { get_state: stateV1(state), heartbeat_interval_seconds } };
}
