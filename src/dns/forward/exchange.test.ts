import { describe, expect, it } from 'vitest';
import type { Clock } from '../../core/clock.ts';
import { systemRandom } from '../../core/random.ts';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { copyOf, questionEnd } from '../wire/index.ts';
import { overUdp } from './exchange.ts';
import { askedOf, matchReply, requestBytes } from './question.ts';
import { FakeNet } from './testing/fake-net.ts';
import { addressReply, replyTo } from './testing/resolver.ts';

const asked = askedOf({
  name: 'www.example.',
  type: 65,
  dnssecOk: false,
  checkingDisabled: false,
  recursionDesired: true,
});
const request = requestBytes(asked, systemRandom, { randomCase: false, edns: true });

describe('a reply', () => {
  it('that comes after the deadline is none, also when the timer has not run yet', async () => {
    const timers = new FakeClock();
    let now = 0;
    // A thread that was kept busy: time goes on, timers do not.
    const clock: Clock = {
      every: (ms, f) => timers.every(ms, f),
      after: (ms, f) => timers.after(ms, f),
      now: () => now,
      monotonic: () => now,
    };
    const ask = async (delayMs: number): Promise<unknown> => {
      const net = new FakeNet();
      net.serve('10.0.0.1:53', (q, send) => {
        now += delayMs;
        send(addressReply(q));
      });
      let rejected = 0;
      const onRejected = (): void => void rejected++;
      const parts = {
        reactor: net,
        clock,
        random: systemRandom,
        timeoutMs: 100,
        underWay: new Set<() => void>(),
      };
      const to = { ip: '10.0.0.1', port: 53 };
      const got = overUdp({ ...parts, onRejected }, request, to, async () => ({ kind: 'none' }));
      await Promise.resolve();
      await Promise.resolve();
      for (const giveUp of parts.underWay) giveUp();
      return [(await got).kind, rejected];
    };
    expect(await ask(100)).toEqual(['reply', 0]);
    expect(await ask(101)).toEqual(['none', 1]);
  });

  it('differs in case only where there are letters', () => {
    const reply = replyTo(request);
    expect(matchReply(reply, request)).toBe('reply');
    const changed = (at: number, value: number): Uint8Array => {
      const bytes = copyOf(reply);
      bytes[at] = value;
      return bytes;
    };
    const end = questionEnd(request);
    expect(matchReply(changed(13, 'W'.charCodeAt(0)), request)).toBe('folded');
    // Type 65 and 97 are no two cases of a letter.
    expect([reply[end - 3], matchReply(changed(end - 3, 97), request)]).toEqual([65, 'no']);
    expect(matchReply(changed(13, 'x'.charCodeAt(0)), request)).toBe('no');
    expect(matchReply(reply.subarray(0, end - 1), request)).toBe('no');
  });
});
