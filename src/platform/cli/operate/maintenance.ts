import type { MakeCommand } from '../identity/support.ts';
import type { Connection } from './connection.ts';
import { text } from './entities.ts';
import { isJson } from './read-lists.ts';
import type { Json } from './read-lists.ts';
import type { MachineRow } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { table } from './table.ts';
import { isoOfNanoseconds } from './times.ts';

/** `rimrock maintenance`: which machines are to be maintained, and when. */
export const maintenanceCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<object>(
    world,
    done,
    quietly,
    'maintenance',
    'which machines are to be maintained, when, and how far that is',
    async (connection, _words, { json }) => {
      const machines = await machineRows(connection);
      if (json === true) return printJson(world, { machines });
      const row = (m: MachineRow): string[] => [m.host, m.ip, m.mode, m.from ?? '', m.until ?? ''];
      if (machines.length === 0) world.out('Nothing is planned.\n');
      else world.out(table([['HOST', 'IP', 'MODE', 'FROM', 'UNTIL'], ...machines.map(row)], world.outWidth));
    },
  );

async function machineRows(connection: Connection): Promise<MachineRow[]> {
  const schedule = await connection.json('/maintenance/schedule');
  const status = await connection.json('/maintenance/status');
  const ids = (name: string, inside?: string): Set<string> =>
    new Set(list(status[name]).map((one) => keyOf(inside === undefined ? one : one[inside])));
  const draining = ids('draining_machines', 'id');
  const down = ids('down_machines');
  return list(schedule['windows']).flatMap((window) => {
    const unavailability = isJson(window['unavailability']) ? window['unavailability'] : {};
    const { start, duration } = unavailability;
    const from = isoOfNanoseconds(start);
    const until = isoOfNanoseconds({ nanoseconds: nanoseconds(start) + nanoseconds(duration) });
    return list(window['machine_ids']).map((id): MachineRow => {
      const mode = down.has(keyOf(id)) ? 'down' : draining.has(keyOf(id)) ? 'draining' : 'planned';
      return { host: text(id['hostname']), ip: text(id['ip']), mode, from, until };
    });
  });
}

function keyOf(id: unknown): string {
  return isJson(id) ? `${text(id['hostname']).toLowerCase()} ${text(id['ip'])}` : '';
}

function list(value: unknown): Json[] {
  return (Array.isArray(value) ? value : []).filter(isJson);
}

/** NaN where there are none: a window may have no end. */
function nanoseconds(value: unknown): number {
  return isJson(value) ? Number(value['nanoseconds'] ?? NaN) : NaN;
}
