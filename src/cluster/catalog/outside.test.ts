import { describe, expect, it } from 'vitest';
import { stateFromV0 } from '../model/index.ts';
import type { ClusterState } from '../model/index.ts';
import { createCatalogBuilder } from './builder.ts';
import type { CatalogInput } from './builder.ts';
import { readDeclaration } from './declaration.ts';
import type { Declaration } from './declaration.ts';

const AGENT = { id: 'A', hostname: 'a.example.com', pid: 'slave(1)@10.0.0.1:5051' };

/** One framework with a running task; `healthy`: what Mesos says of it. */
function state(labels: readonly object[] = [], healthy?: boolean): ClusterState {
  const task = {
    id: 'web.1',
    name: 'web',
    slave_id: 'A',
    state: 'TASK_RUNNING',
    resources: { ports: '[31000-31000]' },
    statuses: [{ state: 'TASK_RUNNING', timestamp: 10, ...(healthy === undefined ? {} : { healthy }) }],
  };
  const framework = { id: 'F', name: 'm', tasks: [task], labels };
  return stateFromV0({ slaves: [AGENT], frameworks: [framework], leader: 'master@10.0.0.9:5050' }, []);
}

function declared(json: object): Declaration {
  const read = readDeclaration(JSON.stringify(json));
  if (!read.ok) throw new Error(read.reason);
  return read.value;
}

const WEB = declared({ name: 'web', labels: { HAPROXY_GROUP: 'x' }, ports: [{ servicePort: 10_001 }] });
const IDLE = declared({
  name: 'idle',
  ports: [{ servicePort: 10_002, check: { kind: 'http', failures: 4 } }],
});

function news(
  services: Readonly<Record<string, Declaration | undefined>>,
  alive: Readonly<Record<string, boolean | undefined>> = {},
): CatalogInput {
  const [pairs, verdicts] = [new Map(Object.entries(services)), new Map(Object.entries(alive))];
  return {
    kind: 'declared',
    frameworkId: 'F',
    frameworkName: 'm',
    services: pairs,
    alive: verdicts,
    rejected: new Map(),
  };
}

describe('what schedulers tell past the master', () => {
  it('joins what Mesos shows, whichever comes first, and stays while nothing else is said', () => {
    for (const order of ['before', 'after']) {
      const builder = createCatalogBuilder({ emptyServiceMs: 0 });
      const both: CatalogInput[] = [{ kind: 'snapshot', state: state() }, news({ web: WEB, idle: IDLE })];
      for (const input of order === 'before' ? both.toReversed() : both) builder.apply(input, 0);
      const { services } = builder.current;
      expect(services.get('m/web')).toMatchObject({ declared: true, ports: [{ servicePort: 10_001 }] });
      expect(services.get('m/web')?.instances).toHaveLength(1);
      expect(services.get('m/idle')).toMatchObject({
        instances: [],
        ports: [{ check: { kind: 'http', path: '/', failures: 4 } }],
      });
      builder.apply({ kind: 'stale', since: 1, reason: 'gone' }, 1);
      builder.apply(news({ idle: undefined }), 2);
      expect(builder.current.stale).toBeDefined();
      expect([...builder.current.services.keys()]).toEqual(['m/web']);
      builder.apply(news({ web: undefined }), 3);
      expect(builder.current.services.get('m/web')).toMatchObject({
        declared: false,
        ports: [{ number: 31_000 }],
      });
    }
  });

  it('one verdict that says no is enough; no verdict says nothing', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    const healthy = (): boolean | undefined => builder.current.services.get('m/web')?.instances[0]?.healthy;
    builder.apply({ kind: 'snapshot', state: state() }, 0);
    expect(healthy()).toBe(undefined);
    const step = builder.apply(news({}, { 'web.1': false }), 0);
    expect(step?.diff.services.changed).toHaveLength(1);
    expect(healthy()).toBe(false);
    builder.apply(news({}, { 'web.1': true, 'web.9': false }), 0);
    expect(healthy()).toBe(true);
    builder.apply({ kind: 'snapshot', state: state([], false) }, 0);
    expect(healthy()).toBe(false);
    builder.apply({ kind: 'snapshot', state: state([], true) }, 0);
    builder.apply(news({}, { 'web.1': false }), 0);
    expect(healthy()).toBe(false);
    builder.apply(news({}, { 'web.1': undefined }), 0);
    expect(healthy()).toBe(true);
  });

  it('a framework says the same by its labels, and goes before', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    const label = (unhealthy: readonly string[]): readonly object[] => [
      { key: 'rimrock.declares', value: 'services' },
      {
        key: 'rimrock.service',
        value: JSON.stringify({ name: 'web', ports: [{ servicePort: 10_009 }], unhealthy }),
      },
    ];
    builder.apply(news({ web: WEB }), 0);
    builder.apply({ kind: 'snapshot', state: state(label(['web.1'])) }, 0);
    const web = () => builder.current.services.get('m/web');
    expect(web()).toMatchObject({ ports: [{ servicePort: 10_009 }], instances: [{ healthy: false }] });
    builder.apply({ kind: 'snapshot', state: state(label([])) }, 0);
    expect(web()?.instances[0]?.healthy).toBe(undefined);
  });

  it('shows where an instance runs, also when that turns out to be elsewhere', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    const at = (zone: string): ClusterState => {
      const domain = { fault_domain: { region: { name: 'eu' }, zone: { name: zone } } };
      const task = { id: 'web.1', name: 'web', slave_id: 'A', state: 'TASK_RUNNING' };
      const framework = { id: 'F', name: 'm', tasks: [task] };
      return stateFromV0({ slaves: [{ ...AGENT, domain }], frameworks: [framework] }, []);
    };
    const zone = (): string | undefined => builder.current.services.get('m/web')?.instances[0]?.zone;
    builder.apply({ kind: 'snapshot', state: at('a') }, 0);
    expect(zone()).toBe('eu/a');
    builder.apply({ kind: 'snapshot', state: at('b') }, 0);
    expect(zone()).toBe('eu/b');
    builder.apply({ kind: 'snapshot', state: state() }, 0);
    expect(zone()).toBe(undefined);
  });

  it('shows why an app was left out, and no more once it is not', () => {
    const builder = createCatalogBuilder({ emptyServiceMs: 0 });
    builder.apply({ kind: 'snapshot', state: state() }, 0);
    const told = (reason: string | undefined): CatalogInput =>
      ({ ...news({}), rejected: new Map([['/bad', reason]]) }) as CatalogInput;
    builder.apply(told('cannot be read'), 0);
    expect([...builder.current.rejected.values()]).toEqual([
      { kind: 'service', id: 'm/bad', reason: 'cannot be read' },
    ]);
    builder.apply(told(undefined), 0);
    expect(builder.current.rejected.size).toBe(0);
  });
});
