import { FakeClock } from '../../core/testing/fake-clock.ts';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import type { Random } from '../../core/random.ts';
import type { FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import type { Checkpoints } from '../checkpoint/records.ts';
import type { Launcher } from '../launcher/launcher.ts';
import { createLaunchers } from '../launcher/launchers.ts';
import { createSecretStore } from '../secrets/store.ts';
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
  parts: Partial<Omit<TaskContext, 'launcher'>> & {
    /** For whatever is to be run, with an image or without. */
    readonly launcher: Launcher;
    readonly checkpoints: Checkpoints;
  },
): TaskContext {
  const random: Random = seededRandom(1);
  return {
    clock: new FakeClock(),
    random,
    log: silentLogger,
    fetcher: { fetch: async () => {} },
    secrets: createSecretStore(undefined),
    probe: async () => ({ command: { exit_code: 0 } }),
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
    switchUser: false,
    killDrainMs: 1000,
    killGraceMs: 3000,
    advertiseIp: '127.0.0.1',
    address: { host: '127.0.0.1', port: 5051 },
    environment: {},
    taskEnvironment: {},
    executors: {
      registrationTimeoutMs: 60_000,
      reregistrationTimeoutMs: 2_000,
      shutdownGraceMs: 5_000,
      agentInfo: () => ({ hostname: 'agent.example.test', port: 5051, resources: [] }),
    },
    send: () => {},
    sendExited: () => {},
    ...parts,
    launcher: createLaunchers({ process: parts.launcher, docker: parts.launcher }),
  };
}

/** Let everything that waits for a promise go on: the event loop comes round only when nothing does any more. */
export function settle(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
