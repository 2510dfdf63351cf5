import { afterAll, beforeAll, describe, expect } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { runReactorContract } from '../reactor.contract.ts';
import { startPlaneThread } from './start.ts';
import type { RunningPlane } from './start.ts';

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);

// The same promises where the engines are at home: in a thread that sleeps in them.
describe.each(ENGINES)('in a plane thread, the %s engine', (engine) => {
  let plane: RunningPlane;
  let answer: (message: unknown) => void = () => {};
  beforeAll(async () => {
    plane = await startPlaneThread({
      engine,
      entry: new URL('../testing/reactor-cases-worker.ts', import.meta.url),
      worker: 0,
      name: 'cases',
      setup: undefined,
      log: silentLogger,
      onMessage: (message) => answer(message),
      onExit: (error) => answer({ failed: `the thread ended: ${String(error)}` }),
    });
  });
  afterAll(() => plane.stop());

  runReactorContract(engine, async ({ name }) => {
    const told = new Promise((resolve) => (answer = resolve));
    plane.post(name);
    expect(await told).toEqual({});
  });
});
