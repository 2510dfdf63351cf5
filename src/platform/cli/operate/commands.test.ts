import { afterEach, describe, expect, it } from 'vitest';
import { FakeWorld } from '../../testing/fake-world.ts';
import { outputs } from './shapes.ts';
import { agent, AGENT, CLUSTER, closeServers, FRAMEWORK, run, serve } from './testing/fake-cluster.ts';

afterEach(closeServers);

describe('what the cluster has', () => {
  it('is shown in tables, and for machines in the shape that is promised', async () => {
    const { url } = await serve({
      ...CLUSTER,
      '/maintenance/schedule': {
        windows: [
          {
            machine_ids: [{ hostname: 'Rack1-a' }, { ip: '10.0.0.2' }],
            unavailability: { start: { nanoseconds: 1e18 }, duration: { nanoseconds: 36e11 } },
          },
        ],
      },
      '/maintenance/status': {
        draining_machines: [{ id: { hostname: 'rack1-a' } }],
        down_machines: [{ ip: '10.0.0.2' }],
      },
    });
    const world = new FakeWorld();
    const agents = await run(world, 'agents', '--master', url);
    expect(agents).toMatchObject({ status: 0, err: '' });
    expect(agents.out).toMatch(/^ +unreachable .* m-S3$/m);
    expect(agents.out).toMatch(/^rack1-a +draining +\S+ +2 +0\.5\/8 +512M\/2G +1\.11\.0 +m-S1 +rack:r1$/m);
    expect(agents.out).toMatch(/^rack1-b +awaited /m);
    expect((await run(world, 'frameworks', '--master', url)).out).toMatch(
      /^marathon +active +2 +0\.5 .* web /m,
    );
    expect((await run(world, 'leader', '--master', url)).out).toMatch(/ leads .* 1\.11\.0 +m$/m);
    expect((await run(world, 'maintenance', '--master', url)).out).toMatch(
      /^ +10\.0\.0\.2 +down +2001-09-09T01:46:40.000Z +2001-09-09T02:46:40.000Z$/m,
    );
    expect((await run(world, 'task', 'show', 'web.1', '--master', url)).out).toMatch(
      /^agent +rack1-a \(m-S1\)$/m,
    );
    for (const [command, shape] of Object.entries(outputs)) {
      if (command.startsWith('agent ') || command === 'task kill') continue;
      const words = command === 'task show' ? [command.split(' '), 'web.1'].flat() : [command];
      const { out, status } = await run(world, ...words, '--json', '--master', url);
      expect([command, status]).toEqual([command, 0]);
      expect(shape.safeParse(JSON.parse(out)).error?.message, command).toBeUndefined();
    }
  });

  it('of tasks only what is wanted', async () => {
    const { url } = await serve(CLUSTER);
    const ids = async (...words: string[]): Promise<string[]> => {
      const { out } = await run(new FakeWorld(), 'tasks', '--json', '--master', url, ...words);
      return (JSON.parse(out) as { tasks: { id: string }[] }).tasks.map(({ id }) => id);
    };
    expect(await ids()).toEqual(['web.1', 'web.2']);
    expect(await ids('--all')).toEqual(['old.1', 'web.1', 'web.2']);
    expect(await ids('--state', 'failed')).toEqual(['old.1']);
    expect(await ids('--state', 'TASK_RUNNING', '--name', 'web')).toEqual(['web.1']);
    expect(await ids('--name', 'web*')).toEqual(['web.1', 'web.2']);
    expect(await ids('--name', 'w.b')).toEqual([]);
    expect(await ids('--agent', 'rack1')).toEqual(['web.1']);
    expect(await ids('--framework', 'mara')).toEqual(['web.1', 'web.2']);
  });

  it('without the registry for whom may not read it', async () => {
    const { url } = await serve({ ...CLUSTER, '/registrar(1)/registry': 403 });
    const { status, out, err } = await run(new FakeWorld(), 'agents', '--master', url);
    expect([status, out.split('\n').length, err]).toEqual([
      0,
      3,
      expect.stringContaining('agents that are away'),
    ]);
  });
});

