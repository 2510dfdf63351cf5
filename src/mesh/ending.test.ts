import { expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { seededRandom } from '../core/random.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { meshConfigSchema } from './config.ts';
import { createMesh } from './mesh.ts';
import { FakeAuthority } from './testing/fake-identities.ts';

/** A mesh whose planes do what they are told at once, and die when the test says so. */
function bench(problem?: string) {
  const clock = new FakeClock();
  const identity = new FakeAuthority(clock.now()).identity('task/one');
  const planes: { die(): void; stopped: boolean }[] = [];
  const mesh = createMesh({
    config: meshConfigSchema.parse({ firstPort: 17_000, lastPort: 17_001 }),
    isFree: async () => true,
    clock,
    random: seededRandom(1),
    log: silentLogger,
    metrics: new Metrics(),
    table: 'none',
    nft: 'not here',
    sourceOf: () => identity,
    startPlane: async (_setup, onWord, onExit) => {
      const plane = { die: () => onExit(new Error('died')), stopped: false };
      planes.push(plane);
      return {
        send: (order) => {
          if (order.kind === 'open') onWord({ sequence: order.sequence, problem });
        },
        stop: async () => void (plane.stopped = true),
      };
    },
  });
  const task = {
    taskId: 'one',
    taskName: 'one',
    frameworkId: 'fw',
    frameworkName: 'marathon',
    agentId: 'a',
    labels: new Map([['rimrock.mtls', 'strict']]),
    service: 'marathon/one',
    ip: '127.0.0.1',
    ports: [{ number: 31_000, protocol: 'tcp' }],
  };
  const open = (): Promise<void> => mesh.open(task, { mode: 'off', guarded: [], upstreams: [] });
  return { clock, planes, mesh, open, task };
}

const LONG_MS = 60_000;

it('a plane that died has a successor, which ends with the mesh', async () => {
  const { clock, planes, mesh, open } = bench();
  await open();
  planes[0]?.die();
  await clock.advanceAsync(LONG_MS, 100);
  expect(planes).toHaveLength(2);
  await mesh.stop();
  expect(planes[1]?.stopped).toBe(true);
});

it('a plane that died just before the end has none, for nobody would end it', async () => {
  const { clock, planes, mesh, open } = bench();
  await open();
  planes[0]?.die();
  await mesh.stop();
  await clock.advanceAsync(LONG_MS, 100);
  expect(planes).toHaveLength(1);
});

it('ports of tasks whose listeners could not be opened are those of others after their end', async () => {
  const { mesh, task } = bench('the published port is taken');
  for (const taskId of ['a', 'b', 'c', 'd']) {
    const wiring = await mesh.plan({ ...task, taskId });
    await expect(
      mesh.open({ ...task, taskId }, wiring ?? { mode: 'off', guarded: [], upstreams: [] }),
    ).rejects.toThrow('taken');
    mesh.close({ ...task, taskId });
  }
  await mesh.stop();
});
