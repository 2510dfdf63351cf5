import { Command } from 'commander';
import { RimrockError } from '../../../core/errors.ts';
import type { World } from '../../world.ts';
import { IDENTITY_HELP } from '../identity-http.ts';
import type { MakeCommand } from '../identity/support.ts';
import { Connection } from './connection.ts';

interface CommonOptions {
  readonly master?: string;
  readonly config?: string;
  readonly token?: string;
  readonly json?: boolean;
}

type Quietly = Parameters<MakeCommand>[2];

/** What a command does; undefined: all went well. */
export type Work<T> = (
  connection: Connection,
  words: readonly string[],
  options: T & CommonOptions,
) => Promise<number | void>;

const HELP = `${IDENTITY_HELP}
Exit status: 0 done, 1 not found, refused or not to be reached, 2 wrong usage.
`;

/** A command that asks a cluster, with what all of them have in common. `usage`: with its arguments; `isText`: it has nothing for machines. */
export function clusterCommand<T>(
  world: World,
  done: (status: number) => void,
  quietly: Quietly,
  usage: string,
  summary: string,
  work: Work<T>,
  { examples = '', isText = false }: { readonly examples?: string; readonly isText?: boolean } = {},
): Command {
  const [name = '', ...words] = usage.split(' ');
  const command = new Command(name)
    .summary(summary)
    .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
    .option(
      '--master <where>',
      'the masters: host:port or URL, several with commas between, zk://…, consul://… or file://…; else RIMROCK_MASTER, else 127.0.0.1:5050. The leader is found by itself',
    )
    .option('--config <file>', 'take the masters, and how to log in there, from this configuration')
    .option('--token <token>', 'of a login; else RIMROCK_TOKEN, else from `rimrock login` at the same host')
    .helpOption('-h, --help', 'explain')
    .addHelpText('after', `${examples === '' ? '' : `\nExamples:\n${examples}`}${HELP}`);
  if (!isText) command.option('--json', 'print it for machines; docs/reference/cli.md has the shape');
  for (const word of words) command.argument(word);
  command.action(async () => {
    const options = command.opts<T & CommonOptions>();
    done(await run(world, options, (connection) => work(connection, command.args, options)));
  });
  return quietly(command, world);
}

async function run(
  world: World,
  options: CommonOptions,
  work: (connection: Connection) => Promise<number | void>,
): Promise<number> {
  let connection: Connection | undefined;
  try {
    connection = await Connection.open(world, options);
    return (await work(connection)) ?? 0;
  } catch (error) {
    if (isClosedPipe(error)) return 0;
    if (!(error instanceof Error)) throw error;
    const known = error instanceof RimrockError;
    if (!known && !error.message.startsWith('RIMROCK_IDENTITY')) throw error;
    world.err(`${error.message}\n${known ? `${error.hint}\n` : ''}`);
    return 1;
  } finally {
    await connection?.close();
  }
}

/** Who reads what we write has enough (`rimrock logs … | head`). */
function isClosedPipe(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    (error.code === 'EPIPE' || error.code === 'ECONNRESET') &&
    'syscall' in error &&
    error.syscall === 'write'
  );
}

export function printJson(world: World, value: object): void {
  world.out(`${JSON.stringify(value, undefined, 2)}\n`);
}
