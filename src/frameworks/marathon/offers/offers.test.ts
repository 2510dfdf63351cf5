import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../core/random.ts';
import type { Resource } from '../../../mesos/index.ts';
import { containsResources, parseResources } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';
import { buildApp } from '../apps/build.ts';
import type { Constraint } from '../apps/constraint-schema.ts';
import { decodeApp } from '../apps/decode.ts';
import type { Place } from './constraints.ts';
import { meetsConstraint } from './constraints.ts';
import { taskEnvironment } from './environment.ts';
import { matchOffer } from './match.ts';
import { funnel } from './reasons.ts';
import { takePorts } from './take.ts';
import { taskInfo } from './task-info.ts';

function app(over: Record<string, unknown> = {}, mesosRole = '*'): App {
  const decoded = decodeApp(
    { id: '/shop/web', cmd: 'run', cpus: 0.5, mem: 64, ...over },
    { mesosRole, features: ['gpu_resources'] },
  );
  if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
  const built = buildApp(decoded.app, {
    existing: undefined,
    usedPorts: new Set(),
    portRange: { min: 10000, max: 20000 },
    mesosRole,
    version: '2024-01-01T00:00:00.000Z',
  });
  if (!built.ok) throw new Error(built.message);
  return built.app;
}

function resources(text: string): Resource[] {
  const parsed = parseResources(text);
  if (!parsed.ok) throw new Error(parsed.problem);
  return [...parsed.value];
}

const at = (host: string, attributes: Record<string, string> = {}): Place => ({ host, attributes });
const PLENTY = 'cpus:4;mem:1024;disk:1000;ports:[31000-31010]';

describe('constraints', () => {
  const rack = (r: string): Place => at(`h-${r}`, { rack: r });
  const cases: readonly (readonly [string, Constraint, Place, readonly Place[], boolean])[] = [
    ['UNIQUE: a new host', ['hostname', 'UNIQUE'], at('b'), [at('a')], true],
    ['UNIQUE: a used host', ['hostname', 'UNIQUE'], at('a'), [at('a')], false],
    ['UNIQUE: @hostname is the same', ['@hostname', 'UNIQUE'], at('a'), [at('a')], false],
    ['UNIQUE: no such attribute', ['rack', 'UNIQUE'], at('a'), [], false],
    ['CLUSTER: the given value', ['rack', 'CLUSTER', '1'], rack('1'), [], true],
    ['CLUSTER: another value', ['rack', 'CLUSTER', '1'], rack('2'), [], false],
    ['CLUSTER: anywhere at first', ['rack', 'CLUSTER'], rack('2'), [], true],
    ['CLUSTER: then with the others', ['rack', 'CLUSTER'], rack('2'), [rack('1')], false],
    ['GROUP_BY: even', ['rack', 'GROUP_BY'], rack('1'), [rack('1'), rack('2')], true],
    ['GROUP_BY: the fuller one', ['rack', 'GROUP_BY'], rack('1'), [rack('1'), rack('1'), rack('2')], false],
    ['GROUP_BY: the emptier one', ['rack', 'GROUP_BY'], rack('2'), [rack('1'), rack('1'), rack('2')], true],
    [
      'GROUP_BY: fewer groups than expected',
      ['rack', 'GROUP_BY', '3'],
      rack('1'),
      [rack('1'), rack('2')],
      false,
    ],
    [
      'GROUP_BY: a group that was missing',
      ['rack', 'GROUP_BY', '3'],
      rack('3'),
      [rack('1'), rack('2')],
      true,
    ],
    ['MAX_PER: below', ['rack', 'MAX_PER', '2'], rack('1'), [rack('1')], true],
    ['MAX_PER: reached', ['rack', 'MAX_PER', '2'], rack('1'), [rack('1'), rack('1')], false],
    ['LIKE: matches fully', ['hostname', 'LIKE', 'a|bc'], at('bc'), [], true],
    ['LIKE: only a part', ['hostname', 'LIKE', 'b'], at('bc'), [], false],
    ['LIKE: no such attribute', ['rack', 'LIKE', '.*'], at('a'), [], false],
    ['UNLIKE: matches', ['hostname', 'UNLIKE', 'a.*'], at('abc'), [], false],
    ['UNLIKE: no such attribute', ['rack', 'UNLIKE', '.*'], at('a'), [], true],
    ['IS: text', ['rack', 'IS', '1'], rack('1'), [], true],
    ['IS: numbers with three decimals', ['level', 'IS', '1.50'], at('a', { level: '1.5' }), [], true],
    ['IS: another', ['level', 'IS', '1.5'], at('a', { level: '1.6' }), [], false],
    ['region', ['@region', 'CLUSTER', 'eu'], { ...at('a'), region: 'eu' }, [], true],
    ['zone', ['@zone', 'UNIQUE'], { ...at('a'), zone: 'z1' }, [{ ...at('b'), zone: 'z1' }], false],
    ['names of object members are no attributes', ['constructor', 'LIKE', '.*'], at('a'), [], false],
  ];
  it.each(cases)('%s', (_, constraint, place, others, expected) => {
    expect(meetsConstraint(constraint, place, others)).toBe(expected);
  });

  it('GROUP_BY never lets two known groups differ by more than one', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('1', '2', '3'), { maxLength: 40 }), (tries) => {
        const placed: Place[] = ['1', '2', '3'].map(rack);
        for (const r of tries)
          if (meetsConstraint(['rack', 'GROUP_BY', '3'], rack(r), placed)) placed.push(rack(r));
        const sizes = ['1', '2', '3'].map((r) => placed.filter((p) => p.attributes['rack'] === r).length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });
});

