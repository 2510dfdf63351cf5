import { isMainThread } from 'node:worker_threads';
import { systemClock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { thisPlaneThread } from '../../net/index.ts';
import { putPlaneOn } from './run-plane.ts';

// The entry of a plane's thread; `control/thread-link.ts` starts it. On the main thread it is only compiled.
if (!isMainThread) {
  const thread = await thisPlaneThread();
  const stopwatch = (): number => systemClock.monotonic();
  // Each thread counts from its own beginning; this one is the machine's.
  const aheadMs = Number(process.hrtime.bigint()) / 1e6 - stopwatch();
  putPlaneOn(thread, { random: systemRandom, stopwatch, aheadMs });
  await thread.run();
}
