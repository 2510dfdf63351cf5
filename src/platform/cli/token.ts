import { Command } from 'commander';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import { IDENTITY_HELP, openHttp } from './identity-http.ts';
import { IamClient, IamProblem } from './identity/iam-client.ts';
import { API_HELP, act, columns } from './identity/support.ts';
import type { MakeCommand } from './identity/support.ts';

const HELP = `
A token is for one process, once, and until it ends:
  rimrock token create --for agent --name rack1-a --ttl 10m
  rimrock agent --set auth.tls=required --set auth.join.url=https://10.0.0.1:8101 --set auth.join.token=...
${IDENTITY_HELP}
Exit status: 0 done, 1 refused or not to be reached, 2 wrong usage.
`;

const PATH = '/ca/v1/tokens';
const TIMEOUT_MS = 30_000;
const UNITS = { s: 1, m: 60, h: 3600, d: 86_400 } as const;

interface Token {
  readonly id: string;
  readonly path: string;
  readonly by: string;
  readonly created: string;
  readonly expires: string;
  readonly spent?: string;
  readonly spentFrom?: string;
  readonly revoked?: boolean;
}

type Ask = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: object) => Promise<string>;

/** `rimrock token …`: one-time tokens by which agents, edges and frameworks get their first identity. */
export const tokenCommand: MakeCommand = (world, done, quietly) => {
  const token = new Command('token')
    .summary('let agents, edges and frameworks join')
    .description('Make, list and revoke tokens by which other processes get their first identity.')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false)
    .addHelpText('after', HELP);
  const add = (
    name: string,
    summary: string,
    work: (ask: Ask, words: readonly string[], options: Record<string, unknown>) => Promise<void>,
  ): Command => {
    const command = new Command(name)
      .summary(summary)
      .description(summary)
      .option('--api <url>', API_HELP)
      .helpOption('-h, --help', 'explain');
    command.action(async () => {
      const options = command.opts<{ api?: string } & Record<string, unknown>>();
      await act(world, done, async () => {
        const client = await IamClient.open(world, options.api);
        const http = await openHttp(world).catch((error: unknown) => {
          throw new IamProblem(errorText(error));
        });
        try {
          await work((method, path, body) => ask(http, client, method, path, body), command.args, options);
        } finally {
          await http.close();
        }
      });
    });
    token.addCommand(quietly(command, world));
    return command;
  };
  add('create', 'make a token; it is shown once', async (send, _words, options) => {
    const { for: joiner, name, ttl, address } = options;
    const ttlSeconds = secondsIn(String(ttl));
    const names = (address as readonly string[] | undefined) ?? [];
    const body = { for: joiner, ...(name === undefined ? {} : { name }), names, ttlSeconds };
    const made = JSON.parse(await send('POST', PATH, body)) as Token & { readonly token: string };
    world.err(`${made.path}, once, until ${made.expires}\n`);
    world.out(`${made.token}\n`);
  })
    .requiredOption('--for <what>', 'agent, edge or framework')
    .option('--name <name>', 'what it is called from then on; otherwise as the token')
    .option('--ttl <time>', 'how long the token is good: 90s, 10m, 1h, 2d', '1h')
    .option('--address <name...>', 'DNS names and addresses for its certificate, for browsers and the like');
  add('list', 'which there are, and who spent them', async (send) => {
    const { tokens } = JSON.parse(await send('GET', PATH)) as { tokens: readonly Token[] };
    const rows = tokens.map((t) => [t.id, t.path, stateOf(t, world.clock.now()), t.by]);
    world.out(columns([['ID', 'FOR', 'STATE', 'BY'], ...rows]));
  });
  add('revoke <id>', 'buys nothing any more, and what it bought is not renewed', async (send, [id = '']) => {
    await send('DELETE', `${PATH}/${encodeURIComponent(id)}`);
    world.out(`${id} is revoked. A certificate that it has bought ends by itself.\n`);
  });
  return quietly(token, world);
};

function stateOf({ revoked, spent, spentFrom, expires }: Token, nowMs: number): string {
  if (revoked === true) return 'revoked';
  if (spent !== undefined) return `spent ${spent} from ${spentFrom ?? '?'}`;
  return Date.parse(expires) <= nowMs ? `ended ${expires}` : `good until ${expires}`;
}

/** Throws IamProblem. */
function secondsIn(text: string): number {
  const [, number, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (number === undefined) throw new IamProblem(`--ttl ${text}: write 90s, 10m, 1h or 2d`);
  return Number(number) * UNITS[unit as keyof typeof UNITS];
}

/** Throws IamProblem with what the API says. */
async function ask(
  http: HttpClient,
  { api, token }: IamClient,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<string> {
  const response = await http
    .request({
      method,
      url: `${api}${path}`,
      headers: {
        ...(token === undefined ? {} : { authorization: `token=${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      timeoutMs: TIMEOUT_MS,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    .catch((error: unknown) => {
      throw new IamProblem(`the identity API cannot be asked at ${api}: ${errorText(error)}`);
    });
  const text = await response.text();
  if (response.status < 300) return text;
  if (response.status === 401) throw new IamProblem('log in with: rimrock login');
  throw new IamProblem(messageIn(text) ?? `${api} answers ${response.status}`);
}

function messageIn(text: string): string | undefined {
  try {
    const { message, description, hint } = JSON.parse(text) as Record<string, string | undefined>;
    return [message ?? description, hint].filter((line) => line !== undefined).join('\n');
  } catch {
    return undefined;
  }
}
