import { FakeClock } from '../../core/testing/fake-clock.ts';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import type { Random } from '../../core/random.ts';
import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import type { Checkpoints } from '../checkpoint/records.ts';
import type { Launcher } from '../launcher/launcher.ts';
import type { TaskContext } from '../tasks/context.ts';

export const FRAMEWORK: FrameworkInfo = {
  id: { value: 'fw-1' },
  user: 'nobody',
  name: 'test',
  failover_timeout: 60,
  checkpoint: true,
  roles: ['*'],
  capabilities: [{ type: 'PARTITION_AWARE' }, { type: 'TASK_KILLING_STATE' }],
};

export function taskInfo(id: string, extra: Partial<TaskInfo> = {}): TaskInfo {
  return {
    name: id,
    task_id: { value: id },
    agent_id: { value: 'agent-1' },
    resources: [],
    command: { shell: false, value: 'patient' },
    ...extra,
  };
}

/** A context with a fake of everything; `parts` replace what a test cares for. */
export function fakeContext(
  parts: Partial<TaskContext> & { readonly launcher: Launcher; readonly checkpoints: Checkpoints },
): TaskContext {
  const random: Random = seededRandom(1);
  return {
    clock: new FakeClock(),
    random,
    log: silentLogger,
    fetcher: { fetch: async () => {} },
    probe: async () => true,
    metrics: {
      launches: 0,
      launchErrors: 0,
      updatesSent: 0,
      checkpointErrors: 0,
      subscriptions: 0,
      sandboxesCollected: 0,
      ended: new Map(),
    },
    retry: { firstMs: 10_000, maxMs: 600_000 },
    killDrainMs: 1000,
    killGraceMs: 3000,
    advertiseIp: '127.0.0.1',
    address: { host: '127.0.0.1', port: 5051 },
    environment: {},
    taskEnvironment: {},
    send: () => {},
    ...parts,
  };
}

/** Let everything that waits for a promise go on. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 60; i++) await Promise.resolve();
}
