import { createPrivateKey } from 'node:crypto';
import { Command } from 'commander';
import { errorText } from '../../../core/errors.ts';
import type { World } from '../../world.ts';
import { IamClient, IamProblem } from './iam-client.ts';
import { keepLogin, readLogin } from './login-file.ts';
import { act, API_HELP, newPassword, passwordOf, readText } from './support.ts';
import type { MakeCommand } from './support.ts';

interface Options {
  readonly api?: string;
  readonly passwordFile?: string;
  readonly privateKey?: string;
}

/** How long the token lives that a service account logs in with; five minutes are the most. */
const LOGIN_TOKEN_SECONDS = 240;

export const loginCommand: MakeCommand = (world, done, quietly) => {
  const command = new Command('login')
    .summary('log in, for the commands that follow')
    .description(
      'Log in to the identity API. The token is kept in a file of yours for the commands that follow.',
    )
    .argument('<uid>', 'your account, such as admin')
    .option('--api <url>', API_HELP)
    .option('--password-file <file>', 'read the password here; else in RIMROCK_PASSWORD, else you are asked')
    .option('--private-key <file>', 'log in a service account with its key, in PEM')
    .helpOption('-h, --help', 'explain')
    .action((uid: string, options: Options) => act(world, done, () => logIn(world, uid, options)));
  return quietly(command, world);
};

export const logoutCommand: MakeCommand = (world, done, quietly) => {
  const command = new Command('logout')
    .summary('end your login')
    .description('End the login that is kept, here and at the identity API.')
    .helpOption('-h, --help', 'explain')
    .action(() =>
      act(world, done, async () => {
        const kept = await readLogin(world);
        if (kept?.token === undefined) return world.out('Nobody is logged in.\n');
        await keepLogin(world, undefined);
        const client = await IamClient.open(world, kept.api, kept.token);
        await client.ask('POST', '/auth/logout');
        world.out(`${kept.uid} is logged out.\n`);
      }),
    );
  return quietly(command, world);
};

async function logIn(world: World, uid: string, options: Options): Promise<void> {
  const client = await IamClient.open(world, options.api, '');
  const body =
    options.privateKey === undefined
      ? await byPassword(world, client, uid, options)
      : await byKey(world, client, uid, options.privateKey);
  await keepLogin(world, { api: client.api, uid, token: String(body['token']) });
  world.out(`${uid} is logged in at ${client.api}.\n`);
}

type Reply = ReturnType<IamClient['ask']>;

/** A one-time password is replaced in the same step. */
async function byPassword(world: World, client: IamClient, uid: string, options: Options): Reply {
  const password = await passwordOf(world, `Password of ${uid}: `, options.passwordFile);
  try {
    return await client.ask('POST', '/auth/login', { uid, password });
  } catch (error) {
    if (!(error instanceof IamProblem) || error.code !== 'ERR_PASSWORD_CHANGE_REQUIRED') throw error;
    world.err('This password is good once: choose your own.\n');
    return client.ask('POST', '/auth/login', { uid, password, new_password: await newPassword(world, uid) });
  }
}

async function byKey(world: World, client: IamClient, uid: string, file: string): Reply {
  const { SignJWT } = await import('jose');
  const pem = await readText(world, file);
  let token: string;
  try {
    const key = createPrivateKey(pem);
    token = await new SignJWT({ uid, exp: Math.floor(world.clock.now() / 1000) + LOGIN_TOKEN_SECONDS })
      .setProtectedHeader({ alg: key.asymmetricKeyType === 'ec' ? 'ES256' : 'RS256' })
      .sign(key);
  } catch (error) {
    throw new IamProblem(`${file}: no private key that can sign (${errorText(error)})`);
  }
  return client.ask('POST', '/auth/login', { uid, token });
}
