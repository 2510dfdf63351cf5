import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { App } from './app.ts';
import { buildApp } from './build.ts';
import { decodeApp } from './decode.ts';
import { mergeUpdate, versionAskedFor, versionProblem } from './merge.ts';
import { appDefinitionJson, appJson } from './present.ts';
import { appSchema } from './schema.ts';
import { allotServicePorts } from './service-ports.ts';

const LIMITS = { mesosRole: '*', features: [] };
const BASE = { id: '/a', cmd: 'sleep 1' };

function problemsOf(over: Record<string, unknown>): { path: string; error: string }[] {
  const decoded = decodeApp({ ...BASE, ...over }, LIMITS);
  return decoded.ok ? [] : [...decoded.problems];
}

const check = (over: Record<string, unknown>): unknown => ({ healthChecks: [over] });
const docker = (over: Record<string, unknown>): Record<string, unknown> => ({
  container: { docker: { image: 'x', ...over } },
});

const bridge = (portMappings: readonly unknown[]): Record<string, unknown> => ({
  networks: [{ mode: 'container/bridge' }],
  container: { docker: { image: 'x' }, portMappings },
});

/** One mistake per line: what is wrong, and where it must be said. */
const MISTAKES: readonly (readonly [path: string, over: unknown])[] = [
  ['/id', { id: '/Upper' }],
  ['/id', { id: '/' }],
  ['/id', { id: '/a/restart' }],
  ['/id', { id: 5 }],
  ['/cmd', { cmd: 5 }],
  ['/cmd', { cmd: undefined }],
  ['/cmd', { args: ['x'] }],
  ['/args', { cmd: undefined, args: 'x' }],
  ['/args(1)', { cmd: undefined, args: ['x', 1] }],
  ['/user', { user: '' }],
  ['/env/A', { env: { A: 1 } }],
  ['/env/A', { env: { A: { secret: 's' } } }],
  ['/secrets', { secrets: { s: { source: 'x' } } }],
  ['/secrets/s/source', { secrets: { s: {} } }],
  ['/instances', { instances: -1 }],
  ['/instances', { instances: '3' }],
  ['/instances', { instances: 2, labels: { MARATHON_SINGLE_INSTANCE_APP: 'true' } }],
  ['/cpus', { cpus: -1 }],
  ['/mem', { mem: 'many' }],
  ['/disk', { disk: -1 }],
  ['/gpus', { gpus: 1 }],
  ['/gpus', { gpus: 0.5 }],
  ['/resourceLimits/cpus', { cpus: 2, resourceLimits: { cpus: 1 } }],
  ['/resourceLimits/mem', { resourceLimits: { mem: 'lots' } }],
  ['/executor', { executor: '/bin/my-executor' }],
  ['/executor', { executor: 5 }],
  ['/executorResources/mem', { executorResources: { mem: -1 } }],
  ['/constraints(0)', { constraints: [['hostname']] }],
  ['/constraints(0)', { constraints: [['hostname', 'NEAR', 'x']] }],
  ['/constraints(0)', { constraints: [['hostname', 'UNIQUE', 'x']] }],
  ['/constraints(0)', { constraints: [['hostname', 'LIKE', '(']] }],
  ['/constraints(0)', { constraints: [['hostname', 'MAX_PER', 'x']] }],
  ['/constraints(0)', { constraints: [['hostname', 'GROUP_BY', '0']] }],
  [
    '/constraints(1)',
    {
      constraints: [
        ['hostname', 'CLUSTER'],
        ['rack', 'IS', 'a b'],
      ],
    },
  ],
  ['/fetch(0)/uri', { fetch: [{}] }],
  ['/fetch(0)/extract', { fetch: [{ uri: 'http://x', extract: 'yes' }] }],
  ['/uris', { uris: 'http://x' }],
  ['/uris', { uris: ['http://x'], fetch: [{ uri: 'http://y' }] }],
  ['/container/docker', { container: { type: 'DOCKER' } }],
  ['/container/docker/pullConfig', { container: { docker: { image: 'x', pullConfig: { secret: 's' } } } }],
  [
    '/container/volumes(0)',
    { container: { docker: { image: 'x' }, volumes: [{ containerPath: '/x', persistent: { size: 1 } }] } },
  ],
  ['/container/portMappings(1)/name', bridge([{ name: 'a' }, { name: 'a' }])],
  ['/container/type', { container: { type: 'ROCKET' } }],
  ['/container/docker/image', { container: { docker: {} } }],
  ['/container/docker', { container: { type: 'MESOS', docker: { image: 'x' } } }],
  ['/container/docker/network', { ...docker({ network: 'BRIDGE' }), networks: [{ mode: 'host' }] }],
  ['/container/docker/network', docker({ network: 'MOON' })],
  [
    '/container/docker/portMappings',
    { container: { portMappings: [], docker: { image: 'x', portMappings: [] } } },
  ],
  ['/container/docker/parameters(0)/value', docker({ parameters: [{ key: 'k' }] })],
  ['/container/portMappings', { container: { type: 'MESOS', portMappings: [{ containerPort: 80 }] } }],
  ['/container/portMappings(0)/containerPort', { container: { portMappings: [{ containerPort: 70000 }] } }],
  [
    '/container/volumes(0)',
    { container: { type: 'MESOS', volumes: [{ containerPath: '/x', hostPath: '/y', mode: 'RO' }] } },
  ],
  ['/container/volumes(0)', { container: { type: 'MESOS', volumes: [{ containerPath: '/x' }] } }],
  [
    '/container/volumes(0)/mode',
    { container: { type: 'MESOS', volumes: [{ containerPath: '/x', hostPath: '/y', mode: 'RX' }] } },
  ],
  ['/container/linuxInfo', { container: { type: 'MESOS', linuxInfo: {} } }],
  ['/networks', { networks: [] }],
  ['/networks', { networks: [{ mode: 'host' }, { mode: 'container', name: 'n' }] }],
  ['/networks', { networks: [{ mode: 'host' }, { mode: 'host' }] }],
  ['/networks(0)/mode', { networks: [{ mode: 'token-ring' }] }],
  ['/networks(0)/mode', { networks: [{ mode: 'container/bridge' }] }],
  ['/networks(0)/name', { networks: [{ mode: 'container' }] }],
  ['/networks(0)/name', { networks: [{ mode: 'host', name: 'x' }] }],
  ['/portDefinitions', { networks: [{ mode: 'container', name: 'n' }], portDefinitions: [{ port: 0 }] }],
  ['/portDefinitions(0)/port', { portDefinitions: [{ port: 70000 }] }],
  ['/portDefinitions(1)/port', { portDefinitions: [{ port: 80 }, { port: 80 }] }],
  ['/portDefinitions(1)/name', { portDefinitions: [{ name: 'x' }, { name: 'x' }] }],
  ['/portDefinitions(0)/protocol', { portDefinitions: [{ protocol: 'sctp' }] }],
  ['/portDefinitions(0)/labels/a', { portDefinitions: [{ labels: { a: 1 } }] }],
  ['/ports', { ports: [99999] }],
  ['/ports', { ports: 80 }],
  ['/ports', { ports: [80], portDefinitions: [{ port: 81 }] }],
  ['/requirePorts', { requirePorts: 'yes' }],
  ['/healthChecks(0)/protocol', check({ protocol: 'ICMP' })],
  ['/healthChecks(0)/path', check({ path: 'health' })],
  ['/healthChecks(0)/path', check({ protocol: 'TCP', path: '/' })],
  ['/healthChecks(0)/portIndex', check({ portIndex: 1 })],
  ['/healthChecks(0)/port', check({ port: 0 })],
  ['/healthChecks(0)/port', check({ port: 80, portIndex: 0 })],
  ['/healthChecks(0)/command', check({ protocol: 'COMMAND' })],
  ['/healthChecks(0)/command', check({ command: { value: 'x' } })],
  ['/healthChecks(0)/gracePeriodSeconds', check({ gracePeriodSeconds: -1 })],
  ['/healthChecks(0)/intervalSeconds', check({ intervalSeconds: 'x' })],
  ['/healthChecks(0)/timeoutSeconds', check({ timeoutSeconds: -1 })],
  ['/healthChecks(0)/maxConsecutiveFailures', check({ maxConsecutiveFailures: -1 })],
  ['/healthChecks(0)/delaySeconds', check({ delaySeconds: -1 })],
  ['/healthChecks(0)/ignoreHttp1xx', check({ ignoreHttp1xx: 1 })],
  ['/healthChecks(0)/ipProtocol', check({ ipProtocol: 'IPv6' })],
  ['/healthChecks', { healthChecks: [{ protocol: 'MESOS_TCP' }, { protocol: 'MESOS_HTTP' }] }],
  ['/check', { check: {} }],
  ['/check', { check: { tcp: { portIndex: 0 } } }],
  ['/check/tcp/portIndex', { check: { tcp: { portIndex: 4 } } }],
  ['/readinessChecks', { readinessChecks: [{ portName: 'default' }, { portName: 'default' }] }],
  ['/readinessChecks(0)/portName', { readinessChecks: [{ portName: 'nope' }] }],
  ['/readinessChecks(0)/timeoutSeconds', { readinessChecks: [{ portName: 'default', timeoutSeconds: 40 }] }],
  ['/backoffSeconds', { backoffSeconds: -1 }],
  ['/backoffFactor', { backoffFactor: 0.5 }],
  ['/maxLaunchDelaySeconds', { maxLaunchDelaySeconds: -1 }],
  ['/upgradeStrategy/minimumHealthCapacity', { upgradeStrategy: { minimumHealthCapacity: 1.5 } }],
  ['/upgradeStrategy/maximumOverCapacity', { upgradeStrategy: { maximumOverCapacity: -1 } }],
  ['/dependencies(0)', { dependencies: ['/a'] }],
  ['/dependencies(1)', { dependencies: ['/b', '/A B'] }],
  ['/dependencies', { dependencies: '/b' }],
  ['/labels/a', { labels: { a: 1 } }],
  ['/labels', { labels: [] }],
  ['/acceptedResourceRoles', { acceptedResourceRoles: [] }],
  ['/acceptedResourceRoles(0)', { acceptedResourceRoles: ['slave_public'] }],
  ['/residency', { residency: {} }],
  ['/residency/taskLostBehavior', { residency: { taskLostBehavior: 'SHRUG' } }],
  ['/taskKillGracePeriodSeconds', { taskKillGracePeriodSeconds: -1 }],
  ['/unreachableStrategy', { unreachableStrategy: 'sometimes' }],
  [
    '/unreachableStrategy/inactiveAfterSeconds',
    { unreachableStrategy: { inactiveAfterSeconds: 9, expungeAfterSeconds: 1 } },
  ],
  ['/killSelection', { killSelection: 'RANDOM' }],
  ['/tty', { tty: true }],
  ['/role', { role: 'web' }],
  ['/ipAddress', { ipAddress: 'x' }],
  ['/instnaces', { instnaces: 3 }],
];