describe('matchOffer', () => {
  const random = seededRandom(1);
  const reasons = (a: App, offer: string): readonly string[] => {
    const match = matchOffer(a, resources(offer), at('a'), [], random);
    return match.ok ? [] : match.reasons;
  };

  it('takes what the app asks for, and nothing that is not there', () => {
    const amount = fc.integer({ min: 0, max: 4000 }).map((n) => n / 1000);
    fc.assert(
      fc.property(
        amount,
        amount,
        fc.integer({ min: 0, max: 3 }),
        fc.integer({ min: 0, max: 5 }),
        (cpus, role, ports, free) => {
          const offer = [
            ...resources(`cpus:${cpus};mem:64;ports:[31000-${31000 + free}]`),
            ...(role > 0 ? resources(`cpus(web):${role}`) : []),
          ].filter((r) => r.type !== 'SCALAR' || (r.scalar?.value ?? 0) > 0);
          const wanted = app(
            { cpus: 2.5, portDefinitions: Array.from({ length: ports }, () => ({ port: 0 })) },
            'web',
          );
          const match = matchOffer(wanted, offer, at('a'), [], random);
          expect(match.ok).toBe(Math.round((cpus + role) * 1000) >= 2500 && ports <= free + 1);
          if (!match.ok) return;
          expect(containsResources(offer, match.resources)).toBe(true);
          expect(new Set(match.ports).size).toBe(ports);
        },
      ),
    );
  });

  it('says what is missing, in the order of the funnel', () => {
    expect(reasons(app({ cpus: 9, mem: 9999 }), PLENTY)).toEqual(['InsufficientCpus', 'InsufficientMemory']);
    expect(reasons(app({ disk: 9999 }), PLENTY)).toEqual(['InsufficientDisk']);
    expect(reasons(app({ gpus: 1 }), PLENTY)).toEqual(['InsufficientGpus']);
    expect(reasons(app({ constraints: [['hostname', 'LIKE', 'b']] }), PLENTY)).toEqual([
      'UnfulfilledConstraint',
    ]);
    expect(reasons(app(), 'cpus(db):4;mem(db):1024')).toEqual(['UnfulfilledRole']);
    expect(reasons(app({ requirePorts: true, portDefinitions: [{ port: 80 }] }), PLENTY)).toEqual([
      'InsufficientPorts',
    ]);
    expect(reasons(app({ acceptedResourceRoles: ['web'] }, 'web'), PLENTY)).toEqual(['UnfulfilledRole']);
  });

  it('gives the very ports with requirePorts, any free one for 0', () => {
    const a = app({ requirePorts: true, portDefinitions: [{ port: 31005 }, { port: 0 }] });
    const match = matchOffer(a, resources(PLENTY), at('a'), [], random);
    expect(match).toMatchObject({ ok: true });
    if (!match.ok) return;
    expect(match.ports[0]).toBe(31005);
    expect(match.ports[1]).not.toBe(31005);
  });

  it('does not take volumes or revocable resources', () => {
    const [cpus] = resources('cpus:4');
    const offer = [{ ...cpus, revocable: {} } as Resource, ...resources('mem:1024;ports:[1-9]')];
    expect(matchOffer(app(), offer, at('a'), [], random)).toMatchObject({ reasons: ['InsufficientCpus'] });
  });

  it('takes ports from everywhere in the ranges', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 500; i++)
      for (const p of takePorts(resources('ports:[1-3, 7-8]'), [0], random)?.ports ?? []) seen.add(p);
    expect([...seen].toSorted((a, b) => a - b)).toEqual([1, 2, 3, 7, 8]);
    expect(takePorts(resources('ports:[1-2]'), [0, 0, 0], random)).toBeUndefined();
  });
});

