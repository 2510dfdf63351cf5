import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { runSecureContract } from '../../secure.contract.ts';
import { loadStreamCalls } from '../tcp/calls.ts';
import { Loop } from '../tcp/loop.ts';
import { LinuxReactor } from '../tcp/reactor.ts';
import { loadTlsCalls } from './calls.ts';
import { openSslLayer } from './layer.ts';

const { calls } = await loadStreamCalls();
const tls = await loadTlsCalls();

describe.runIf(process.platform === 'linux')('on Linux', () => {
  it('OpenSSL is there', () => {
    expect(tls.whyNot).toBeUndefined();
  });
  if (!calls || !tls.calls) return;
  // A guest on the loop of the tests: its turns hardly sleep.
  const loop = new Loop(calls, systemClock, silentLogger);
  const reactor = new LinuxReactor(loop, openSslLayer(tls.calls));
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
    reactor.close();
  });
  runSecureContract('linux engine', () => ({ reactor, clock: loop.clock }));
});
