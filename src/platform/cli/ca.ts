import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Command } from 'commander';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { World } from '../world.ts';
import { CaClient, CaRefused } from './ca-client.ts';
import { auditText, stateText } from './ca-text.ts';
import { IDENTITY_HELP, openHttp } from './identity-http.ts';
import { IamClient } from './identity/iam-client.ts';
import { API_HELP } from './identity/support.ts';

const HELP = `
A change of the root, step by step:
  rimrock ca prepare      make the next root; everybody believes it from now on
  rimrock ca activate     sign with it, once everybody has heard of it (auth.ca.spreadSeconds)
  rimrock ca taint        have everybody renew what comes from the old one
  rimrock ca revoke       believe the old one no more

Your own root:
  rimrock ca csr > request.pem                         then have your authority sign it as an intermediate
  rimrock ca bring-in --certificates chain.pem         intermediate first, root last; then \`rimrock ca activate\`

An identity for a test:
  rimrock ca issue --name /test/client --dns client.test --out .
${IDENTITY_HELP}
Exit status: 0 done, 1 refused or not to be reached, 2 wrong usage.
`;

const FAILED = 1;

interface Common {
  readonly api?: string;
  readonly token?: string;
}

type Act = (client: CaClient, options: Record<string, unknown>) => Promise<void>;

/** `rimrock ca …`: talks to the HTTP API of an authority that runs. `done` gets the exit status. */
export function caCommand(
  world: World,
  done: (status: number) => void,
  quietly: (command: Command, world: World) => Command,
): Command {
  const ca = new Command('ca')
    .summary('ask and change the certificate authority')
    .description('Ask and change a certificate authority that runs.')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false)
    .addHelpText('after', HELP);
  const add = (name: string, summary: string, act: Act): Command => {
    const command = new Command(name)
      .summary(summary)
      .description(summary)
      .option('--api <url>', API_HELP)
      .option('--token <token>', 'from a login; else RIMROCK_TOKEN, else that of your login there')
      .helpOption('-h, --help', 'explain')
      .action(async (options: Common & Record<string, unknown>) => {
        done(await run(world, options, act));
      });
    ca.addCommand(quietly(command, world));
    return command;
  };
  addSteps(world, add);
  addMaterial(world, add);
  return quietly(ca, world);
}

type Add = (name: string, summary: string, act: Act) => Command;

function addSteps(world: World, add: Add): void {
  const step = (name: string, summary: string): Command =>
    add(name, summary, async (client, options) => {
      const body = options['force'] === true ? { force: true } : {};
      world.out(stateText(await client.json('POST', `/${name}`, body)));
    });
  add('state', 'what signs, what is next, what is still believed', async (client) =>
    world.out(stateText(await client.json('GET', '/state'))),
  );
  step('prepare', 'make the next root and have everybody believe it');
  step('discard', 'never mind the root that was prepared');
  step('activate', 'sign with the root that was prepared').option(
    '--force',
    'at once, also when not everybody may have heard of it',
  );
  step('taint', 'have everybody renew what comes from the old root');
  step('revoke', 'believe the old root no more');
  step('rotate', 'replace the intermediate now; it does so by itself in time');
  add('audit', 'what was issued to whom, and who changed what', async (client, { limit }) =>
    world.out(auditText(await client.json('GET', `/audit?limit=${String(limit)}`))),
  ).option('--limit <n>', 'the newest so many', '20');
}

function addMaterial(world: World, add: Add): void {
  add('bundle', 'the roots to believe, on stdout', async (client, { format }) =>
    world.out(await client.text('GET', `/bundle?format=${String(format)}`)),
  ).option('--format <format>', 'pem, or spiffe for a JWK set', 'pem');
  add('csr', 'make a key there and print the request (PKCS#10) for your own authority', async (client) =>
    world.out(await client.text('POST', '/csr')),
  );
  add('bring-in', 'take in an intermediate of your own authority', (client, options) =>
    bringIn(world, client, options),
  )
    .option('--certificates <file>', 'PEM: the intermediate first, its root last')
    .option('--key <file>', 'PEM: its key, unless it was made there by `rimrock ca csr`')
    .option('--pkcs12 <file>', 'all of that in one file')
    .option('--password-file <file>', 'whose first line opens the PKCS#12 file');
  add('issue', 'make a key here and have an identity issued for it, in files', (client, options) =>
    issue(world, client, options),
  )
    .requiredOption('--name <path>', 'path of the SPIFFE id, such as /test/client')
    .option('--dns <name...>', 'DNS names')
    .option('--ip <address...>', 'IP addresses')
    .option('--seconds <n>', 'how long it lives, at most what the authority gives')
    .option('--out <folder>', 'where the files go', '.')
    .option('--pkcs12', 'one PKCS#12 file, as Windows, Java and browsers take it')
    .option('--password-file <file>', 'whose first line is the password of the PKCS#12 file');
}

