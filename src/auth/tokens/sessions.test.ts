import { expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import { Sessions } from './sessions.ts';

it('a session is open for its account alone, until its end, and then forgotten', async () => {
  const clock = new FakeClock();
  const parts = { store: memoryStore(), clock, log: silentLogger, random: seededRandom(1) };
  const sessions = new Sessions(parts, { lifetimeMs: 1000, perUser: 2 });
  await sessions.start();
  const { id } = await sessions.open('alice', 'password', '::1');
  expect([sessions.isOpen(id, 'alice'), sessions.isOpen(id, 'bob')]).toEqual([true, false]);
  clock.advance(1000);
  expect(sessions.isOpen(id, 'alice')).toBe(false);
  await sessions.sweep();
  expect([sessions.size, (await parts.store.list('')).length]).toEqual([0, 0]);
  await sessions.stop();
});
