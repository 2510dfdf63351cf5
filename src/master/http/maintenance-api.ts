import type { May } from '../../core/access.ts';
import type { ApiReply, ApiRequest } from '../../core/http/server.ts';
import type { MachineId, MaintenanceSchedule } from '../../mesos/index.ts';
import { decode, parseJson, repeated } from '../input/decode.ts';
import type { Decoded, Fields } from '../input/decode.ts';
import { machineId, schedule } from '../input/maintenance-messages.ts';
import type { Outcome, RegistryWork } from '../operator/work.ts';
import { seenBy } from '../state/index.ts';
import type { MasterState } from '../state/index.ts';
import { maintenanceStatusV1, scheduleV1 } from '../views/maintenance.ts';
import { sendMethodNotAllowed, sendText } from './answers.ts';
import { bodyText } from './front-door.ts';
import type { MasterFacts } from './facts.ts';
import { moveMachines, sendOutcome, writeSchedule } from './operator-writes.ts';
import { queryOf, sendMaybeJsonp } from './query.ts';

type Route = readonly [string, (request: ApiRequest, reply: ApiReply) => unknown];
type Show = (state: MasterState, may: May) => Readonly<Record<string, unknown>>;

/** `/maintenance/*` and `/machine/*`: what the calls of the same meaning do, without an envelope (mesos-api.md §3.5). */
export function maintenanceRoutes(work: RegistryWork, facts: MasterFacts): Route[] {
  const show = (request: ApiRequest, reply: ApiReply, view: Show): ApiReply => {
    const may = facts.mayOf(request);
    return sendMaybeJsonp(reply, queryOf(request), view(seenBy(work.state, may), may));
  };
  const move =
    (to: 'up' | 'down') =>
    (request: ApiRequest, reply: ApiReply): unknown => {
      if (request.method !== 'POST') return sendMethodNotAllowed(reply, 'POST', request.method);
      const machines = read<{ machines?: readonly MachineId[] }>(request, MACHINES, asMachines);
      return write(work, reply, machines, (value) =>
        moveMachines(work, to, value.machines ?? [], facts.mayOf(request)),
      );
    };
  return [
    [
      'maintenance/schedule',
      (request, reply) => {
        if (request.method === 'GET') return show(request, reply, scheduleV1);
        if (request.method !== 'POST') return sendMethodNotAllowed(reply, ['GET', 'POST'], request.method);
        const given = read<MaintenanceSchedule>(request, schedule.fields ?? {}, (json) => json);
        return write(work, reply, given, ({ windows }) =>
          writeSchedule(work, windows ?? [], facts.mayOf(request)),
        );
      },
    ],
    [
      'maintenance/status',
      (request, reply) =>
        request.method === 'GET'
          ? show(request, reply, maintenanceStatusV1)
          : sendMethodNotAllowed(reply, 'GET', request.method),
    ],
    ['machine/down', move('down')],
    ['machine/up', move('up')],
  ];
}

const MACHINES: Fields = { machines: repeated(machineId) };

/** The body is a list; anything else is decoded as what it is not, and so refused. */
function asMachines(json: unknown): unknown {
  return Array.isArray(json) ? { machines: json } : { machines: String(json) };
}

function read<T>(request: ApiRequest, fields: Fields, shaped: (json: unknown) => unknown): Decoded<T> {
  const json = parseJson(bodyText(request));
  return json.ok ? decode<T>(fields, shaped(json.value)) : json;
}

function write<T>(
  work: RegistryWork,
  reply: ApiReply,
  given: Decoded<T>,
  act: (value: T) => Promise<Outcome> | undefined,
): unknown {
  if (!given.ok) return sendText(reply, 400, given.problem);
  return sendOutcome(work, reply, act(given.value));
}
