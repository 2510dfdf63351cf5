import { expect, it } from 'vitest';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { memoryStore } from '../../store/index.ts';
import { MemoryKeys } from '../keystore/memory-keys.ts';
import { Sessions } from '../tokens/sessions.ts';
import { SigningKeys } from '../tokens/signing-keys.ts';
import { Tokens } from '../tokens/tokens.ts';
import { Directory } from './directory.ts';
import { Guesses } from './guesses.ts';
import { Logins } from './logins.ts';
import { Passwords } from './passwords.ts';
import { isRefusal } from './refusals.ts';

it('a server that is too busy to look at a password forgets no wrong one', async () => {
  const clock = new FakeClock();
  const parts = { clock, log: silentLogger, store: memoryStore(), random: seededRandom(1) };
  const ends: (() => void)[] = [];
  let isHeld = false;
  const passwords = new Passwords(parts.random, {
    derive: async (_password, salt) => {
      if (isHeld) await new Promise<void>((end) => void ends.push(end));
      return salt;
    },
  });
  const keys = new SigningKeys({ ...parts, keys: new MemoryKeys() }, { rotateMs: 1e9, lifetimeMs: 1e9 });
  const logins = new Logins({
    directory: new Directory(parts),
    passwords,
    guesses: new Guesses(clock),
    sessions: new Sessions(parts, { lifetimeMs: 1e9, perUser: 9 }),
    tokens: new Tokens(keys, clock),
    clock,
    shortestPassword: 5,
  });
  const guess = async (uid: string, address = '192.0.2.1'): Promise<number> => {
    const answer = await logins.login({ uid, password: 'guess' }, address);
    return isRefusal(answer) ? answer.status : 200;
  };
  for (let n = 0; n < 5; n++) expect(await guess('alice')).toBe(401);
  expect(await guess('alice')).toBe(429);
  clock.advance(1000);

  isHeld = true;
  const crowd = Promise.all(Array.from({ length: 34 }, (_, n) => guess(`u${n}`, `198.51.100.${n}`)));
  expect(await guess('alice')).toBe(503);
  isHeld = false;
  for (const end of ends) end();
  await crowd;

  expect(await guess('alice')).toBe(401);
  expect(await guess('alice')).toBe(429);
});
