import { resolve } from 'node:path';
import { Command, CommanderError } from 'commander';
import { roles } from '../roles.ts';
import type { Role } from '../roles.ts';
import type { World } from '../world.ts';
import type { MakeCommand } from './identity/support.ts';
import { fromMesosDnsFlags } from './mesos-dns-flags.ts';

/** Exit statuses: what a script can tell apart. */
export const EXIT = { ok: 0, failed: 1, usage: 2, interrupted: 130 } as const;

interface Options {
  readonly config?: string;
  readonly set?: readonly string[];
  readonly checkConfig?: boolean;
  readonly printConfig?: boolean;
}

/** The `rimrock` command; resolves to the exit status when all is done. */
export async function main(given: readonly string[], world: World): Promise<number> {
  const edge = given[0] === 'edge';
  const { words, notes } = edge ? fromMesosDnsFlags(given) : { words: given, notes: [] };
  for (const note of notes) world.err(`note: ${note}\n`);
  let status: number = EXIT.ok;
  const program = await programFor(words, world, (s) => (status = s));
  try {
    if (words.length === 0) program.outputHelp();
    else await program.parseAsync([...words], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return status;
}

/** The command with all that these words may mean; with none of them, or options first, all that there is. */
export async function programFor(
  words: readonly string[],
  world: World,
  done: (status: number) => void,
): Promise<Command> {
  const program = new Command('rimrock')
    .description('The service edge of a Mesos cluster, and a small cluster of its own.')
    .version(world.version, '-V, --version', 'say the version')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES);
  quietly(program, world);
  const [first, second] = words;
  const asksForAll = first === undefined || first.startsWith('-');
  for (const role of roles) {
    const command = roleCommand(role, world);
    command.action(async (options: Options) => done(await act(role, options, world)));
    if (role.name === 'agent' && (asksForAll || ORDERING.test(second ?? ''))) {
      const { orderCommands } = await import('./operate/agent.ts');
      for (const order of orderCommands(world, done, quietly)) command.addCommand(order);
      // What stands behind the order is for the order: both know --config.
      command.enablePositionalOptions();
    }
    program.addCommand(quietly(command, world));
  }
  for (const [name, load] of ASKING) {
    if (!asksForAll && first !== name) continue;
    const make = await load();
    program.addCommand(make(world, done, quietly));
  }
  sayWhereHelpIs(program, program.name());
  return program;
}

/** What may follow on `rimrock agent` where it is not to run one. */
const ORDERING = /^([a-z]|-h$|--help$)/;

/** Commands that ask something that runs. Loaded only where they are wanted: roles shall start fast. */
const ASKING: ReadonlyMap<string, () => Promise<MakeCommand>> = new Map<string, () => Promise<MakeCommand>>([
  ['agents', async () => (await import('./operate/agents.ts')).agentsCommand],
  ['tasks', async () => (await import('./operate/tasks.ts')).tasksCommand],
  ['task', async () => (await import('./operate/task.ts')).taskCommand],
  ['logs', async () => (await import('./operate/logs.ts')).logsCommand],
  ['frameworks', async () => (await import('./operate/frameworks.ts')).frameworksCommand],
  ['maintenance', async () => (await import('./operate/maintenance.ts')).maintenanceCommand],
  ['leader', async () => (await import('./operate/leader.ts')).leaderCommand],
  ['ca', async () => (await import('./ca.ts')).caCommand],
  ['dns', async () => (await import('./dns-explain.ts')).dnsCommand],
  ['login', async () => (await import('./identity/login.ts')).loginCommand],
  ['logout', async () => (await import('./identity/login.ts')).logoutCommand],
  ['policy', async () => (await import('./policy.ts')).policyCommand],
  ['token', async () => (await import('./token.ts')).tokenCommand],
  ['user', async () => (await import('./identity/accounts.ts')).userCommand],
  ['group', async () => (await import('./identity/accounts.ts')).groupCommand],
  ['session', async () => (await import('./identity/accounts.ts')).sessionCommand],
]);

const EXAMPLES = `
Examples:
  rimrock up                                             a whole platform on this machine, on loopback
  rimrock edge --config config/edge.yaml                 DNS and load balancer in front of your cluster
  rimrock edge --config /etc/mesos-dns/config.json       the same, from a Mesos-DNS configuration, unchanged
  rimrock up --set dns.port=53 --print-config            what would be in effect
  rimrock agents                                         the machines, what is used of them, and how they are
  rimrock logs web.5e3f -f                               what a task writes
  rimrock agent drain rack1-a --max-grace 5m --wait      take a machine out
  rimrock dns explain web.marathon.mesos                 why DNS answers what it does
  rimrock login admin                                    log in, for user, group and session
  rimrock ca state                                       the certificate authority: what signs, what is next
  rimrock token create --for agent                       let another machine join, with TLS between all parts
  rimrock policy explain user:alice call marathon/db     whether she may, and which rule says so

Exit status: 0 all well, 1 it could not start or the configuration does not hold, 2 wrong usage.
`;

function roleCommand(role: Role, world: World): Command {
  const collect = (value: string, before: readonly string[] = []): string[] => [...before, value];
  return new Command(role.name)
    .summary(role.summary)
    .description(`Run ${role.summary}.`)
    .option('-c, --config <file>', CONFIG_HELP[role.name] ?? 'YAML file with the settings')
    .option(
      '-s, --set <key=value>',
      'one setting over the file, such as log.level=debug; may be repeated',
      collect,
    )
    .option('--check-config', 'say whether the configuration holds, and every mistake in it; start nothing')
    .option('--print-config', 'print the configuration that is in effect, secrets covered; start nothing')
    .version(world.version, '-V, --version', 'say the version')
    .helpOption('-h, --help', 'explain')
    .addHelpText(
      'after',
      `\nReads the sections: ${role.sections.join(', ')}. Every key: docs/reference/config.md\n`,
    );
}

const CONFIG_HELP: Readonly<Record<string, string>> = {
  edge: 'YAML file with the settings, or a Mesos-DNS config.json',
};

/** Errors and help go to the world, and nothing but `main` ends anything. */
function quietly(command: Command, world: World): Command {
  return command
    .exitOverride()
    .allowExcessArguments(false)
    .configureOutput({ writeOut: (text) => world.out(text), writeErr: (text) => world.err(text) });
}

/** Errors name the command in full: `rimrock token create`. */
function sayWhereHelpIs(command: Command, path: string): void {
  command.showHelpAfterError(`(${path} --help explains)`);
  for (const below of command.commands) sayWhereHelpIs(below, `${path} ${below.name()}`);
}

/** The rooms are loaded only now, so that help and version are there at once. */
async function act(role: Role, options: Options, world: World): Promise<number> {
  const { loadConfig } = await import('../config/load.ts');
  const { printConfig, printIssues } = await import('../config/print.ts');
  const request = { role: role.name, file: options.config, overrides: options.set ?? [] };
  const loaded = await loadConfig(request, world);
  if (!loaded.ok) {
    world.err(`The configuration does not hold:\n${printIssues(loaded.issues)}`);
    return EXIT.failed;
  }
  for (const note of loaded.notes) world.err(`note: ${note}\n`);
  if (options.printConfig === true) world.out(printConfig(role, loaded.config));
  else if (options.checkConfig === true) world.out('OK\n');
  if (options.printConfig === true || options.checkConfig === true) return EXIT.ok;
  const { run } = await import('../run/run.ts');
  const path = request.file === undefined ? undefined : resolve(world.folder, request.file);
  return run(role, loaded.config, world, { path, load: () => loadConfig(request, world) });
}