async function run(world: World, options: Common & Record<string, unknown>, act: Act): Promise<number> {
  let http: HttpClient | undefined;
  try {
    const { api, token } = await IamClient.open(world, options.api, options.token);
    http = await openHttp(world, { connections: 1, connectTimeoutMs: 10_000 });
    await act(new CaClient(http, api, token), options);
    return 0;
  } catch (error) {
    world.err(error instanceof CaRefused ? error.message : `${errorText(error)}\n`);
    return FAILED;
  } finally {
    await http?.close();
  }
}

async function bringIn(world: World, client: CaClient, options: Record<string, unknown>): Promise<void> {
  const { certificates, key, pkcs12, passwordFile } = options as Record<string, string | undefined>;
  const path = (file: string): string => resolve(world.folder, file);
  let body: object;
  if (pkcs12 !== undefined) {
    const file = await readFile(path(pkcs12));
    body = { pkcs12: file.toString('base64'), password: await password(world, passwordFile) };
  } else {
    if (certificates === undefined) throw new Error('give --certificates, or --pkcs12');
    body = {
      certificates: await readFile(path(certificates), 'utf8'),
      ...(key === undefined ? {} : { privateKey: await readFile(path(key), 'utf8') }),
    };
  }
  const answer = await client.json('POST', '/intermediate', body);
  const next = answer['intermediate'] === 'signs' ? 'It signs now.' : 'Its root is prepared: activate it.';
  world.out(`${next}\n${stateText(answer)}`);
}

async function issue(world: World, client: CaClient, options: Record<string, unknown>): Promise<void> {
  const { name, dns, ip, seconds, out, pkcs12, passwordFile } = options as {
    readonly name: string;
    readonly dns?: readonly string[];
    readonly ip?: readonly string[];
    readonly seconds?: string;
    readonly out: string;
    readonly pkcs12?: boolean;
    readonly passwordFile?: string;
  };
  const path = name.startsWith('/') ? name : `/${name}`;
  const folder = resolve(world.folder, out);
  const base = join(folder, path.slice(path.lastIndexOf('/') + 1));
  const lifetime = seconds === undefined ? {} : { lifetimeSeconds: Number(seconds) };
  const asked = { path, names: [...(dns ?? []), ...(ip ?? [])], ...lifetime };
  const written: string[] = [];
  const write = async (file: string, bytes: string | Uint8Array): Promise<void> => {
    await writePrivate(file, bytes);
    written.push(file);
  };
  if (pkcs12 === true) {
    const body = { ...asked, password: await password(world, passwordFile) };
    await write(`${base}.p12`, await client.bytes('POST', '/pkcs12', body));
  } else {
    // The key is made here, and never leaves.
    const { generateKeyPairSync } = await import('node:crypto');
    const { publicKey, privateKey } = generateKeyPairSync('ec', {
      namedCurve: 'P-256',
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    const issued = await client.json('POST', '/issue', { ...asked, publicKey });
    await write(`${base}.pem`, String(issued['certificateChain']));
    await write(`${base}-key.pem`, privateKey);
    await write(join(folder, 'bundle.pem'), await client.text('GET', '/bundle'));
    world.out(`${String(issued['id'])}, until ${String(issued['notAfter'])}\n`);
  }
  world.out(written.map((file) => `${file}\n`).join(''));
}

async function password(world: World, file: string | undefined): Promise<string> {
  if (file === undefined) throw new Error('give --password-file: on the command line others could read it');
  const [first = ''] = (await readFile(resolve(world.folder, file), 'utf8')).split(/\r?\n/, 1);
  if (first === '') throw new Error(`the first line of ${file} is empty`);
  return first;
}

/** For its owner only, also when it was there before with other rights. */
async function writePrivate(path: string, bytes: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'w', 0o600);
  try {
    await file.chmod(0o600);
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}
