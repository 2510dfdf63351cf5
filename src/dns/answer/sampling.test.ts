import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import { queryBytes } from '../testing/message.ts';
import { questionEnd, textOfName } from '../wire/index.ts';
import { unpackSample } from './query-log.ts';
import { Sampling } from './sampling.ts';

function make(sampleEvery: number, maxPerSecond = 100) {
  const samples: Uint8Array[] = [];
  const clock = new FakeClock();
  const made = { samples, clock, dropped: 0 };
  const sampling = new Sampling({
    sampleEvery,
    maxPerSecond,
    clock,
    start: 0,
    emit: (sample) => void samples.push(sample),
    onDropped: () => void made.dropped++,
  });
  return { ...made, sampling, dropped: () => made.dropped };
}
const IP4 = Uint8Array.of(0, 192, 0, 2, 7);

describe('samples of what a thread answers', () => {
  it('have the question as it was asked, wherever the message lies', () => {
    const { sampling, samples } = make(1);
    const query = queryBytes('Web.*.Marathon.Mesos.', 33);
    const buffer = new Uint8Array(query.length + 9);
    buffer.set(query, 9);
    sampling.take(buffer, 9, 9 + questionEnd(query), IP4, 1, 4, true, 3, 12.4);
    sampling.take(buffer, 9, 0, new Uint8Array(16), 0, 16, false, 1, -0.3);
    const [first, second] = samples.map((s) => unpackSample(s));
    expect(first && { ...first, address: [...first.address], name: textOfName(first.name) }).toEqual({
      address: [192, 0, 2, 7],
      transport: 'tcp',
      rcode: 3,
      type: 33,
      us: 12,
      name: 'Web.*.Marathon.Mesos.',
    });
    expect(second).toMatchObject({ transport: 'udp', rcode: 1, type: 0, us: 0, name: Uint8Array.of(0) });
  });

  it('are every so many-th, and so many a second; those beyond are counted', () => {
    const { sampling, clock, dropped } = make(3, 2);
    const due = (n: number) => Array.from({ length: n }, () => sampling.due()).filter(Boolean).length;
    expect([due(30), dropped()]).toEqual([2, 8]);
    clock.advance(1000);
    expect([due(3), dropped()]).toEqual([1, 8]);
    const none = make(0);
    expect([none.sampling.due(), none.dropped()]).toEqual([false, 0]);
  });
});
