import { describe, expect, it } from 'vitest';
import type { AgentInfo, DomainInfo, FrameworkInfo, Resource } from '../../mesos/index.ts';
import { parseAttributes, parseResources, scalarOf } from '../../mesos/index.ts';
import { Driver, task } from '../testing/driver.ts';
import * as machine from './index.ts';
import type { FrameworkEntry, QuotaConfig } from './index.ts';

const resources = (text: string): Resource[] => {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return [...parsed.value];
};
let port = 1;
function agent(d: Driver, text: string, info: Partial<AgentInfo> = {}): string {
  port++;
  const agent_info = { hostname: `h${port}`, port: 5051, resources: resources(text), ...info };
  return d.agent(`agent${port}`, { agent_info, address: { ip: '127.0.0.1', port } });
}
const caps = (...types: string[]): Partial<FrameworkInfo> => ({
  capabilities: types.map((type) => ({ type })),
});
/** What the offers of a framework hold of a scalar. */
const offered = ({ offered: all }: FrameworkEntry, name = 'cpus'): number => scalarOf(all, name);
const domain = (region: string): DomainInfo => ({
  fault_domain: { region: { name: region }, zone: { name: `${region}-1` } },
});
const quota = (role: string, guarantees = {}, limits = {}): QuotaConfig => ({
  role,
  guarantees: new Map(Object.entries(guarantees)),
  limits: new Map(Object.entries(limits)),
});
const events = (d: Driver, stream: string, type: string): number =>
  d.sent(stream).filter((e) => e.type === type).length;

