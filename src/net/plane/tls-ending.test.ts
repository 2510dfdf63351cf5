import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { AsyncQueue } from '../../core/async-queue.ts';
import { TestAuthority } from '../testing/identities.ts';
import type { TlsPlaneSetup } from '../testing/plane-tls-worker.ts';
import { startPlaneThread } from './start.ts';
import type { RunningPlane } from './start.ts';

const ENGINES = process.platform === 'linux' ? (['linux', 'portable'] as const) : (['portable'] as const);
const ENTRY = new URL('../testing/plane-tls-worker.ts', import.meta.url);
const CONNECTIONS = 50;
const ROUNDS = 5;
const ROUND_MS = 60_000;

describe.each(ENGINES)('a plane thread on the %s engine', (engine) => {
  const authority = new TestAuthority(systemClock);
  const setup: TlsPlaneSetup = { ...authority.issue(['web.test']), trust: authority.root };
  let plane: RunningPlane | undefined;
  afterAll(() => plane?.terminate());

  // Told to end after more and more of them were closed, so that it meets them everywhere.
  it.each(Array.from({ length: ROUNDS }, (_, round) => round * 20))(
    'ends with connections of TLS in all stages of opening and closing, after %i closings',
    async (closings) => {
      const inbox = new AsyncQueue<unknown>();
      const said = inbox[Symbol.asyncIterator]();
      let exited: (error: Error | undefined) => void = () => {};
      const exit = new Promise<Error | undefined>((resolve) => (exited = resolve));
      plane = await startPlaneThread({
        engine,
        entry: ENTRY,
        worker: 0,
        name: 'test-plane',
        setup,
        log: silentLogger,
        onMessage: (message) => inbox.push(message),
        onExit: exited,
      });
      plane.post({ connections: CONNECTIONS, closings });
      expect((await said.next()).value).toBe('closed so many');
      await plane.stop();
      expect(await exit).toBeUndefined();
    },
    ROUND_MS,
  );
});