describe('which master is asked', () => {
  it('is the leader, whoever of them is named', async () => {
    const leader = await serve(CLUSTER);
    const other = await serve({ '/version': { version: '1.11.0' }, '*': { status: 307, to: leader.url } });
    const none = 'http://127.0.0.1:1';
    const all = [none, other.url, leader.url].join(',');
    expect(await run(new FakeWorld(), 'tasks', '--master', other.url)).toMatchObject({ status: 0, err: '' });
    const { status, out } = await run(new FakeWorld(), 'leader', '--json', '--master', all);
    expect(status).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      masters: [
        { url: none, role: 'does not answer', problem: expect.stringContaining('ECONNREFUSED') },
        { url: leader.url, role: 'leads', id: 'm' },
        { url: other.url, role: 'stands by', version: '1.11.0' },
      ],
    });
    const led = await run(new FakeWorld(), 'leader', '--master', other.url);
    expect(led.out).toContain(`${leader.url}  leads`);
  });

  it('comes from a configuration or the environment, too', async () => {
    const { url } = await serve(CLUSTER);
    const { host, port } = new URL(url);
    for (const file of [
      `cluster: {masters: ['${host}']}`,
      `agent: {master: ${url}}`,
      `master: {port: ${port}}`,
    ]) {
      const world = new FakeWorld({ '/here/c.yaml': file });
      expect([file, await run(world, 'tasks', '--config', 'c.yaml')]).toMatchObject([file, { status: 0 }]);
    }
    const world = new FakeWorld({ '/here/c.yaml': 'clustr: {}', '/etc/masters': host });
    world.environment['RIMROCK_MASTER'] = host;
    expect(await run(world, 'tasks')).toMatchObject({ status: 0 });
    expect(await run(world, 'tasks', '--config', 'c.yaml')).toMatchObject({
      status: 1,
      err: expect.stringContaining("'clustr'"),
    });
  });

  it('is said where none answers, or none leads', async () => {
    const { url } = await serve({ '*': 503 });
    for (const [master, why] of [
      [
        'http://127.0.0.1:1',
        /no master answers: http:\/\/127\.0\.0\.1:1: .*ECONNREFUSED.*\nName the masters/,
      ],
      [url, /no master answers: .*: 503 said/],
      ['a b', /--master a b: 'a b' is no address/],
      ['zk://', /--master zk:\/\/: /],
    ] as const) {
      const { status, out, err } = await run(new FakeWorld(), 'agents', '--master', master);
      expect([status, out]).toEqual([1, '']);
      expect(err).toMatch(why);
    }
    expect(await run(new FakeWorld(), 'leader', '--master', url)).toMatchObject({ status: 1 });
    const page = await serve({ '*': '<html>' });
    expect(await run(new FakeWorld(), 'tasks', '--master', page.url)).toMatchObject({
      status: 1,
      err: expect.stringMatching(/cannot be read.*\nIs this the address of a Mesos master/s),
    });
  });
});

