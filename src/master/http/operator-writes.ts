import type { May } from '../../core/access.ts';
import { errorText } from '../../core/errors.ts';
import type { ApiReply } from '../../core/http/server.ts';
import type { OperatorCall } from '../input/operator-call.ts';
import { deactivateAgent, drainAgent, markAgentGone, reactivateAgent } from '../operator/agents.ts';
import { startMaintenance, stopMaintenance, updateSchedule } from '../operator/maintenance.ts';
import { refused } from '../operator/work.ts';
import type { Outcome, RegistryWork } from '../operator/work.ts';
import type { DrainConfig, MachineId, MaintenanceWindow } from '../../mesos/index.ts';
import { machineName } from '../views/maintenance.ts';
import { ALLOCATION_WRITES } from './allocation-writes.ts';
import { sendEmpty, sendStatus, sendText } from './answers.ts';

/** A call that changes the registry; undefined: whoever asks may not. */
type Write = (work: RegistryWork, call: OperatorCall, may: May) => Promise<Outcome> | undefined;

/** The calls of operators that wait for the registry, by their type (mesos-api.md §3.1). */
export const WRITES: ReadonlyMap<string, Write> = new Map<string, Write>([
  [
    'MARK_AGENT_GONE',
    agentWrite(
      'mark_agents_gone',
      (call) => call.mark_agent_gone,
      (work, id) => markAgentGone(work, id),
    ),
  ],
  [
    'DRAIN_AGENT',
    agentWrite(
      'drain_agents',
      (call) => call.drain_agent,
      (work, id, { drain_agent }) => drain(work, id, drain_agent ?? {}),
    ),
  ],
  [
    'DEACTIVATE_AGENT',
    agentWrite(
      'deactivate_agents',
      (call) => call.deactivate_agent,
      (work, id) => deactivateAgent(work, id),
    ),
  ],
  [
    'REACTIVATE_AGENT',
    agentWrite(
      'reactivate_agents',
      (call) => call.reactivate_agent,
      (work, id) => reactivateAgent(work, id),
    ),
  ],
  [
    'UPDATE_MAINTENANCE_SCHEDULE',
    (work, call, may) => writeSchedule(work, call.update_maintenance_schedule?.schedule.windows ?? [], may),
  ],
  [
    'START_MAINTENANCE',
    (work, call, may) => moveMachines(work, 'down', call.start_maintenance?.machines ?? [], may),
  ],
  [
    'STOP_MAINTENANCE',
    (work, call, may) => moveMachines(work, 'up', call.stop_maintenance?.machines ?? [], may),
  ],
  ...ALLOCATION_WRITES,
]);

/** A call about one agent, for those who may do that to it. */
function agentWrite(
  action: string,
  payload: (call: OperatorCall) => { readonly agent_id: { readonly value: string } } | undefined,
  write: (work: RegistryWork, agentId: string, call: OperatorCall) => Promise<Outcome>,
): Write {
  return (work, call, may) => {
    const agentId = payload(call)?.agent_id.value ?? '';
    return may(action, agentId) ? write(work, agentId, call) : undefined;
  };
}

function drain(
  work: RegistryWork,
  agentId: string,
  call: Partial<NonNullable<OperatorCall['drain_agent']>>,
): Promise<Outcome> {
  const { max_grace_period: max, mark_gone = false } = call;
  const nanoseconds = (max?.seconds ?? 0) * 1e9 + (max?.nanos ?? 0);
  if (nanoseconds < 0) return Promise.resolve(refused(400, "'max_grace_period' must not be negative"));
  const config: DrainConfig = { ...(max && { max_grace_period: { nanoseconds } }), mark_gone };
  return drainAgent(work, agentId, config);
}

/** Whoever changes the schedule must be allowed to do so for all machines in the old and in the new one. */
export function writeSchedule(
  work: RegistryWork,
  windows: readonly MaintenanceWindow[],
  may: May,
): Promise<Outcome> | undefined {
  const touched = [...work.state.maintenance.windows, ...windows].flatMap((w) => w.machine_ids ?? []);
  if (!mayAll(may, 'update_maintenance_schedules', touched)) return undefined;
  return updateSchedule(
    work,
    windows.map((w) => ({ ...w, machine_ids: w.machine_ids ?? [] })),
  );
}

/** START_MAINTENANCE and STOP_MAINTENANCE, and their v0 twins. */
export function moveMachines(
  work: RegistryWork,
  to: 'up' | 'down',
  machines: readonly MachineId[],
  may: May,
): Promise<Outcome> | undefined {
  const [action, move] =
    to === 'down'
      ? (['start_maintenances', startMaintenance] as const)
      : (['stop_maintenances', stopMaintenance] as const);
  return mayAll(may, action, machines) ? move(work, machines) : undefined;
}

function mayAll(may: May, action: string, machines: readonly MachineId[]): boolean {
  return machines.length === 0 ? may(action, '') : machines.every((id) => may(action, machineName(id)));
}

/** Answer once it is written; 503 when it could not be. */
export async function sendOutcome(
  work: RegistryWork,
  reply: ApiReply,
  outcome: Promise<Outcome> | undefined,
): Promise<ApiReply> {
  if (outcome === undefined) return sendStatus(reply, 403);
  try {
    const result = await outcome;
    return result.status === 200 ? sendEmpty(reply, 200) : sendText(reply, result.status, result.text);
  } catch (error) {
    work.log.error({ error: errorText(error) }, 'cannot write the registry: nothing is changed');
    return sendText(reply, 503, 'The registry cannot be written');
  }
}
