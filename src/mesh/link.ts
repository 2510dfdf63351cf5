import type { Logger } from '../core/log.ts';
import { startPlaneThread } from '../net/index.ts';
import type { MeshConfig } from './config.ts';
import type { MeshOrder, MeshSetup, MeshWord } from './plane/messages.ts';

/** A running plane, as the main thread sees it. */
export interface MeshLink {
  send(order: MeshOrder): void;
  /** Its connections end with it. */
  stop(): Promise<void>;
}

/** Starts a plane: on a thread of its own or, for tests, on this one. `onExit` comes once, with what it died of. */
export type StartMeshPlane = (
  setup: MeshSetup,
  onWord: (word: MeshWord) => void,
  onExit: (error: Error | undefined) => void,
) => Promise<MeshLink>;

const ENTRY = new URL(
  import.meta.url.endsWith('.ts') ? './plane/worker.ts' : './plane/worker.js',
  import.meta.url,
);

/** A plane on a thread, with the engine that was asked for. */
export function meshPlaneInThread(engine: MeshConfig['engine'], log: Logger): StartMeshPlane {
  return async (setup, onWord, onExit) => {
    const running = await startPlaneThread({
      engine,
      entry: ENTRY,
      worker: 0,
      name: 'mesh',
      setup,
      log,
      onMessage: (word) => onWord(word as MeshWord),
      onExit,
    });
    log.info({ engine: running.engine, reason: running.reason }, 'carries connections of tasks');
    return { send: (order) => running.post(order), stop: () => running.stop() };
  };
}