describe('who is offered what', () => {
  it('keeps GPUs for those who know them, unless told otherwise', () => {
    for (const filterGpuResources of [true, false]) {
      const d = new Driver({ filterGpuResources });
      agent(d, 'cpus:4;gpus:1');
      const plain = d.framework('plain');
      d.allocate();
      expect(offered(plain)).toBe(filterGpuResources ? 0 : 4);
      const aware = d.framework('aware', caps('GPU_RESOURCES'));
      d.allocate();
      expect(offered(aware, 'gpus')).toBe(filterGpuResources ? 1 : 0);
    }
  });

  it('offers agents of another region to those who are aware of regions', () => {
    const d = new Driver();
    d.state.info = { ...d.state.info, domain: domain('us') };
    agent(d, 'cpus:1', { domain: domain('us') });
    agent(d, 'cpus:2', { domain: domain('eu') });
    agent(d, 'cpus:4');
    const near = d.framework('near');
    d.allocate();
    expect(offered(near)).toBe(5);
    const far = d.framework('far', caps('REGION_AWARE'));
    d.allocate();
    expect(offered(far)).toBe(2);
  });

  it('offers what may be taken back, or is shared, or reserved in several steps, to those who know that', () => {
    const d = new Driver();
    const [cpus = task('x', 'x').resources[0] as Resource] = resources('cpus:1');
    const refined = ['a', 'a/b'].map((role) => ({ type: 'DYNAMIC', role }));
    agent(d, 'cpus:8', {
      resources: [
        ...resources('cpus:8'),
        { ...cpus, revocable: {} },
        { ...cpus, scalar: { value: 2 }, shared: {} },
        { ...cpus, scalar: { value: 4 }, role: undefined as never, reservations: refined },
      ],
    });
    const plain = d.framework('plain', { role: 'a/b' });
    d.allocate();
    expect(offered(plain)).toBe(8);
    const types = ['REVOCABLE_RESOURCES', 'SHARED_RESOURCES', 'RESERVATION_REFINEMENT'];
    for (const [i, type] of types.entries()) {
      const knows = d.framework(type, { role: 'a/b', ...caps(type) });
      d.allocate();
      expect(offered(knows), type).toBe([1, 2, 4][i]);
    }
  });

  it('goes by the constraints and the smallest offers that a framework names, until it says otherwise', () => {
    const d = new Driver();
    const attributes = (text: string): Pick<AgentInfo, 'attributes'> => {
      const parsed = parseAttributes(text);
      return { attributes: parsed.ok ? parsed.value : [] };
    };
    agent(d, 'cpus:1', attributes('rack:a'));
    agent(d, 'cpus:2', attributes('rack:b'));
    const rack = (value: string): unknown => ({
      role_constraints: {
        '*': {
          groups: [
            {
              attribute_constraints: [
                { selector: { attribute_name: 'rack' }, predicate: { text_equals: { value } } },
              ],
            },
          ],
        },
      },
    });
    const info = { user: 'u', name: 'n', failover_timeout: 100, checkpoint: true };
    d.turn((step) => machine.subscribeFramework(step, info, [], 'fw', undefined, rack('b')));
    const framework = d.state.frameworks.get('M-0000');
    if (!framework) throw new Error('refused');
    d.allocate();
    expect(offered(framework)).toBe(2);
    const update = (more: Partial<FrameworkInfo>, constraints?: unknown): string | undefined =>
      d.turn((step) => machine.updateFramework(step, framework, { ...info, ...more }, [], constraints));
    expect(update({}, rack('c'))).toBeUndefined();
    d.allocate();
    expect(offered(framework)).toBe(2);
    const quantities = [{ quantities: { cpus: { value: 1.5 } } }];
    const offer_filters = { '*': { min_allocatable_resources: { quantities } } };
    expect(update({ offer_filters })).toBeUndefined();
    d.allocate();
    expect(offered(framework)).toBe(2);
    expect(update({})).toBeUndefined();
    d.allocate();
    expect(offered(framework)).toBe(3);
    expect(update({}, { role_constraints: { other: {} } })).toContain('Offer constraints are not valid');
    const bad = { web: { min_allocatable_resources: { quantities } } };
    expect(update({ offer_filters: bad })).toContain("the framework is not in role 'web'");
  });

  it('offers nothing of a deactivated agent, and nothing to a suppressed role', () => {
    const d = new Driver();
    const id = agent(d, 'cpus:4');
    const entry = d.state.agents.get(id);
    if (entry) entry.deactivated = true;
    const framework = d.framework('fw', { roles: ['a', 'b'], ...caps('MULTI_ROLE') });
    d.allocate();
    expect(offered(framework)).toBe(0);
    if (entry) entry.deactivated = false;
    d.turn((step) => machine.suppressRoles(step, framework, ['a']));
    d.allocate();
    expect([...d.state.offers.values()].map((o) => o.role)).toEqual(['b']);
  });

  it('asks again for what nobody wanted once a refusal ends, is revoked, or something is given back', () => {
    const d = new Driver();
    const agentId = agent(d, 'cpus:4');
    const framework = d.framework('fw');
    const seen = (): number => {
      d.allocate();
      const n = framework.offers.size;
      const offer_ids = [...framework.offers].map((value) => ({ value }));
      d.turn((step) => machine.decline(step, framework, { offer_ids, filters: { refuse_seconds: 60 } }));
      return n;
    };
    expect([seen(), seen(), seen()]).toEqual([1, 0, 0]);
    d.now += 60_000;
    expect([seen(), seen()]).toEqual([1, 0]);
    d.turn((step) => machine.revive(step, framework, []));
    d.allocate();
    d.launch(framework, task('t', agentId));
    d.now += 1000;
    expect([seen(), seen()]).toEqual([1, 0]);
    d.update(agentId, framework.id, 't', 'TASK_FINISHED', 'u');
    expect([seen(), seen()]).toEqual([1, 0]);
    const other = d.framework('other');
    d.allocate();
    expect(other.offers.size).toBe(1);
  });

  it('a large cluster is offered in several runs, each asking for the next as long as that comes to something', () => {
    const d = new Driver();
    for (let i = 0; i < 700; i++) agent(d, 'cpus:1');
    const framework = d.framework('fw', { role: 'web' });
    const told: number[] = [];
    const asked = (): boolean => {
      d.effects = [];
      d.allocate();
      for (const event of d.sent('fw')) if (event.type === 'OFFERS') told.push(event.offers.offers.length);
      return d.effects.some((effect) => effect.kind === 'allocate');
    };
    expect([asked(), asked(), asked(), framework.offers.size]).toEqual([true, true, false, 700]);
    expect(told).toEqual([300, 300, 100]);
    // of what nobody may have there is nothing to be said
    d.turn((step) => machine.applyQuotas(step, [quota('web', {}, { cpus: 0 })]));
    expect([asked(), framework.offers.size]).toEqual([false, 0]);
  });
});

