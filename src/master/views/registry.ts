import { longList } from '../../core/json/long-list.ts';
import type { MasterState } from '../state/model.ts';
import { nanoseconds } from '../state/step.ts';

type Json = Readonly<Record<string, unknown>>;

/** /registrar(1)/registry: which agents are admitted, and since when others are unreachable or gone. What is empty is left out. */
export function registryV0(state: MasterState): Json {
  const { info, agents, recoveredAgents, unreachableAgents, goneAgents } = state;
  const admitted = [
    ...Array.from(agents.values(), (agent) => ({
      info: agent.info,
      deactivated: agent.deactivated,
      ...(agent.drain === undefined ? {} : { drain_info: agent.drain }),
    })),
    ...Array.from(recoveredAgents.values(), (recovered) => ({ info: recovered })),
  ];
  return {
    master: { info },
    ...section('slaves', admitted),
    ...section('unreachable', timed(unreachableAgents)),
    ...section('gone', timed(goneAgents)),
  };
}

function section(name: string, slaves: readonly Json[]): Json {
  return slaves.length === 0 ? {} : { [name]: { slaves: longList(slaves, (slave) => slave) } };
}

function timed(times: ReadonlyMap<string, number>): Json[] {
  return Array.from(times, ([value, ms]) => ({ id: { value }, timestamp: nanoseconds(ms) }));
}
