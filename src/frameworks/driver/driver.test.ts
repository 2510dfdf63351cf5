import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../core/random.ts';
import { Backoff } from './backoff.ts';
import { redirectTarget, schedulerUrls } from './master-url.ts';

describe('schedulerUrls', () => {
  it.each([
    ['127.0.0.1:5050', ['http://127.0.0.1:5050/api/v1/scheduler']],
    ['master', ['http://master:5050/api/v1/scheduler']],
    ['https://m:443/', ['https://m/api/v1/scheduler']],
    ['a:1, http://b:2', ['http://a:1/api/v1/scheduler', 'http://b:2/api/v1/scheduler']],
    ['[::1]:5050', ['http://[::1]:5050/api/v1/scheduler']],
  ])('%s', (master, urls) => {
    expect(schedulerUrls(master)).toEqual(urls);
  });

  it.each(['', ',', 'http://', 'a:b:c'])('refuses %j', (master) => {
    expect(() => schedulerUrls(master)).toThrow('is not the address of a Mesos master');
  });
});

describe('redirectTarget', () => {
  const from = 'http://standby:5050/api/v1/scheduler';
  it.each([
    ['//leader:5051/api/v1/scheduler', 'http://leader:5051/api/v1/scheduler'],
    ['//leader:5051', 'http://leader:5051/api/v1/scheduler'],
    ['https://leader/api/v1/scheduler', 'https://leader/api/v1/scheduler'],
    [undefined, undefined],
    ['file:///etc/passwd', undefined],
    ['//', undefined],
  ])('%s', (location, target) => {
    expect(redirectTarget(from, location)).toBe(target);
  });
});

describe('Backoff', () => {
  it('doubles up to its end, between half and the whole', () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const backoff = new Backoff(seededRandom(seed), 100, 1_000);
        for (const whole of [100, 200, 400, 800, 1_000, 1_000]) {
          const ms = backoff.delay();
          expect(ms).toBeGreaterThanOrEqual(whole / 2);
          expect(ms).toBeLessThanOrEqual(whole);
        }
        backoff.reset();
        expect(backoff.delay()).toBeLessThanOrEqual(100);
      }),
    );
  });
});
