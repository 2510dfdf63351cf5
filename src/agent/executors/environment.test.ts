import { describe, expect, it } from 'vitest';
import { durationText, executorEnvironment } from './environment.ts';

describe('the environment of an executor', () => {
  it('has every variable that a real agent gave to one', () => {
    const environment = executorEnvironment({
      agent: {},
      configured: {},
      place: { agentId: 'S0', frameworkId: 'fw', executorId: 'ex', containerId: 'c' },
      command: { environment: { variables: [{ name: 'EXTRA', value: 'yes' }] } },
      sandbox: '/s',
      address: { host: '127.0.0.1', port: 5051 },
      shutdownGraceMs: 4_000,
      reregistrationTimeoutMs: 2_000,
      token: undefined,
    });
    expect(environment).toEqual({
      EXTRA: 'yes',
      LIBPROCESS_IP: '127.0.0.1',
      LIBPROCESS_PORT: '0',
      MESOS_AGENT_ENDPOINT: '127.0.0.1:5051',
      MESOS_CHECKPOINT: '1',
      MESOS_DIRECTORY: '/s',
      MESOS_EXECUTOR_ID: 'ex',
      MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: '4secs',
      MESOS_FRAMEWORK_ID: 'fw',
      MESOS_HTTP_COMMAND_EXECUTOR: '0',
      MESOS_RECOVERY_TIMEOUT: '15mins',
      MESOS_SANDBOX: '/s',
      MESOS_SLAVE_ID: 'S0',
      MESOS_SLAVE_PID: 'slave(1)@127.0.0.1:5051',
      MESOS_SUBSCRIPTION_BACKOFF_MAX: '2secs',
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    });
  });

  it.each([
    [0, '0ms'],
    [250, '250ms'],
    [1_000, '1secs'],
    [90_000, '90secs'],
    [60_000, '1mins'],
    [7_200_000, '2hrs'],
    [1_209_600_000, '2weeks'],
  ])('writes %d ms as %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});
