import { Command } from 'commander';
import { parse } from 'yaml';
import { parseDocument, parseMesosAcls, shadowed } from '../../auth/policy/index.ts';
import type { Explanation } from '../../auth/policy/index.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpClient } from '../../core/http/client.ts';
import type { World } from '../world.ts';
import { openHttp } from './identity-http.ts';
import { IamClient, IamProblem } from './identity/iam-client.ts';
import { act, API_HELP, readText } from './identity/support.ts';

const TIMEOUT_MS = 30_000;

const HELP = `
Examples:
  rimrock policy explain user:alice marathon:update /shop/web --group ops
  rimrock policy explain spiffe://rimrock.local/marathon/shop call marathon/db --method GET --path /items/7
  rimrock policy explain anonymous call marathon/db --alias route:db
  rimrock policy explain net:10.1.2.3 dns:recursion
  rimrock policy check config/policy.yaml

Exit status of explain: 0 it is allowed, 1 the policy could not be asked, 2 wrong usage, 3 it is denied.
Exit status of check: 0 the file is right, 1 it is not.
`;

const DENIED = 3;

interface ExplainOptions {
  readonly api?: string;
  readonly group: readonly string[];
  readonly alias?: string;
  readonly method?: string;
  readonly path?: string;
  readonly json?: boolean;
}

/** `rimrock policy explain|check`: who may do what, asked of a platform that runs, or judged as a file. `done` gets the exit status. */
export function policyCommand(
  world: World,
  done: (status: number) => void,
  quietly: (command: Command, world: World) => Command,
): Command {
  const policy = new Command('policy')
    .summary('ask why somebody may do something, or may not; check rules')
    .description('Ask the policy of a platform that runs, or check a file of rules.')
    .helpOption('-h, --help', 'explain')
    .helpCommand(false)
    .addHelpText('after', HELP);
  const explain = new Command('explain')
    .summary('the rule that decides, and why those before it do not')
    .description('Which rule decides, and why those before it do not.')
    .argument(
      '<who>',
      'anonymous, user:, service: or principal: with a name, a SPIFFE id, or net: with an address',
    )
    .argument('<what>', 'an action, such as call, marathon:update, run_tasks')
    .argument('[on]', 'an object, such as an app path, a role, a service', '')
    .option('--group <group>', 'a group that they are in; may stand more than once', collect, [])
    .option('--alias <name>', 'another name of the object, such as route:<id>')
    .option('--method <method>', 'of an HTTP call')
    .option('--path <path>', 'of an HTTP call')
    .option('--api <url>', API_HELP)
    .option('--json', 'print what the API says, for machines')
    .helpOption('-h, --help', 'explain')
    .addHelpText('after', HELP)
    .action(async (who: string, what: string, on: string, options: ExplainOptions) => {
      let status = 0;
      const work = async (): Promise<void> => {
        const explanation = await ask(world, { who, action: what, object: on }, options);
        world.out(options.json === true ? `${JSON.stringify(explanation)}\n` : explanationText(explanation));
        status = explanation.allowed ? 0 : DENIED;
      };
      await act(world, (code) => done(code === 0 ? status : code), work);
    });
  const check = new Command('check')
    .summary('whether a file of rules is right')
    .description(
      "Whether a file of rules, or with --mesos a file for Mesos's --acls, is right; and which rules never decide.",
    )
    .argument('<file>', 'such as config/policy.yaml')
    .option('--mesos', 'it is a file for the flag --acls of Mesos')
    .helpOption('-h, --help', 'explain')
    .action(async (file: string, options: { readonly mesos?: boolean }) => {
      await act(world, done, async () => checkFile(world, file, options.mesos === true));
    });
  policy.addCommand(quietly(explain, world));
  policy.addCommand(quietly(check, world));
  return quietly(policy, world);
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}

async function ask(
  world: World,
  question: Readonly<Record<string, string>>,
  { api, group, alias, method, path }: ExplainOptions,
): Promise<Explanation> {
  const client = await IamClient.open(world, api);
  const query = new URLSearchParams(question);
  for (const one of group) query.append('group', one);
  for (const [key, value] of Object.entries({ alias, method, path }))
    if (value !== undefined) query.set(key, value);
  let http: HttpClient | undefined;
  try {
    http = await openHttp(world);
    const response = await http.request({
      method: 'GET',
      url: `${client.api}/policy/v1/explain?${query.toString()}`,
      headers: client.token === undefined ? {} : { authorization: `token=${client.token}` },
      timeoutMs: TIMEOUT_MS,
    });
    const text = await response.text();
    if (response.status === 200) return JSON.parse(text) as Explanation;
    throw new IamProblem(response.status === 401 ? 'log in with: rimrock login' : messageIn(text));
  } catch (error) {
    if (error instanceof IamProblem) throw error;
    throw new IamProblem(`the policy cannot be asked at ${client.api}: ${errorText(error)}`);
  } finally {
    await http?.close();
  }
}

function messageIn(text: string): string {
  try {
    const { message, description } = JSON.parse(text) as { message?: string; description?: string };
    return message ?? description ?? text;
  } catch {
    return text;
  }
}

/** Rules that do not fit are told one a line; the last line says what comes of it. */
function explanationText({ allowed, rule, version, rules }: Explanation): string {
  const lines = rules.flatMap((trace) =>
    trace.because === undefined ? [] : [`  ${trace.effect} ${trace.rule}: ${trace.because}\n`],
  );
  const skipped = lines.length === 0 ? '' : `Rules that do not fit:\n${lines.join('')}`;
  const by = rule === 'default' ? 'no rule fits; the default decides' : `rule ${rule} decides`;
  return `${skipped}${allowed ? 'ALLOWED' : 'DENIED'}: ${by} (policy version ${version})\n`;
}

async function checkFile(world: World, file: string, isMesos: boolean): Promise<void> {
  const text = await readText(world, file);
  let input: unknown;
  try {
    input = parse(text);
  } catch (error) {
    throw new IamProblem(`${file}: ${errorText(error)}`);
  }
  const parsed = isMesos ? parseMesosAcls(input) : parseDocument(input);
  if (!parsed.ok)
    throw new IamProblem(
      parsed.problems.map(({ path, message }) => `${file}: ${path}: ${message}`).join('\n'),
    );
  const rules = 'rules' in parsed.value ? parsed.value.rules : parsed.value;
  for (const { message } of shadowed(rules)) world.err(`${file}: ${message}\n`);
  world.out(`${rules.length} rules are right\n`);
}
