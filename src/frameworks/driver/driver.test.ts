import { describe, expect, it } from 'vitest';
import { masterPlacesOf, redirectTarget, schedulerUrl } from './master-url.ts';

describe('the setting master', () => {
  it.each([
    ['127.0.0.1:5050', ['http://127.0.0.1:5050/api/v1/scheduler']],
    ['master', ['http://master:5050/api/v1/scheduler']],
    ['https://m:443/', ['https://m/api/v1/scheduler']],
    ['a:1, http://b:2', ['http://a:1/api/v1/scheduler', 'http://b:2/api/v1/scheduler']],
    ['[::1]:5050', ['http://[::1]:5050/api/v1/scheduler']],
  ])('%s', (master, urls) => {
    const places = masterPlacesOf(master);
    expect(places.kind === 'list' && places.origins.map(schedulerUrl)).toEqual(urls);
  });

  it.each(['', ',', 'http://', 'a:b:c'])('refuses %j', (master) => {
    expect(() => masterPlacesOf(master)).toThrow('is not the address of a Mesos master');
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
