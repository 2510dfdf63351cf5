import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { runReactorContract } from '../../reactor.contract.ts';
import { runCase } from '../../testing/reactor-case.ts';
import { loadStreamCalls } from './calls.ts';
import { Loop } from './loop.ts';
import { LinuxReactor } from './reactor.ts';

const { calls, whyNot } = await loadStreamCalls();

// Raw system calls of Linux: elsewhere there is nothing to call.
describe.runIf(process.platform === 'linux')('on Linux', () => {
  it('the calls are there', () => {
    expect(whyNot).toBeUndefined();
  });
  if (!calls) return;
  // A guest on the loop of the tests: its turns hardly sleep.
  const loop = new Loop(calls, systemClock, silentLogger);
  const reactor = new LinuxReactor(loop);
  let on = true;
  const turn = (): void => {
    if (!on) return;
    loop.turn(1);
    setImmediate(turn);
  };
  setImmediate(turn);
  afterAll(() => {
    on = false;
    loop.end();
  });
  it('an end that is the last of both does not wait for the other side, unless there is more to read', () =>
    runCase(
      {
        name: '',
        async run(t) {
          const first = await t.pair();
          first.server.writeOwned(Buffer.from('all'));
          first.server.end(true);
          await first.s.until(() => first.s.closes === 1);
          await first.c.until(() => first.c.ended);
          expect([first.c.bytes.toString(), first.c.error, first.s.error]).toEqual([
            'all',
            undefined,
            undefined,
          ]);

          const second = await t.pair();
          second.server.pause();
          second.client.writeOwned(Buffer.from('more'));
          // Once the loop has seen what came later, it has seen this; sooner, there would be a reset.
          const third = await t.pair();
          third.client.writeOwned(Buffer.from('later'));
          await third.s.until(() => third.s.bytes.length > 0);
          second.server.writeOwned(Buffer.from('all'));
          second.server.end(true);
          await second.c.until(() => second.c.ended);
          expect([second.c.bytes.toString(), second.c.error, second.s.closes]).toEqual(['all', undefined, 0]);
        },
      },
      reactor,
      loop.clock,
    ));
  runReactorContract('linux engine', (one) => runCase(one, reactor, loop.clock));
});
