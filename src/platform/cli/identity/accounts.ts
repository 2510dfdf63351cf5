import { Command } from 'commander';
import type { World } from '../../world.ts';
import { IamClient } from './iam-client.ts';
import { readLogin } from './login-file.ts';
import { act, API_HELP, columns, newPassword, passwordOf, readText } from './support.ts';
import type { MakeCommand } from './support.ts';

interface Options {
  readonly api?: string;
  readonly json?: boolean;
  readonly service?: boolean;
  readonly description?: string;
  readonly publicKey?: string;
  readonly passwordFile?: string;
  readonly uid?: string;
}

type Item = Readonly<Record<string, unknown>>;
type Work = (client: IamClient, words: readonly string[], options: Options) => Promise<void>;

const enc = encodeURIComponent;

export const userCommand: MakeCommand = (world, done, quietly) => {
  const add = family(world, done, quietly, 'user', 'people and service accounts');
  add('list', 'who there is', async (client, _words, options) => {
    const { array } = await client.ask('GET', `/users${options.service === true ? '?type=service' : ''}`);
    show(world, options, array, (user) => [user['uid'], user['description']], ['UID', 'DESCRIPTION']);
  }).option('--service', 'service accounts instead of people');
  add('show <uid>', 'one account, with its groups', async (client, [uid = '']) => {
    const user = await client.ask('GET', `/users/${enc(uid)}`);
    const { array } = await client.ask('GET', `/users/${enc(uid)}/groups`);
    const groups = (array as { group: Item }[]).map(({ group }) => group['gid']);
    world.out(`${JSON.stringify({ ...user, groups }, undefined, 2)}\n`);
  });
  add('add <uid>', 'make an account, with a password or a public key', (client, [uid = ''], options) =>
    addUser(world, client, uid, options),
  )
    .option('--description <text>', 'who or what it is')
    .option('--public-key <file>', 'make a service account, which logs in with this key (PEM)')
    .option('--password-file <file>', 'read its password here; else you are asked');
  add(
    'passwd <uid>',
    'change a password; a one-time password is replaced like this',
    (client, [uid = ''], options) => passwd(world, client, uid, options),
  ).option(
    '--password-file <file>',
    'read the old password here; else in RIMROCK_PASSWORD, else you are asked',
  );
  add('remove <uid>', 'take an account away, and end its logins', async (client, [uid = '']) => {
    await client.ask('DELETE', `/users/${enc(uid)}`);
    world.out(`${uid} is gone.\n`);
  });
  return add.command;
};

export const groupCommand: MakeCommand = (world, done, quietly) => {
  const add = family(world, done, quietly, 'group', 'groups of accounts');
  const said = (text: string): void => world.out(`${text}\n`);
  add('list', 'which groups there are', async (client, _words, options) => {
    const { array } = await client.ask('GET', '/groups');
    show(world, options, array, (group) => [group['gid'], group['description']], ['GID', 'DESCRIPTION']);
  });
  add('show <gid>', 'who is in a group', async (client, [gid = ''], options) => {
    const { array } = await client.ask('GET', `/groups/${enc(gid)}/users`);
    const users = (array as { user: Item }[]).map(({ user }) => user);
    show(world, options, users, (user) => [user['uid'], user['description']], ['UID', 'DESCRIPTION']);
  });
  add('add <gid>', 'make a group', async (client, [gid = ''], { description = '' }) => {
    await client.ask('PUT', `/groups/${enc(gid)}`, { description });
    said(`${gid} is there.`);
  }).option('--description <text>', 'what it is for');
  add('remove <gid>', 'take a group away', async (client, [gid = '']) => {
    await client.ask('DELETE', `/groups/${enc(gid)}`);
    said(`${gid} is gone.`);
  });
  add('add-user <gid> <uid>', 'put somebody into a group', async (client, [gid = '', uid = '']) => {
    await client.ask('PUT', `/groups/${enc(gid)}/users/${enc(uid)}`);
    said(`${uid} is in ${gid}.`);
  });
  add('remove-user <gid> <uid>', 'take somebody out of a group', async (client, [gid = '', uid = '']) => {
    await client.ask('DELETE', `/groups/${enc(gid)}/users/${enc(uid)}`);
    said(`${uid} is no longer in ${gid}.`);
  });
  return add.command;
};

