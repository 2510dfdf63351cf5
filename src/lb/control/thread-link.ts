import type { Logger } from '../../core/log.ts';
import { startPlaneThread } from '../../net/index.ts';
import type { LbConfig } from '../config.ts';
import type { PlaneWord } from '../plane/messages.ts';
import type { StartPlane } from './plane-link.ts';

/** What a plane's thread runs. From source, Node runs the TypeScript file; published, there is JavaScript only. */
const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? '../plane/worker.ts' : '../plane/worker.js',
  import.meta.url,
);

/**
 * What a plane allocates goes away with its requests, so a small young generation does. In a large one thousands of new routes
 * pile up before they are moved at a stretch, and traffic waits for that: 16 MB at a time are 10 ms, 4 MB are 3 ms.
 */
const LIMITS = { maxYoungGenerationSizeMb: 12 };

/** Planes on threads of their own, with the engine that was asked for. */
export function planesInThreads(engine: LbConfig['engine'], log: Logger): StartPlane {
  return async (plane, setup, { onWord, onExit }) => {
    const running = await startPlaneThread({
      engine,
      entry: ENTRY,
      worker: plane,
      name: `lb-${plane}`,
      setup,
      resourceLimits: LIMITS,
      log: log.child({ plane }),
      onMessage: (word) => onWord(word as PlaneWord),
      onExit,
    });
    return {
      engine: running.engine,
      reason: running.reason,
      send: (order) => running.post(order),
      terminate: () => running.terminate(),
    };
  };
}
