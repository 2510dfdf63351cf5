import type { Clock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import type { Random } from '../../core/random.ts';
import type { PlaneThread, Reactor } from '../../net/index.ts';
import type { StartPlane } from '../control/plane-link.ts';
import type { PlaneWord } from '../plane/messages.ts';
import { putPlaneOn } from '../plane/run-plane.ts';

/**
 * Planes on this very thread, over any engine and clock. What crosses is copied as between threads; it arrives at once, so a
 * test that has changed the catalog need not wait. For unit tests only.
 */
export function inlinePlanes(parts: {
  readonly reactor: Reactor;
  readonly clock: Clock;
  readonly random: Random;
}): StartPlane {
  const { reactor, clock, random } = parts;
  return async (plane, setup, { onWord, onExit }) => {
    let running = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const thread: PlaneThread = {
      engine: 'portable',
      reactor,
      clock,
      log: silentLogger,
      worker: plane,
      setup: structuredClone(setup),
      onMessage: () => {},
      send: (word) => {
        if (running) onWord(structuredClone(word) as PlaneWord);
      },
      run: () => promise,
      stop: () => {
        resolve();
        queueMicrotask(() => {
          if (!running) return;
          running = false;
          onExit(undefined);
        });
      },
    };
    putPlaneOn(thread, { random, stopwatch: () => clock.monotonic(), aheadMs: 0 });
    return {
      engine: 'portable',
      reason: 'inline',
      send: (order) => {
        if (running) thread.onMessage(structuredClone(order));
      },
      terminate: async () => {
        thread.onMessage({ kind: 'drain', deadlineMs: 0, idleMs: 0 });
        await promise;
      },
    };
  };
}
