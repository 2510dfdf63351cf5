import { expect, it } from 'vitest';
import { Applier } from './apply.ts';
import { createCatalogBuilder } from './catalog/index.ts';
import { stateFromV0 } from './model/index.ts';
import type { ClusterEvent } from './watch/index.ts';
import { FakeClock } from '../core/testing/fake-clock.ts';

const AGENT = { id: 'A', pid: 'slave(1)@10.0.0.1:5051' };
const snapshot = (count: number): ClusterEvent => {
  const tasks = Array.from({ length: count }, (_, n) => ({
    id: `t${n}`,
    name: `t${n}`,
    slave_id: 'A',
    state: 'TASK_RUNNING',
  }));
  const frameworks = [{ id: 'F', name: 'fw', tasks }];
  return { kind: 'snapshot', state: stateFromV0({ slaves: [AGENT], frameworks }, []) };
};
const stale: ClusterEvent = { kind: 'stale', since: 1, reason: 'lost' };

/** An applier that wants a rest at every opportunity; `turn` lets the event loop go round. */
function harness() {
  const builder = createCatalogBuilder({ emptyServiceMs: 0 });
  const told: string[] = [];
  let resume: (() => void) | undefined;
  const applier = new Applier({
    builder,
    clock: new FakeClock(),
    rest: {
      due: () => true,
      take: () =>
        new Promise((resolve) => {
          resume = resolve;
        }),
    },
    begin: (event) => told.push(`begin ${event.kind}`),
    publish: ({ version }) => told.push(`version ${version.version} of ${version.tasks.size}`),
    end: (event) => told.push(`end ${event.kind}`),
    failed: (error) => told.push(String(error)),
  });
  const turns = async (): Promise<number> => {
    let n = 0;
    for (; resume; n++) {
      const go = resume;
      resume = undefined;
      go();
      for (let i = 0; i < 10; i++) await Promise.resolve();
    }
    return n;
  };
  return { applier, told, turns };
}

it('takes small events in at once', () => {
  const { applier, told } = harness();
  applier.add([snapshot(5), stale]);
  expect(told.join(', ')).toBe(
    'begin snapshot, version 1 of 5, end snapshot, begin stale, version 2 of 5, end stale',
  );
});

it('lets events wait behind a large one, and keeps their order', async () => {
  const { applier, told, turns } = harness();
  applier.add([snapshot(3000), stale]);
  applier.add([snapshot(4)]);
  expect(told).toEqual(['begin snapshot']);
  expect(await turns()).toBeGreaterThan(20);
  expect(told.slice(1).join(', ')).toBe(
    [
      'version 1 of 3000, end snapshot, begin stale, version 2 of 3000, end stale',
      'begin snapshot, version 3 of 4, end snapshot',
    ].join(', '),
  );
});

it('shows nothing more once it was stopped', async () => {
  const { applier, told, turns } = harness();
  applier.add([snapshot(3000), stale]);
  applier.stop();
  await turns();
  expect(told).toEqual(['begin snapshot']);
});
