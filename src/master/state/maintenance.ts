import { ipv4Bytes, ipv6Bytes } from '../../core/ip.ts';
import type { MachineId, MaintenanceWindow, Unavailability } from '../../mesos/index.ts';

/** A machine that is scheduled for maintenance (DRAINING) or in it (DOWN). All others are UP. */
export interface Machine {
  readonly id: MachineId;
  readonly mode: 'DRAINING' | 'DOWN';
  readonly unavailability: Unavailability;
}

/** What is planned, as one value that is replaced as a whole: in the registry first, then here. */
export interface Maintenance {
  readonly windows: readonly MaintenanceWindow[];
  readonly machines: ReadonlyMap<string, Machine>;
  /** Keys of machines that are UP again, for the answer to whoever asks about them. Not kept in the registry. */
  readonly former: ReadonlySet<string>;
}

export const NO_MAINTENANCE: Maintenance = { windows: [], machines: new Map(), former: new Set() };

/** Host names are compared without case; what is left out is its own value (mesos-api.md Appendix E). */
export function machineKey(id: MachineId): string {
  return `${(id.hostname ?? '').toLowerCase()} ${id.ip ?? ''}`;
}

/** The machine as messages show it. */
export function machineText(id: MachineId): string {
  const { hostname, ip } = id;
  return `'${JSON.stringify({ ...(hostname && { hostname }), ...(ip && { ip }) })}'`;
}

/** The plan that these windows make, with the machines of these keys DOWN. */
export function planned(
  windows: readonly MaintenanceWindow[],
  down: ReadonlySet<string>,
  before: Maintenance = NO_MAINTENANCE,
): Maintenance {
  const machines = new Map<string, Machine>();
  for (const { machine_ids, unavailability } of windows)
    for (const id of machine_ids) {
      const key = machineKey(id);
      machines.set(key, { id, mode: down.has(key) ? 'DOWN' : 'DRAINING', unavailability });
    }
  const former = [...before.former, ...before.machines.keys()].filter((key) => !machines.has(key));
  return { windows, machines, former: new Set(former) };
}

function downKeys({ machines }: Maintenance): Set<string> {
  return new Set([...machines].filter(([, { mode }]) => mode === 'DOWN').map(([key]) => key));
}

/** The machines that are DOWN, for the registry. */
export function downMachines({ machines }: Maintenance): MachineId[] {
  return [...machines.values()].filter(({ mode }) => mode === 'DOWN').map(({ id }) => id);
}

/** UPDATE_MAINTENANCE_SCHEDULE: what is wrong with the new schedule, or undefined. */
export function scheduleProblem(
  { machines }: Maintenance,
  windows: readonly MaintenanceWindow[],
): string | undefined {
  if (windows.some(({ machine_ids }) => machine_ids.length === 0))
    return 'List of machines in the maintenance window is empty';
  if (windows.some(({ unavailability }) => (unavailability.duration?.nanoseconds ?? 0) < 0))
    return "Unavailability 'duration' is negative";
  const ids = windows.flatMap(({ machine_ids }) => machine_ids);
  const problem = eachProblem(ids);
  if (problem !== undefined) return problem;
  const kept = new Set(ids.map(machineKey));
  for (const [key, { id, mode }] of machines)
    if (mode === 'DOWN' && !kept.has(key))
      return `Machine ${machineText(id)} is deactivated and cannot be removed from the schedule`;
  return undefined;
}

function eachProblem(ids: readonly MachineId[]): string | undefined {
  const seen = new Set<string>();
  for (const id of ids) {
    if (!id.hostname && !id.ip) return "Both 'hostname' and 'ip' for a machine are empty";
    if (id.ip && !ipv4Bytes(id.ip) && !ipv6Bytes(id.ip))
      return `Machine ${machineText(id)} has an 'ip' that is not an IP address`;
    const key = machineKey(id);
    if (seen.has(key)) return `Machine ${machineText(id)} appears more than once in the schedule`;
    seen.add(key);
  }
  return undefined;
}

/** The new schedule. Machines that are DOWN stay DOWN. */
export function rescheduled(before: Maintenance, windows: readonly MaintenanceWindow[]): Maintenance {
  return planned(windows, downKeys(before), before);
}

/** What a move of machines makes of the plan, or why it cannot be. `known`: whether some agent runs on that machine. */
export type Move = { readonly problem: string } | { readonly next: Maintenance };

/** START_MAINTENANCE: DRAINING to DOWN. */
export function broughtDown(
  before: Maintenance,
  ids: readonly MachineId[],
  known: (id: MachineId) => boolean,
): Move {
  const problem = moveProblem(before, ids, known, 'DRAINING', 'down');
  if (problem !== undefined) return { problem };
  return { next: planned(before.windows, new Set([...downKeys(before), ...ids.map(machineKey)]), before) };
}

/** STOP_MAINTENANCE: DOWN to UP, and out of the schedule. */
export function broughtUp(
  before: Maintenance,
  ids: readonly MachineId[],
  known: (id: MachineId) => boolean,
): Move {
  const problem = moveProblem(before, ids, known, 'DOWN', 'up');
  if (problem !== undefined) return { problem };
  const gone = new Set(ids.map(machineKey));
  const windows = before.windows
    .map((w) => ({ ...w, machine_ids: w.machine_ids.filter((id) => !gone.has(machineKey(id))) }))
    .filter((w) => w.machine_ids.length > 0);
  return { next: planned(windows, downKeys(before), before) };
}

function moveProblem(
  { machines, former }: Maintenance,
  ids: readonly MachineId[],
  known: (id: MachineId) => boolean,
  from: Machine['mode'],
  to: 'up' | 'down',
): string | undefined {
  if (ids.length === 0) return 'List of machines is empty';
  const problem = eachProblem(ids);
  if (problem !== undefined) return problem;
  for (const id of ids) {
    const key = machineKey(id);
    const machine = machines.get(key);
    if (!machine && !former.has(key) && !known(id))
      return `Machine ${machineText(id)} is not part of a maintenance schedule`;
    if (machine?.mode !== from)
      return `Machine ${machineText(id)} is not in ${from} mode and cannot be brought ${to}`;
  }
  return undefined;
}

/** Where an agent runs. */
export interface Place {
  readonly hostname: string;
  readonly ip: string;
}

/** The entries that speak of the machine at this place, the most exact first: a name or address left out stands for all. */
export function machinesAt({ machines }: Maintenance, { hostname, ip }: Place): Machine[] {
  if (machines.size === 0) return [];
  const keys = [{ hostname, ip }, { ip }, { hostname }].map(machineKey);
  return keys.flatMap((key) => machines.get(key) ?? []);
}

export function isDown(plan: Maintenance, place: Place): boolean {
  return machinesAt(plan, place).some(({ mode }) => mode === 'DOWN');
}

/** When the machine at this place is to be maintained, if it is. */
export function unavailabilityAt(plan: Maintenance, place: Place): Unavailability | undefined {
  return machinesAt(plan, place)[0]?.unavailability;
}
