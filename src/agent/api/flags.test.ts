import { expect, it } from 'vitest';
import { agentConfigSchema } from '../config.ts';
import { flagsOf } from './flags.ts';

it('the flags of an agent do not tell the token for Consul', () => {
  const flags = flagsOf(agentConfigSchema.parse({ master: 'consul://:token@127.0.0.1:8500/rimrock' }));
  expect(flags['master']).toBe('consul://:********@127.0.0.1:8500/rimrock');
});

it('and its fault domain is written as for Mesos', () => {
  const flags = flagsOf(agentConfigSchema.parse({ domain: { region: 'eu', zone: 'eu-1' } }));
  expect(flags['domain']).toBe('{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"eu-1"}}}');
  expect(flagsOf(agentConfigSchema.parse({}))).not.toHaveProperty('domain');
});

it('and the time of its executors to end is theirs, not that of tasks', () => {
  const flags = flagsOf(agentConfigSchema.parse({ killGraceSeconds: 3, executorShutdownGraceSeconds: 7 }));
  expect(flags['executor_shutdown_grace_period']).toBe('7secs');
});
