import type { Place } from './maintenance.ts';
import type { AgentEntry } from './model.ts';

/** Where the agent runs, as maintenance knows it. */
export function placeOf({ info, address }: AgentEntry): Place {
  return { hostname: info.hostname, ip: address.ip };
}

/** It is there, and no operator has deactivated it: its resources may be offered. */
export function isActive(agent: Pick<AgentEntry, 'streamId' | 'deactivated'>): boolean {
  return agent.streamId !== undefined && !agent.deactivated;
}

/** Nothing runs on the agent any more and every end has been acknowledged, which is yet to be written down. */
export function isDrained(agent: AgentEntry | undefined): boolean {
  return (
    agent !== undefined &&
    agent.drain?.state === 'DRAINING' &&
    agent.streamId !== undefined &&
    agent.tasks.size === 0
  );
}
