import { expect, it } from 'vitest';
import { silentLogger } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import { seededRandom } from '../core/random.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';
import { meshConfigSchema } from './config.ts';
import { createMesh } from './mesh.ts';
import { FakeAuthority } from './testing/fake-identities.ts';

/** A mesh whose planes do what they are told at once, and die when the test says so. */
function bench() {
  const clock = new FakeClock();
  const identity = new FakeAuthority(clock.now()).identity('task/one');
  const planes: { die(): void; stopped: boolean }[] = [];
  const mesh = createMesh({
    config: meshConfigSchema.parse({}),
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
          if (order.kind === 'open') onWord({ sequence: order.sequence, problem: undefined });
        },
        stop: async () => void (plane.stopped = true),
      };
    },
  });
  const open = (): Promise<void> =>
    mesh.open(
      {
        taskId: 'one',
        taskName: 'one',
        frameworkId: 'fw',
        frameworkName: 'marathon',
        agentId: 'a',
        labels: new Map(),
        service: 'marathon/one',
        ip: '127.0.0.1',
        ports: [],
      },
      { mode: 'off', guarded: [], upstreams: [] },
    );
  return { clock, planes, mesh, open };
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
