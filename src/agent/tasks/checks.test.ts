import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type {
  CheckStatusInfo,
  HealthCheck,
  IpAddress,
  IpProtocol,
  TaskInfo,
  TaskStatus,
} from '../../mesos/index.ts';
import { createLaunchers } from '../launcher/launchers.ts';
import { FakeMachine } from '../testing/fake-launcher.ts';
import { settle } from '../testing/task-context.ts';
import { Checks } from './checks.ts';
import type { ProbeContext } from './probe.ts';

type Told = Pick<TaskStatus, 'state' | 'healthy' | 'reason' | 'check_status'>;

/** What is told of a task whose probes find this, a second each. */
async function told(
  task: Pick<TaskInfo, 'check' | 'health_check'>,
  found: readonly CheckStatusInfo[],
): Promise<{ readonly before: unknown; readonly statuses: Told[]; readonly killed: boolean }> {
  const clock = new FakeClock();
  const launcher = createLaunchers({ process: new FakeMachine().launcher() });
  const spec = {
    containerId: 'c',
    argv: ['patient'] as const,
    environment: {},
    sandbox: '/',
    runtimeDir: '/',
  };
  const handle = await launcher.launch(spec, async () => {});
  const checks = new Checks(task.check);
  const before = checks.facts('TASK_STARTING');
  const statuses: Told[] = [];
  let next = 0;
  let killed = false;
  const probe = async (): Promise<CheckStatusInfo> => found[next++] ?? found.at(-1) ?? {};
  checks.start(
    { clock, probe, launcher },
    {
      handle,
      health: task.health_check,
      check: task.check,
      environment: {},
      sandbox: '/',
      tell: (facts) => statuses.push({ ...checks.facts(facts.state), ...facts }),
      unhealthy: () => (killed = true),
    },
  );
  for (let second = 0; second < found.length; second++) await clock.advanceAsync(1000, 1000).then(settle);
  checks.stop();
  expect(clock.pending).toBe(0);
  return { before, statuses, killed };
}

const everySecond = { delay_seconds: 1, interval_seconds: 1 };

describe('where the ports of a task are looked for', () => {
  const check = (protocol?: IpProtocol): HealthCheck => ({
    type: 'TCP',
    tcp: { port: 80, ...(protocol && { protocol }) },
    delay_seconds: 1,
  });
  const ip = (protocol: IpProtocol, ip_address: string): IpAddress => ({ protocol, ip_address });
  const both = [ip('IPv4', '172.17.0.2'), ip('IPv6', 'fd00::2')];

  it.each([
    ['IPv4 of the machine', check(), undefined, '127.0.0.1'],
    ['IPv6 of the machine', check('IPv6'), undefined, '::1'],
    ['IPv4 of its own', check('IPv4'), both, '172.17.0.2'],
    ['IPv6 of its own', check('IPv6'), both, 'fd00::2'],
    ['the only one of its own', check('IPv6'), both.slice(0, 1), '172.17.0.2'],
  ])('%s', async (_name, health, ip_addresses, host) => {
    const clock = new FakeClock();
    const launcher = createLaunchers({ process: new FakeMachine().launcher() });
    const hosts: string[] = [];
    const probe = async (_look: unknown, context: ProbeContext): Promise<CheckStatusInfo> => {
      hosts.push(context.host);
      return { tcp: { succeeded: true } };
    };
    const checkpoint = { containerId: 'c', runtimeDir: '/', pid: 1, startTime: '', bootId: '' };
    const networks = ip_addresses && [{ ip_addresses }];
    const handle = { checkpoint, exited: new Promise<never>(() => {}), ...(networks && { networks }) };
    const checks = new Checks(undefined);
    const task = { handle, health, check: undefined, environment: {}, sandbox: '/' };
    checks.start({ clock, probe, launcher }, { ...task, tell: () => {}, unhealthy: () => {} });
    await clock.advanceAsync(1000, 1000).then(settle);
    checks.stop();
    expect(hosts).toEqual([host]);
  });
});

describe('a check', () => {
  const reason = 'REASON_TASK_CHECK_STATUS_UPDATED';
  const check = { type: 'COMMAND' as const, command: { command: { value: 'x' } }, ...everySecond };
  const status = (command: object): Told => ({
    state: 'TASK_RUNNING',
    reason,
    check_status: { type: 'COMMAND', command },
  });

  it('tells each new result once, ends nothing, and an answer that is not there as an empty one', async () => {
    const codes = [{}, 0, 0, 3, 3, {}, 3].map((code) =>
      typeof code === 'number' ? { command: { exit_code: code } } : code,
    );
    const { before, statuses, killed } = await told({ check }, codes);
    expect(before).toEqual({ check_status: { type: 'COMMAND', command: {} } });
    expect(statuses).toEqual([
      status({ exit_code: 0 }),
      status({ exit_code: 3 }),
      status({}),
      status({ exit_code: 3 }),
    ]);
    expect(killed).toBe(false);
  });

  it('has its kind said also without a result', async () => {
    const http = await told({ check: { type: 'HTTP', http: { port: 1 }, ...everySecond } }, [
      { http: { status_code: 404 } },
    ]);
    expect(http.before).toEqual({ check_status: { type: 'HTTP', http: {} } });
    expect(http.statuses).toMatchObject([{ check_status: { type: 'HTTP', http: { status_code: 404 } } }]);
    const tcp = await told({ check: { type: 'TCP', tcp: { port: 1 }, ...everySecond } }, [
      { tcp: { succeeded: false } },
    ]);
    expect(tcp.statuses).toMatchObject([{ check_status: { type: 'TCP', tcp: { succeeded: false } } }]);
  });

  it('stands beside a health check: each update carries both', async () => {
    const health_check = { tcp: { port: 1 }, ...everySecond, grace_period_seconds: 0 };
    const found = [0, 1].map((exit_code) => ({ tcp: { succeeded: true }, command: { exit_code } }));
    const { statuses } = await told({ check, health_check }, [found[0]!, found[0]!, found[1]!, found[1]!]);
    expect(statuses.map((s) => [s.reason, s.healthy, s.check_status?.command?.exit_code])).toEqual([
      ['REASON_TASK_HEALTH_CHECK_STATUS_UPDATED', true, undefined],
      [reason, true, 0],
      [reason, true, 1],
    ]);
  });

  it('that is not there leaves statuses as they are', async () => {
    expect((await told({}, [{}])).before).toEqual({});
  });
});