describe('decodeApp', () => {
  it('takes secrets where that feature is on, and names those that the app does not have', () => {
    const limits = { ...LIMITS, features: ['secrets'] };
    const volume = (secret: string) => ({ type: 'MESOS', volumes: [{ containerPath: 'x', secret }] });
    const paths = (over: Record<string, unknown>): string[] => {
      const decoded = decodeApp({ id: '/a', cmd: 'x', secrets: { db: { source: 's' } }, ...over }, limits);
      return decoded.ok ? [] : decoded.problems.map(({ path }) => path);
    };
    expect(paths({ env: { A: { secret: 'db' } }, container: volume('db') })).toEqual([]);
    expect(paths({ env: { A: { secret: 'no' } }, container: volume('toString') })).toEqual([
      '/env/A',
      '/container/volumes(0)/secret',
    ]);
  });

  it.each(MISTAKES)('names %s of %j', (path, over) => {
    expect(problemsOf(over as Record<string, unknown>).map((p) => p.path)).toContain(path);
  });

  it('has a mistake for every field there is', () => {
    const named = new Set(MISTAKES.map(([path]) => /^\/(\w+)/.exec(path)?.[1]));
    expect(Object.keys(appSchema.shape).filter((field) => !named.has(field))).toEqual([]);
  });

  it('finds all mistakes at once', () => {
    const paths = problemsOf({ cpus: -1, mem: -1, healthChecks: [{ protocol: 'X' }] }).map((p) => p.path);
    expect(paths).toEqual(expect.arrayContaining(['/cpus', '/mem', '/healthChecks(0)/protocol']));
  });

  it('fills in the defaults', () => {
    const decoded = decodeApp({ id: 'web', cmd: 'x' }, LIMITS);
    expect(decoded).toMatchObject({
      ok: true,
      app: {
        id: '/web',
        instances: 1,
        cpus: 1,
        mem: 128,
        networks: [{ mode: 'host' }],
        upgradeStrategy: { minimumHealthCapacity: 1, maximumOverCapacity: 1 },
        unreachableStrategy: { inactiveAfterSeconds: 0, expungeAfterSeconds: 0 },
        maxLaunchDelaySeconds: 300,
        killSelection: 'YOUNGEST_FIRST',
      },
    });
  });

  it('converts ports, uris and nulls', () => {
    const decoded = decodeApp(
      {
        ...BASE,
        ports: [8080, 0],
        uris: ['http://x/a.tar.gz?b', 'http://x/script.sh'],
        user: null,
        healthChecks: [{ path: null }],
      },
      LIMITS,
    );
    expect(decoded).toMatchObject({
      ok: true,
      app: {
        portDefinitions: [
          { port: 8080, name: 'default', protocol: 'tcp' },
          { port: 0, protocol: 'tcp' },
        ],
        fetch: [
          { uri: 'http://x/a.tar.gz?b', extract: true },
          { uri: 'http://x/script.sh', extract: false },
        ],
      },
    });
  });

  it('converts the old docker network', () => {
    const mappings = [{ containerPort: 80, hostPort: null }];
    // `ports` only repeats the service ports, in what old clients send back
    const old = { ...docker({ network: 'BRIDGE', portMappings: mappings }), ports: [10001] };
    expect(decodeApp({ ...BASE, ...old }, LIMITS)).toMatchObject({
      ok: true,
      app: {
        networks: [{ mode: 'container/bridge' }],
        container: { type: 'DOCKER', docker: { image: 'x' }, portMappings: [{ containerPort: 80 }] },
      },
    });
  });

  it('ignores what it does not know, and what GET adds', () => {
    expect(problemsOf({ x_team: 'a', tasksRunning: 3, versionInfo: {}, lastTaskFailure: {} })).toEqual([]);
  });

  it('never throws, whatever it is given', () => {
    const value = fc.oneof(fc.jsonValue(), fc.constant('__proto__'));
    const fields = [...Object.keys(appSchema.shape), 'ports', 'uris', 'ipAddress'];
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...fields), value), (over) => {
        decodeApp({ ...BASE, ...over }, LIMITS);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('building and updating', () => {
  function build(body: unknown, version = 'v1', existing?: App): App {
    const decoded = decodeApp(body, LIMITS);
    if (!decoded.ok) throw new Error(JSON.stringify(decoded.problems));
    const built = buildApp(decoded.app, {
      existing,
      usedPorts: new Set([10000]),
      portRange: { min: 10000, max: 10002 },
      mesosRole: '*',
      version,
    });
    if (!built.ok) throw new Error(built.message);
    return built.app;
  }

  it('allots service ports and keeps them', () => {
    const app = build(BASE);
    expect(app.portDefinitions).toEqual([{ port: 10001, name: 'default', protocol: 'tcp' }]);
    expect(build({ ...BASE, cmd: 'y' }, 'v2', app).portDefinitions[0]?.port).toBe(10001);
    expect(allotServicePorts([0, 0, 0], [], new Set(), { min: 1, max: 2 })).toMatchObject({ ok: false });
  });

  it('allots service ports of port mappings, and shows nothing else', () => {
    const app = build({ ...BASE, ...bridge([{ containerPort: 80 }, { servicePort: 7 }]) });
    expect(app.container?.portMappings).toMatchObject([
      { containerPort: 80, servicePort: 10001 },
      { containerPort: 0, servicePort: 7 },
    ]);
    expect(appDefinitionJson(app)).not.toHaveProperty('portDefinitions');
    expect(build(appJson(app), 'v2', app)).toBe(app);
    const plain = build({ ...BASE, networks: [{ mode: 'container/bridge' }], ...docker({}) });
    expect(plain.container?.portMappings).toMatchObject([{ name: 'default', servicePort: 10001 }]);
    const onHost = mergeUpdate(app, { networks: [{ mode: 'host' }], container: docker({}).container });
    const decoded = decodeApp(onHost.merged, LIMITS);
    expect(decoded.ok && decoded.app.portDefinitions).toBeUndefined();
  });

  it('stamps what changed: scaling leaves the configuration alone', () => {
    const app = build(BASE);
    expect(build({ ...BASE, instances: 5 }, 'v2', app)).toMatchObject({
      version: 'v2',
      versionInfo: { lastScalingAt: 'v2', lastConfigChangeAt: 'v1' },
    });
    expect(build({ ...BASE, mem: 64 }, 'v2', app).versionInfo).toEqual({
      lastScalingAt: 'v2',
      lastConfigChangeAt: 'v2',
    });
    expect(build(BASE, 'v2', app)).toBe(app);
  });

  it('takes back what GET shows without a change', () => {
    const app = build({
      ...BASE,
      env: { A: 'b' },
      healthChecks: [{ path: '/' }],
      constraints: [['hostname', 'UNIQUE']],
    });
    expect(build(appJson(app), 'v2', app)).toBe(app);
    const json = appDefinitionJson(build(BASE));
    expect(Object.keys(json)).not.toContain('env');
    expect(json['labels']).toEqual({});
  });

  it('lays an update over the app', () => {
    const app = build({ ...BASE, env: { A: '1', B: '2' }, labels: { x: 'y' } });
    expect(mergeUpdate(app, { env: { A: '3' } }).merged).toMatchObject({
      cmd: 'sleep 1',
      env: { A: '3' },
      labels: { x: 'y' },
    });
    const argv = mergeUpdate(app, { args: ['a'] }).merged as Record<string, unknown>;
    expect(argv['cmd']).toBeUndefined();
    expect(decodeApp(argv, LIMITS).ok).toBe(true);
    expect(versionAskedFor({ version: 'v' })).toBe('v');
    expect(versionAskedFor({ version: 'v', id: '/a', cmd: null })).toBe('v');
    expect(versionAskedFor({ version: 'v', cmd: 'x' })).toBeUndefined();
    expect(versionProblem(app, { version: 'v', id: '/a' })).toBeUndefined();
    expect(versionProblem(app, { version: app.version, cmd: 'x' })).toBeUndefined();
    expect(versionProblem(app, { version: 'v', instances: 4 })).toMatchObject({ path: '/version' });
  });
});
