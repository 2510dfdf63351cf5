import type { May } from '../../core/access.ts';
import type { MachineId } from '../../mesos/index.ts';
import { machinesAt } from '../state/maintenance.ts';
import { placeOf } from '../state/agent-facts.ts';
import type { MasterState } from '../state/model.ts';
import { list } from './v1.ts';

/** Planned maintenance as the APIs show it, v0 and v1 alike (mesos-api.md §3.1). */
type Json = Readonly<Record<string, unknown>>;

/** What rules about machines name: the host name, without one the address. */
export function machineName({ hostname, ip }: MachineId): string {
  return hostname ? hostname.toLowerCase() : (ip ?? '');
}

/** The windows without the machines of which one may not know. */
export function scheduleV1({ maintenance }: MasterState, may: May): Json {
  const windows = maintenance.windows
    .map((w) => ({
      ...w,
      machine_ids: w.machine_ids.filter((id) => may('get_maintenance_schedules', machineName(id))),
    }))
    .filter(({ machine_ids }) => machine_ids.length > 0);
  return list('windows', windows);
}

/** Which machines are DRAINING, with what frameworks have answered, and which are DOWN. */
export function maintenanceStatusV1(state: MasterState, may: May): Json {
  const { maintenance, inverse, agents } = state;
  const machines = [...maintenance.machines.values()].filter(({ id }) =>
    may('get_maintenance_statuses', machineName(id)),
  );
  const draining = machines
    .filter(({ mode }) => mode === 'DRAINING')
    .map((machine) => {
      const there = [...agents.values()].filter((a) => machinesAt(maintenance, placeOf(a))[0] === machine);
      const statuses = there.flatMap(({ id }) => [...(inverse.statuses.get(id)?.values() ?? [])]);
      return { id: machine.id, ...list('statuses', statuses) };
    });
  const down = machines.filter(({ mode }) => mode === 'DOWN').map(({ id }) => id);
  return { ...list('draining_machines', draining), ...list('down_machines', down) };
}