describe('who asks', () => {
  const login = (api: string): string => JSON.stringify({ api, uid: 'alice', token: 'kept' });
  const KEPT = '/home/alice/.config/rimrock/login.json';

  it.each([
    ['the token of the command', { RIMROCK_TOKEN: 'x' }, ['--token', 'given'], 'token=given'],
    ['that of the environment', { RIMROCK_TOKEN: 'env', RIMROCK_PRINCIPAL: 'p' }, [], 'token=env'],
    ['a principal', { RIMROCK_PRINCIPAL: 'ops', RIMROCK_SECRET: 's:x' }, [], 'Basic b3BzOnM6eA=='],
    ['the login that is kept', {}, [], 'token=kept'],
  ])('is %s', async (_name, environment, words, header) => {
    const { url, asked } = await serve(CLUSTER);
    const world = new FakeWorld({ [KEPT]: login('http://localhost:8101') });
    Object.assign(world.environment, { HOME: '/home/alice', ...environment });
    await run(world, 'maintenance', '--master', url, ...words);
    expect(asked[0]).toBe(`GET /maintenance/schedule ${header}`);
  });

  it('is told to no other host than the one where they logged in', async () => {
    const { url, asked } = await serve(CLUSTER);
    const world = new FakeWorld({ [KEPT]: login('http://10.0.0.1:8101') });
    world.environment['HOME'] = '/home/alice';
    await run(world, 'maintenance', '--master', url);
    expect(asked[0]).toBe('GET /maintenance/schedule');
  });

  it('is asked for, or refused, with what to do about it', async () => {
    const world = new FakeWorld();
    const closed = await serve({ '*': 401 });
    expect(await run(world, 'agents', '--master', closed.url)).toMatchObject({
      status: 1,
      out: '',
      err: expect.stringMatching(/nobody is logged in\nLog in with `rimrock login/),
    });
    const denied = await serve({ ...CLUSTER, DRAIN_AGENT: 403 });
    expect(await run(world, 'agent', 'drain', 'rack1-a', '--master', denied.url)).toMatchObject({
      status: 1,
      err: expect.stringMatching(
        /does not allow drain_agents\n.*rimrock policy explain user:NAME drain_agents m-S1\n$/,
      ),
    });
  });
});

describe('orders', () => {
  it('say what they want of the agent, and wait where that is wished', async () => {
    const bodies: unknown[] = [];
    let looks = 0;
    const { url } = await serve({
      ...CLUSTER,
      DRAIN_AGENT: (body) => {
        bodies.push(JSON.parse(body));
        return '';
      },
      REACTIVATE_AGENT: '',
      DEACTIVATE_AGENT: '',
      '/slaves': () => ({ slaves: [agent({ drain_info: { state: ++looks > 3 ? 'DRAINED' : 'DRAINING' } })] }),
    });
    const world = new FakeWorld();
    const words = ['agent', 'drain', 'S1', '--max-grace', '5m', '--wait', '--json', '--master', url];
    const { status, out } = await run(world, ...words);
    expect([status, outputs['agent drain'].parse(JSON.parse(out))]).toEqual([
      0,
      { agent: { id: AGENT, host: 'rack1-a' }, state: 'drained' },
    ]);
    expect(looks).toBeGreaterThan(3);
    const drain_agent = { agent_id: { value: AGENT }, max_grace_period: { seconds: 300 }, mark_gone: false };
    expect(bodies).toEqual([{ type: 'DRAIN_AGENT', drain_agent }]);
    for (const order of ['reactivate', 'deactivate'])
      expect((await run(world, 'agent', order, 'rack1-a', '--master', url)).out).toBe(
        'rack1-a (m-S1) is drained.\n',
      );
  });

  it('give up waiting in time', async () => {
    const { url } = await serve({ ...CLUSTER, DRAIN_AGENT: '' });
    const words = ['agent', 'drain', 'S1', '--mark-gone', '--wait', '--timeout', '0s', '--master', url];
    expect(await run(new FakeWorld(), ...words)).toMatchObject({
      status: 1,
      err: expect.stringContaining('agent rack1-a is active after 0 s'),
    });
  });

  it('are explained where nobody can carry them out', async () => {
    const { url } = await serve({ ...CLUSTER, DRAIN_AGENT: 400 });
    expect(await run(new FakeWorld(), 'agent', 'drain', 'S1', '--master', url)).toMatchObject({
      status: 1,
      err: expect.stringContaining('refuses: 400 said (400)'),
    });
    const killed = await run(new FakeWorld(), 'task', 'kill', 'web.1', '--master', url);
    expect(killed).toMatchObject({
      status: 1,
      err: expect.stringMatching(
        /belongs to the framework marathon \(m-0000\), of which no Marathon API is known\nKill it through its framework/,
      ),
    });
    const other = await serve({ '/v2/info': { frameworkId: 'another' } });
    const wrong = await run(
      new FakeWorld(),
      'task',
      'kill',
      'web.1',
      '--master',
      url,
      '--marathon',
      other.url,
    );
    expect(wrong.err).toContain('there is another');
  });

  it('to kill go to the Marathon of the task', async () => {
    const { url } = await serve(CLUSTER);
    const marathon = await serve({
      '/v2/info': { frameworkId: FRAMEWORK },
      '/v2/apps/web': { app: { id: '/web', tasks: [{ id: 'web.1' }] } },
      '/v2/tasks/delete': (body) => ({
        tasks: (JSON.parse(body) as { ids: string[] }).ids.filter((id) => id === 'web.1'),
      }),
    });
    const words = ['task', 'kill', '--json', '--master', url, '--marathon', marathon.url];
    const { status, out } = await run(new FakeWorld(), ...words, 'web.1');
    expect([status, outputs['task kill'].parse(JSON.parse(out))]).toEqual([
      0,
      { task: 'web.1', app: '/web', marathon: marathon.url },
    ]);
    expect(await run(new FakeWorld(), ...words, 'web.2')).toMatchObject({
      status: 1,
      err: expect.stringContaining('does not know this task'),
    });
  });
});

describe('wrong usage', () => {
  it.each([
    [['tasks', '--state', 'sleeping'], /--state .*Write one of staging, starting/],
    [
      ['agent', 'drain', 'x', '--max-grace', 'long'],
      /Write 90s, 10m, 1h or 2d.*\n\(rimrock agent drain --help explains\)/,
    ],
    [['agent', 'drain'], /missing required argument 'agent'/],
    [['agent', 'drian', 'x'], /unknown command 'drian'|too many arguments/],
    [['logs', 'x', '--tail', 'all'], /Write how many lines/],
    [['logs', 'x', '--json'], /unknown option '--json'/],
    [['task'], /Usage: rimrock task/],
    [['tasks', 'x'], /too many arguments/],
  ])('%j', async (words, said) => {
    const { status, out, err } = await run(new FakeWorld(), ...words);
    expect([status, out]).toEqual([2, '']);
    expect(err).toMatch(said);
  });

  it.each([
    [['logs', 'nothing'], /there is no task nothing\n/],
    [['task', 'show', 'web'], /several tasks are meant by 'web': web\.1, web\.2\n/],
    [['logs', 'web.2'], /agent m-S9 of this task is not registered/],
    [['agent', 'drain', 'S7'], /there is no agent S7/],
    [['tasks', '--framework', 'chronos'], /there is no framework chronos/],
  ])('%j is not there', async (words, said) => {
    const { url } = await serve(CLUSTER);
    const { status, out, err } = await run(new FakeWorld(), ...words, '--master', url);
    expect([status, out]).toEqual([1, '']);
    expect(err).toMatch(said);
  });
});
