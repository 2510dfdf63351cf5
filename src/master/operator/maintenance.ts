import type { MachineId, MaintenanceWindow } from '../../mesos/index.ts';
import {
  agentsTakenDown,
  broughtDown,
  broughtUp,
  machineKey,
  placeOf,
  replan,
  rescheduled,
  scheduleProblem,
} from '../state/index.ts';
import type { Maintenance, Move } from '../state/index.ts';
import { DONE, refused } from './work.ts';
import type { Outcome, RegistryWork } from './work.ts';

/** What operators do with machines (mesos-api.md §3.1, Appendix E): each in the registry before it is answered. */

/** UPDATE_MAINTENANCE_SCHEDULE: these windows in the place of those that were. */
export function updateSchedule(work: RegistryWork, windows: readonly MaintenanceWindow[]): Promise<Outcome> {
  return change(work, (before) => {
    const problem = scheduleProblem(before, windows);
    return problem === undefined ? { next: rescheduled(before, windows) } : { problem };
  });
}

/** START_MAINTENANCE: the machines are DOWN, their agents end and cannot register. */
export function startMaintenance(work: RegistryWork, machines: readonly MachineId[]): Promise<Outcome> {
  return change(work, (before) => broughtDown(before, machines, (id) => runsAgent(work, id)));
}

/** STOP_MAINTENANCE: the machines are UP again and out of the schedule. */
export function stopMaintenance(work: RegistryWork, machines: readonly MachineId[]): Promise<Outcome> {
  return change(work, (before) => broughtUp(before, machines, (id) => runsAgent(work, id)));
}

function runsAgent({ state }: RegistryWork, id: MachineId): boolean {
  return [...state.agents.values()].some((agent) => machineKey(placeOf(agent)) === machineKey(id));
}

function change(work: RegistryWork, move: (before: Maintenance) => Move): Promise<Outcome> {
  return work.inOrder(async () => {
    const moved = move(work.state.maintenance);
    if ('problem' in moved) return refused(400, moved.problem);
    await work.registry.plan(moved.next);
    // If this is cut off here, they are refused when they come back.
    for (const { id } of agentsTakenDown(work.state, moved.next)) await work.registry.remove(id);
    work.turn((step) => replan(step, moved.next));
    work.log.info({ windows: moved.next.windows }, 'planned maintenance has changed');
    return DONE;
  });
}
