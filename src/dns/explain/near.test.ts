import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NearNames } from './near.ts';

const near = (name: string, ...offered: readonly string[]): string[] => {
  const names = new NearNames(name);
  for (const other of offered) names.offer(other);
  return names.names();
};

describe('names that look much the same', () => {
  it('differ in one label by a letter or two, or have a label more or less behind the first', () => {
    const all = ['web.marathon.mesos.', 'wob.marathon.mesos.', 'web.mesos.', 'marathon.mesos.', 'x.y.z.'];
    expect(near('wab.marathon.mesos.', ...all)).toEqual(['web.marathon.mesos.', 'wob.marathon.mesos.']);
    expect(near('web.mesos.', 'web.marathon.mesos.', 'marathon.mesos.')).toEqual(['web.marathon.mesos.']);
    expect(near('web.prod.marathon.mesos.', ...all)).toEqual(['web.marathon.mesos.']);
    expect(near('wab.maraton.mesos.', ...all)).toEqual([]);
  });

  it('are five at most, the nearest first, each once', () => {
    const offered = Array.from({ length: 50 }, (_, i) => `service-${i}.mesos.`);
    const found = near('service-x7.mesos.', ...offered, ...offered);
    expect(found).toEqual([
      'service-17.mesos.',
      'service-27.mesos.',
      'service-37.mesos.',
      'service-47.mesos.',
      'service-7.mesos.',
    ]);
  });

  it('a name with one letter changed is always found', () => {
    const label = fc.stringMatching(/^[a-y]{3,12}$/);
    fc.assert(
      fc.property(
        fc.array(label, { minLength: 2, maxLength: 4 }),
        fc.nat(),
        fc.nat(),
        (labels, which, at) => {
          const i = which % labels.length;
          const l = labels[i] as string;
          const changed = labels.with(i, `${l.slice(0, at % l.length)}z${l.slice((at % l.length) + 1)}`);
          expect(near(`${changed.join('.')}.`, `${labels.join('.')}.`)).toEqual([`${labels.join('.')}.`]);
        },
      ),
    );
  });
});
