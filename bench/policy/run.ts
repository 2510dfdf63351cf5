import { ANONYMOUS } from '../../src/core/access.ts';
import type { AccessRequest, Subject } from '../../src/core/access.ts';
import { CompiledPolicy } from '../../src/core/policy/compiled-policy.ts';
import type { Rule } from '../../src/core/policy/types.ts';

// What a decision costs with 1,000 rules of different shapes: CPU nanoseconds, median of the rounds. The goal is 1,000.

const RULES = 1_000;
const ROUNDS = 300;

type Shape = Pick<Rule, 'who' | 'may'> & Partial<Rule>;

interface Figure {
  readonly name: string;
  readonly rule: (i: number) => Shape;
  readonly asks: (i: number) => AccessRequest;
}

const user = (i: number): Subject => ({ kind: 'user', name: `u${i}`, groups: [`g${i % 20}`] });
const workload = (i: number): Subject => ({
  kind: 'workload',
  name: `spiffe://example.test/marathon/team${i}/web`,
  groups: [],
});
const call = (subject: Subject, service: string): AccessRequest => ({
  subject,
  action: 'call',
  object: service,
  alias: 'route:web',
  method: 'GET',
  path: '/items/7',
});

const FIGURES: readonly Figure[] = [
  {
    name: 'a user and a service each',
    rule: (i) => ({ who: [`user:u${i}`], may: ['call'], on: [`service${i}`] }),
    asks: (i) => call(user(i), `service${i}`),
  },
  {
    name: 'anyone, a service and paths each',
    rule: (i) => ({ who: ['anyone'], may: ['call'], on: [`service${i}`], paths: ['/items/**'] }),
    asks: (i) => call(ANONYMOUS, `service${i}`),
  },
  {
    name: 'a pattern of certificates each',
    rule: (i) => ({ who: [`spiffe://example.test/marathon/team${i}/**`], may: ['call'] }),
    asks: (i) => call(workload(i), `service${i}`),
  },
  {
    name: 'twenty groups, a group of apps each',
    rule: (i) => ({ who: [`group:g${i % 20}`], may: ['marathon:*'], on: [`/team${i}/**`] }),
    asks: (i) => ({ subject: user(i), action: 'marathon:update', object: `/team${i}/web` }),
  },
  {
    name: 'nothing fits',
    rule: (i) => ({ who: [`user:u${i}`], may: ['call'], on: [`service${i}`] }),
    asks: (i) => call(workload(i), 'another'),
  },
];

for (const { name, rule, asks } of FIGURES) {
  const rules = Array.from({ length: RULES }, (_, i): Rule => ({
    name: `r${i}`,
    effect: 'allow',
    ...rule(i),
  }));
  const policy = new CompiledPolicy({ version: 1, default: 'deny', rules });
  const requests = Array.from({ length: RULES }, (_, i) => asks(i));
  let allowed = 0;
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    for (const request of requests) if (policy.decide(request).allowed) allowed += 1;
    const { user: spent, system } = process.cpuUsage(before);
    return ((spent + system) * 1_000) / requests.length;
  }).toSorted((a, b) => a - b);
  const median = Math.round(rounds[ROUNDS / 2] ?? 0);
  process.stdout.write(`${name}: ${median} ns (${allowed / ROUNDS} of ${RULES} allowed)\n`);
}
