import type { PlaneThread } from '../../net/index.ts';
import type { PlaneOrder, PlaneSetup } from './messages.ts';
import { endOfRound } from './end-of-round.ts';
import { Plane } from './plane.ts';
import type { PlaneParts } from './plane.ts';

/** Put a plane on a thread that has just begun; `run` of the thread comes after. */
export function putPlaneOn(
  thread: PlaneThread,
  parts: Pick<PlaneParts, 'random' | 'stopwatch' | 'aheadMs'>,
): void {
  const { reactor, clock, log, worker: plane } = thread;
  const it = new Plane({
    ...parts,
    plane,
    setup: thread.setup as PlaneSetup,
    reactor,
    clock,
    log,
    defer: endOfRound(thread),
    send: (word) => thread.send(word),
    onEnd: () => thread.stop(),
  });
  thread.onMessage = (message) => it.onOrder(message as PlaneOrder);
}
