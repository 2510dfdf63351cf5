import { Command } from 'commander';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { Explanation } from '../../dns/index.ts';
import type { World } from '../world.ts';
import { openHttp } from './identity-http.ts';
import { explanationText } from './explanation-text.ts';

/** Exit statuses of `rimrock dns explain`. */
export const EXPLAIN_EXIT = { answered: 0, notAsked: 1, usage: 2, noAnswer: 3 } as const;

interface Options {
  readonly api: string;
  readonly client?: string;
  readonly json?: boolean;
}

const TIMEOUT_MS = 10_000;

const HELP = `
Examples:
  rimrock dns explain web.marathon.mesos
  rimrock dns explain _web._tcp.marathon.mesos SRV --api http://10.0.0.5:8123
  rimrock dns explain www.example.com --client 10.1.2.3

Exit status: 0 the name has an answer, or is one that resolvers outside are asked for; 1 DNS could not be asked; 2 wrong usage;
3 there is no answer: no such name, no such record, not ready, or refused.
`;

/** `rimrock dns explain NAME [TYPE]`: asks the HTTP API of a DNS that runs. `done` gets the exit status. */
export function dnsCommand(
  world: World,
  done: (status: number) => void,
  quietly: (command: Command, world: World) => Command,
): Command {
  const explain = new Command('explain')
    .summary('why a name answers what it does')
    .description('Ask a DNS that runs why a name answers what it does.')
    .argument('<name>', 'such as web.marathon.mesos')
    .argument('[type]', 'such as A, AAAA, SRV', 'A')
    .option('--api <url>', 'the HTTP API of DNS (dns.httpHost, dns.httpPort)', 'http://127.0.0.1:8123')
    .option('--client <ip>', 'explain it for this client; by default the one that asks')
    .option('--json', 'print what the API says, for machines')
    .helpOption('-h, --help', 'explain')
    .addHelpText('after', HELP)
    .action(async (name: string, type: string, options: Options) => {
      done(await act(name, type, options, world));
    });
  const dns = new Command('dns')
    .summary('ask a DNS that runs: `rimrock dns explain NAME`')
    .description('Ask a DNS that runs.')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false);
  dns.addCommand(quietly(explain, world));
  return quietly(dns, world);
}

async function act(name: string, type: string, options: Options, world: World): Promise<number> {
  const asked = await ask(world, name, type, options);
  if (typeof asked === 'string') {
    world.err(`${asked}\n`);
    return EXPLAIN_EXIT.notAsked;
  }
  const explanation = JSON.parse(asked.body) as Explanation;
  world.out(options.json === true ? asked.body : explanationText(explanation));
  const { answer, outside } = explanation;
  if (answer && answer.rcode === 'NOERROR' && answer.records.length > 0) return EXPLAIN_EXIT.answered;
  const leadsOn = outside && outside.allowed && (outside.special || outside.resolvers.length > 0);
  return !answer && leadsOn ? EXPLAIN_EXIT.answered : EXPLAIN_EXIT.noAnswer;
}

/** What the API says, or why it could not be asked. */
async function ask(
  world: World,
  name: string,
  type: string,
  { api, client }: Options,
): Promise<{ readonly body: string } | string> {
  let url: URL;
  try {
    url = new URL('/explain', api);
  } catch {
    return `'${api}' is not a URL: write --api http://127.0.0.1:8123`;
  }
  url.searchParams.set('name', name);
  url.searchParams.set('type', type);
  if (client !== undefined) url.searchParams.set('client', client);
  let http: HttpClient | undefined;
  try {
    http = await openHttp(world, { connections: 1, connectTimeoutMs: TIMEOUT_MS });
    const reply = await http.request({ method: 'GET', url: url.href, timeoutMs: TIMEOUT_MS });
    const body = await reply.text();
    if (reply.status === 200) return { body };
    return `${url.origin} says ${body.trim() === '' ? reply.status : body.trim()}`;
  } catch (error) {
    return `${url.origin} cannot be asked: ${errorText(error)}. Is DNS running, and dns.httpOn true?`;
  } finally {
    await http?.close();
  }
}
