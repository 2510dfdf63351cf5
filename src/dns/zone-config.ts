import { z } from 'zod';
import { HEALTH_POLICIES, MAX_ANSWERS, nameProblem, recordProblems } from './zone/publish/index.ts';
import type { ConfiguredNames } from './zone/publish/index.ts';

const uint16 = z.int().min(0).max(65_535);

const record = z.strictObject({
  name: z
    .string()
    .describe('A name in the domain, or a reverse name (in-addr.arpa, ip6.arpa). Wildcards are not known.'),
  type: z.enum(['A', 'AAAA', 'CNAME', 'SRV', 'PTR', 'TXT']).describe('Type of the record.'),
  value: z
    .string()
    .describe(
      'An address (A, AAAA), a name (CNAME, PTR), name:port (SRV) or text (TXT). Names may lie anywhere.',
    ),
  ttlSeconds: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .optional()
    .describe('TTL, the same for all records of a name and type. Without it, that of the domain.'),
  weight: uint16.optional().describe('Of SRV records; without it `srvWeight`.'),
  priority: uint16.optional().describe('Of SRV records; without it 0.'),
});

/** The keys of the DNS config that say which names and records are published. */
export const zoneKeys = {
  health: z
    .enum(HEALTH_POLICIES)
    .default('exclude')
    .describe(
      'Tasks that are unhealthy or being killed. exclude: they leave the names that several tasks share, unless all would; include: health counts for nothing and tasks being killed have no names (Mesos-DNS); only-srv-weight: they stay, with weight 0 in SRV records. A task label dns.health says it for one service.',
    ),
  longNames: z
    .enum(['cut', 'hash'])
    .default('cut')
    .describe(
      'Names of tasks, frameworks and ports that are longer than a label: cut (Mesos-DNS), or shortened with a hash of the whole, so that they stay distinct.',
    ),
  legacyNames: z
    .boolean()
    .default(true)
    .describe('Publish discovery names also exactly as given, dots included (Mesos-DNS).'),
  agentNames: z
    .boolean()
    .default(true)
    .describe('Publish each agent, by the end of its id and by its host name: s12.agent.mesos.'),
  networkNames: z
    .boolean()
    .default(true)
    .describe('Publish the addresses of tasks on named networks: web.marathon.dmz.net.mesos.'),
  ptr: z
    .boolean()
    .default(true)
    .describe(
      'Publish reverse names: of agents (with `agentNames`), and of tasks with an address of their own.',
    ),
  records: z.array(record).default([]).describe('Records of your own, beside those of the cluster.'),
  answerLimits: z
    .record(z.string(), z.int().min(1).max(MAX_ANSWERS))
    .default({})
    .describe(
      'The most records that an answer for a name has, by name: {"web.marathon.mesos": 2}. A task label dns.answers says it for all names of one service.',
    ),
};

/** What the schema cannot say key by key: names must lie in the domain, and records must not contradict each other. */
export function checkNames(
  config: ConfiguredNames & { readonly domain: string },
  context: z.RefinementCtx,
): void {
  const { records, answerLimits, domain } = config;
  for (const { index, message } of recordProblems(records, domain))
    context.addIssue({ code: 'custom', path: ['records', index], message });
  const seen = new Map<string, string>();
  for (const name of Object.keys(answerLimits)) {
    const path = ['answerLimits', name];
    const problem = nameProblem(name, domain);
    if (problem !== undefined) context.addIssue({ code: 'custom', path, message: problem });
    const key = name.toLowerCase().replace(/\.$/, '');
    const other = seen.get(key);
    if (other !== undefined)
      context.addIssue({ code: 'custom', path, message: `is the same name as '${other}'` });
    seen.set(key, name);
  }
}