describe('funnel', () => {
  it('counts each offer once, at its first reason', () => {
    const counts = funnel(
      3,
      new Map([
        ['UnfulfilledConstraint', 1],
        ['InsufficientCpus', 1],
      ]),
    );
    expect(counts.find((c) => c.reason === 'UnfulfilledRole')).toMatchObject({ processed: 3, declined: 0 });
    expect(counts.find((c) => c.reason === 'UnfulfilledConstraint')).toMatchObject({
      processed: 3,
      declined: 1,
    });
    expect(counts.find((c) => c.reason === 'InsufficientCpus')).toMatchObject({ processed: 2, declined: 1 });
    expect(counts.at(-1)).toMatchObject({ processed: 1, declined: 0 });
  });
});

describe('the task', () => {
  const task = {
    taskId: 't1',
    agentId: 'S1',
    host: 'h1',
    ports: [31000, 31001],
    resources: resources('cpus:0.5'),
  };
  const two = app({
    labels: { HAPROXY_GROUP: 'external', 'a b': 'c', long: 'x'.repeat(600) },
    env: { PORT0: 'mine', FOO: 'bar' },
    portDefinitions: [
      { port: 80, name: 'http', labels: { VIP_0: '1.2.3.4:80' } },
      { port: 0, protocol: 'udp' },
    ],
  });

  it('gets its environment; what the app says wins', () => {
    const env = Object.fromEntries(taskEnvironment(two, task).map((v) => [v.name, v.value]));
    expect(env).toMatchObject({
      PORT: '31000',
      PORT0: 'mine',
      PORT1: '31001',
      PORTS: '31000,31001',
      PORT_80: '31000',
      PORT_10000: '31001',
      PORT_HTTP: '31000',
      HOST: 'h1',
      FOO: 'bar',
      MESOS_TASK_ID: 't1',
      MARATHON_APP_ID: '/shop/web',
      MARATHON_APP_VERSION: '2024-01-01T00:00:00.000Z',
      MARATHON_APP_RESOURCE_CPUS: '0.5',
      MARATHON_APP_LABELS: 'HAPROXY_GROUP A_B',
      MARATHON_APP_LABEL_HAPROXY_GROUP: 'external',
      MARATHON_APP_LABEL_A_B: 'c',
    });
    expect(env).not.toHaveProperty('MARATHON_APP_LABEL_LONG');
  });

  it('carries name, labels and discovery as Mesos-DNS and load balancers read them', () => {
    expect(taskInfo(two, task)).toMatchObject({
      name: 'web.shop',
      command: { shell: true, value: 'run' },
      labels: { labels: expect.arrayContaining([{ key: 'HAPROXY_GROUP', value: 'external' }]) },
      discovery: {
        visibility: 'FRAMEWORK',
        name: 'web.shop',
        ports: {
          ports: [
            {
              number: 31000,
              name: 'http',
              protocol: 'tcp',
              labels: {
                labels: [
                  { key: 'VIP_0', value: '1.2.3.4:80' },
                  { key: 'network-scope', value: 'host' },
                ],
              },
            },
            { number: 31001, protocol: 'udp' },
          ],
        },
      },
    });
  });

  describe('with an image', () => {
    const image = { image: 'img:1', parameters: [{ key: 'init', value: 'true' }] };
    const bridged = app({
      id: '/shop/db',
      cmd: undefined,
      args: ['-v'],
      networks: [{ mode: 'container/bridge' }],
      container: {
        docker: image,
        portMappings: [
          { containerPort: 80, name: 'http', servicePort: 7000 },
          { containerPort: 53, hostPort: 0, protocol: 'udp,tcp', labels: { x: 'y' } },
          { containerPort: 0 },
        ],
        volumes: [
          { containerPath: '/data', hostPath: '/srv', mode: 'RO' },
          { containerPath: '/own', hostPath: 'own' },
        ],
      },
      healthChecks: [{ protocol: 'MESOS_HTTP', portIndex: 0 }],
    });
    const at = { ...task, ports: [31000, 31001, 31002] };

    it('takes as many ports as are mapped to its agent, the very ones where it says so', () => {
      const place: Place = { host: 'h', attributes: {} };
      const ports = (a: App): readonly number[] => {
        const offered = resources('cpus:9;mem:999;ports:[31000-31009]');
        const found = matchOffer(a, offered, place, [], seededRandom(1));
        return found.ok ? found.ports : [];
      };
      expect(ports(bridged)).toHaveLength(3);
      const portMappings = [{ containerPort: 80, hostPort: 31005 }];
      expect(
        ports(app({ networks: [{ mode: 'container/bridge' }], container: { docker: image, portMappings } })),
      ).toEqual([31005]);
    });

    it('says to the agent what its container is', () => {
      const info = taskInfo(bridged, at);
      expect(info.command).toMatchObject({ shell: false, arguments: ['-v'] });
      expect(info.command).not.toHaveProperty('value');
      expect(info.container).toEqual({
        type: 'DOCKER',
        docker: {
          image: 'img:1',
          network: 'BRIDGE',
          privileged: false,
          force_pull_image: false,
          port_mappings: [
            { host_port: 31000, container_port: 80, protocol: 'tcp' },
            { host_port: 31001, container_port: 53, protocol: 'udp' },
            { host_port: 31001, container_port: 53, protocol: 'tcp' },
            { host_port: 31002, container_port: 31002, protocol: 'tcp' },
          ],
          parameters: [
            { key: 'init', value: 'true' },
            { key: 'label', value: 'MESOS_TASK_ID=t1' },
          ],
        },
        volumes: [
          { container_path: '/data', host_path: '/srv', mode: 'RO' },
          { container_path: '/own', host_path: 'own', mode: 'RW' },
        ],
      });
      // checked where it listens, published where it is reached
      expect(info.health_check).toMatchObject({ http: { port: 80 } });
      expect(info.discovery?.ports?.ports).toMatchObject([
        { number: 31000, name: 'http', labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
        { number: 31001, protocol: 'udp,tcp' },
        { number: 31002 },
      ]);
    });

    it('is told its ports on the agent', () => {
      const env = Object.fromEntries(taskEnvironment(bridged, at).map((v) => [v.name, v.value]));
      expect(env).toMatchObject({
        PORT: '31000',
        PORT0: '31000',
        PORT2: '31002',
        PORT_80: '31000',
        PORT_53: '31001',
        PORT_31002: '31002',
        PORT_HTTP: '31000',
        PORTS: '31000,31001,31002',
        MARATHON_APP_DOCKER_IMAGE: 'img:1',
      });
    });

    it('in a network of its own has the ports of its container', () => {
      const own = app({
        networks: [{ mode: 'container', name: 'blue' }],
        container: {
          docker: image,
          portMappings: [{ containerPort: 80 }, { containerPort: 81, hostPort: 0 }],
        },
      });
      const info = taskInfo(own, { ...task, ports: [31000] });
      expect(info.container).toMatchObject({
        docker: {
          network: 'USER',
          port_mappings: [{ host_port: 31000, container_port: 81, protocol: 'tcp' }],
        },
        network_infos: [{ name: 'blue' }],
      });
      expect(info.discovery?.ports?.ports).toMatchObject([
        { number: 80, labels: { labels: [{ key: 'network-scope', value: 'container' }] } },
        { number: 31000, labels: { labels: [{ key: 'network-scope', value: 'host' }] } },
      ]);
      const env = Object.fromEntries(
        taskEnvironment(own, { ...task, ports: [31000] }).map((v) => [v.name, v.value]),
      );
      expect(env).toMatchObject({ PORT0: '80', PORT1: '31000', PORTS: '80,31000' });
    });
  });

  it('runs args without a shell, and passes on checks, URIs and grace', () => {
    const a = app({
      cmd: undefined,
      args: ['echo', 'x'],
      fetch: [{ uri: 'http://x/y', destPath: 'z' }],
      taskKillGracePeriodSeconds: 1.5,
      healthChecks: [{ protocol: 'MESOS_HTTP', path: '/h', portIndex: 0 }, { protocol: 'HTTP' }],
    });
    expect(taskInfo(a, task)).toMatchObject({
      command: {
        shell: false,
        value: 'echo',
        arguments: ['echo', 'x'],
        uris: [{ value: 'http://x/y', output_file: 'z', extract: true }],
      },
      kill_policy: { grace_period: { nanoseconds: 1_500_000_000 } },
      health_check: { type: 'HTTP', http: { scheme: 'http', port: 31000, path: '/h' } },
    });
  });
});