export const sessionCommand: MakeCommand = (world, done, quietly) => {
  const add = family(world, done, quietly, 'session', 'who is logged in');
  add('list', 'your logins, or those of others', async (client, _words, options) => {
    const { array } = await client.ask(
      'GET',
      `/sessions${options.uid === undefined ? '' : `?uid=${enc(options.uid)}`}`,
    );
    const row = (s: Item): unknown[] => [
      s['id'],
      s['uid'],
      s['created'],
      s['expires'],
      s['address'],
      s['current'] === true ? 'this one' : '',
    ];
    show(world, options, array, row, ['ID', 'UID', 'CREATED', 'EXPIRES', 'FROM', '']);
  }).option('--uid <uid>', "somebody else's; * for everybody's");
  add('end <id>', 'end a login: its token opens nothing from then on', async (client, [id = '']) => {
    await client.ask('DELETE', `/sessions/${enc(id)}`);
    world.out('It is ended.\n');
  });
  return add.command;
};

async function addUser(world: World, client: IamClient, uid: string, options: Options): Promise<void> {
  const { description = '', publicKey, passwordFile } = options;
  const proof =
    publicKey === undefined
      ? {
          password:
            passwordFile === undefined
              ? await newPassword(world, uid)
              : await passwordOf(world, '', passwordFile),
        }
      : { public_key: await readText(world, publicKey) };
  await client.ask('PUT', `/users/${enc(uid)}`, { description, ...proof });
  world.out(`${uid} is there.\n`);
}

/** Of somebody else as a superuser; of oneself, logged in or not, with the old password. */
async function passwd(world: World, client: IamClient, uid: string, options: Options): Promise<void> {
  const kept = await readLogin(world);
  if (client.token !== undefined && kept?.uid !== undefined && kept.uid !== uid) {
    await client.ask('PATCH', `/users/${enc(uid)}`, { password: await newPassword(world, uid) });
  } else {
    const password = await passwordOf(world, `Password of ${uid} until now: `, options.passwordFile);
    const changed = { uid, password, new_password: await newPassword(world, uid) };
    const { token } = await client.ask('POST', '/auth/login', changed);
    // That was a login only to change it.
    await client.withToken(String(token)).ask('POST', '/auth/logout');
  }
  world.out(`The password of ${uid} is changed. Its other logins are ended.\n`);
}

type AddCommand = ((usage: string, summary: string, work: Work) => Command) & { readonly command: Command };

/** `rimrock <name> …`: each of them asks the identity API as whoever is logged in. */
function family(
  world: World,
  done: (status: number) => void,
  quietly: (command: Command, world: World) => Command,
  name: string,
  about: string,
): AddCommand {
  const command = quietly(
    new Command(name)
      .summary(about)
      .description(`Look after ${about}.`)
      .helpOption('-h, --help', 'explain')
      .helpCommand(false),
    world,
  );
  const add = (usage: string, summary: string, work: Work): Command => {
    const one = command
      .command(usage)
      .summary(summary)
      .description(`${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`)
      .option('--api <url>', API_HELP)
      .option('--json', 'print what the API says, for machines')
      .helpOption('-h, --help', 'explain');
    one.action(async () => {
      const options = one.opts<Options>();
      await act(world, done, async () => work(await IamClient.open(world, options.api), one.args, options));
    });
    return quietly(one, world);
  };
  return Object.assign(add, { command });
}

function show(
  world: World,
  options: Options,
  items: unknown,
  row: (item: Item) => readonly unknown[],
  head: readonly string[],
): void {
  const all = items as readonly Item[];
  if (options.json === true) return world.out(`${JSON.stringify(all, undefined, 2)}\n`);
  world.out(
    columns([head, ...all.map((item) => row(item).map((cell) => (typeof cell === 'string' ? cell : '')))]),
  );
}
