import { asciiJson } from '../../mesos/index.ts';
import type { AgentEntry } from '../state/model.ts';
import { isActive } from '../state/agent-facts.ts';
import { agentFixedV1, agentMovingV1 } from './v1.ts';
import type { AgentNow } from './v1.ts';

/**
 * An agent as the v1 APIs write it, which holds thousands of characters of which few ever change. What was written is kept with the entry: what stays while it is
 * subscribed, and what moves as long as nothing of the agent is offered. With an offer it is another one in a moment.
 */
export function agentText(entry: AgentEntry, now: AgentNow): string {
  return fixedText(entry, now) + movingText(entry, now);
}

/** With the comma that what moves comes behind. */
function fixedText(entry: AgentEntry, now: AgentNow): string {
  const { shown } = entry;
  const { info, total, address, version, capabilities } = now;
  if (
    shown !== undefined &&
    shown.info === info &&
    shown.total === total &&
    shown.address === address &&
    shown.version === version &&
    shown.capabilities === capabilities
  )
    return shown.text;
  const text = `${asciiJson(agentFixedV1(now)).slice(0, -1)},`;
  entry.shown = { info, total, address, version, capabilities, text };
  return text;
}

function movingText(entry: AgentEntry, now: AgentNow): string {
  const { quiet } = entry;
  const { deactivated, reregisteredMs, used, drain, drainStartMs } = now;
  const active = isActive(now);
  const offered = now.offered.length > 0;
  if (
    !offered &&
    quiet !== undefined &&
    quiet.active === active &&
    quiet.deactivated === deactivated &&
    quiet.reregisteredMs === reregisteredMs &&
    quiet.used === used &&
    quiet.drain === drain &&
    quiet.drainStartMs === drainStartMs
  )
    return quiet.text;
  const text = asciiJson(agentMovingV1(now)).slice(1);
  if (!offered) entry.quiet = { active, deactivated, reregisteredMs, used, drain, drainStartMs, text };
  return text;
}
