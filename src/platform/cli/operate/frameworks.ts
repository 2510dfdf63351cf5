import type { MakeCommand } from '../identity/support.ts';
import { megabytes, plain } from './agents.ts';
import type { Connection } from './connection.ts';
import { countOf, flat, frameworksOf, text } from './entities.ts';
import type { Json } from './read-lists.ts';
import type { FrameworkRow } from './shapes.ts';
import { clusterCommand, printJson } from './support.ts';
import { table } from './table.ts';
import { age } from './times.ts';

/** `rimrock frameworks`: who runs tasks here. */
export const frameworksCommand: MakeCommand = (world, done, quietly) =>
  clusterCommand<object>(
    world,
    done,
    quietly,
    'frameworks',
    'the frameworks, and what they use',
    async (connection, _words, { json }) => {
      const frameworks = await frameworkRows(connection);
      if (json === true) return printJson(world, { frameworks });
      const head = ['NAME', 'STATE', 'SINCE', 'TASKS', 'CPUS', 'MEM', 'ROLES', 'PRINCIPAL', 'WEB UI', 'ID'];
      const now = world.clock.now();
      world.out(table([head, ...frameworks.map((framework) => cells(framework, now))], world.outWidth));
    },
  );

function cells(f: FrameworkRow, now: number): string[] {
  const { cpus = 0, mem = 0 } = f.used;
  return [
    f.name,
    f.state,
    age(f.since, now),
    String(f.tasks),
    plain(Number(cpus)),
    megabytes(Number(mem)),
    f.roles.join(','),
    f.principal ?? '',
    f.webUi ?? '',
    f.id,
  ];
}

async function frameworkRows(connection: Connection): Promise<FrameworkRow[]> {
  const frameworks = await frameworksOf(connection);
  const counted = new Map<string, Json>();
  await connection.lists('/state-summary', {
    frameworks: (json) => {
      const { slave_ids: _, ...counts } = json;
      counted.set(text(json['id']), counts);
    },
  });
  return frameworks
    .map((framework) => {
      const json = counted.get(framework.id) ?? {};
      return { ...framework, tasks: countOf(json), used: flat(json['used_resources']) };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