describe('quotas and weights', () => {
  it('a limit takes back offers beyond it and counts what runs', () => {
    const d = new Driver();
    const first = agent(d, 'cpus:4');
    agent(d, 'cpus:4');
    const framework = d.framework('fw', { role: 'web/shop' });
    d.allocate();
    expect(offered(framework)).toBe(8);
    d.turn((step) => machine.applyQuotas(step, [quota('web', {}, { cpus: 5000 })]));
    expect([offered(framework), events(d, 'fw', 'RESCIND')]).toEqual([4, 1]);
    d.allocate();
    expect(offered(framework)).toBe(5);
    const [other, own] = [...d.state.offers.values()].sort((a, b) =>
      a.agentId === first ? 1 : b.agentId === first ? -1 : 0,
    );
    const cpus = [{ name: 'cpus', type: 'SCALAR' as const, scalar: { value: 1 } }];
    const operations = [
      { type: 'LAUNCH', launch: { task_infos: [task('t', own?.agentId ?? '', { resources: cpus })] } },
    ];
    d.turn((step) => {
      machine.accept(step, framework, { offer_ids: [{ value: own?.id ?? '' }], operations });
      machine.decline(step, framework, { offer_ids: [{ value: other?.id ?? '' }] });
    });
    expect(framework.tasks.size).toBe(1);
    d.now += 10_000;
    d.allocate();
    expect(offered(framework)).toBe(4);
  });

  it('a guarantee takes back as many offers of others as it needs', () => {
    const d = new Driver();
    for (let i = 0; i < 4; i++) agent(d, 'cpus:4');
    const greedy = d.framework('greedy', { role: 'batch' });
    d.allocate();
    expect(greedy.offers.size).toBe(4);
    d.turn((step) => machine.applyQuotas(step, [quota('web', { cpus: 6000 })]));
    expect(greedy.offers.size).toBe(2);
    // Nobody of the role is there: what is owed to it stays free.
    d.allocate();
    expect(offered(greedy)).toBe(10);
    const entitled = d.framework('entitled', { role: 'web' });
    d.allocate();
    expect(offered(entitled)).toBe(6);
    // And no longer once it is taken away.
    d.turn((step) => machine.applyQuotas(step, [quota('web')]));
    expect(d.state.quotas.size).toBe(0);
  });

  it('are checked against what the cluster has and the role consumes', () => {
    const d = new Driver();
    const agentId = agent(d, 'cpus:4;cpus(web):2');
    const framework = d.framework('fw', { role: 'web' });
    d.allocate();
    d.launch(framework, task('t', agentId));
    const problem = (q: QuotaConfig): string | undefined => machine.capacityProblem(d.state, [q]);
    expect(problem(quota('web', { cpus: 6000 }, { cpus: 6000 }))).toBeUndefined();
    expect(problem(quota('web', { cpus: 6001 }))).toBe(
      "total quota guarantees 'cpus:6.001' exceed cluster capacity 'cpus:6' (use 'force' flag to bypass this check)",
    );
    expect(problem(quota('web', {}, { cpus: 2499 }))).toBe(
      "Role 'web' is already consuming 'cpus:2.5'; this is more than the requested limits 'cpus:2.499' (use 'force' flag to bypass this check)",
    );
    expect(problem(quota('web', {}, { cpus: 2500, mem: 0 }))).toBeUndefined();
  });

  it('a new weight of a role that somebody is in or below takes all offers back', () => {
    const d = new Driver();
    agent(d, 'cpus:4');
    const framework = d.framework('fw', { role: 'a/b' });
    d.allocate();
    d.turn((step) => machine.applyWeights(step, [{ role: 'z', weight: 2 }]));
    expect(framework.offers.size).toBe(1);
    d.turn((step) => machine.applyWeights(step, [{ role: 'a', weight: 2 }]));
    expect([framework.offers.size, [...d.state.weights]]).toEqual([
      0,
      [
        ['a', 2],
        ['z', 2],
      ],
    ]);
  });
});
