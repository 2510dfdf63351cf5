import { describe, expect, it } from 'vitest';
import { Attempts } from './attempts.ts';

const attempts = (method = 'GET'): Attempts => new Attempts(method, 0, undefined);

describe('what a request has tried', () => {
  it('excludes every endpoint that was sent the request, for good', () => {
    const a = attempts();
    a.failed('t0', 'upstream-reset', false);
    a.exclude('t1');
    a.allowUnreached();
    expect([a.allowStale(), a.tried, a.lastCause, a.freshOnly]).toEqual([
      false,
      ['t0', 't1'],
      'upstream-reset',
      false,
    ]);
  });

  it('comes back to one that could not be reached only when time has passed', () => {
    const a = attempts('POST');
    a.failed('t0', 'connect-failed', false);
    a.failed('t1', 'connect-timeout', false);
    expect([a.allowStale(), a.tried]).toEqual([false, ['t0', 't1']]);
    a.allowUnreached();
    expect(a.tried).toEqual([]);
  });

  it('comes back to one whose kept connection was dead, once, on a new connection', () => {
    const a = attempts();
    a.failed('t0', 'upstream-reset', true);
    a.exclude('t1');
    expect([a.freshOnly, a.allowStale(), a.tried]).toEqual([true, true, ['t1']]);
    a.failed('t0', 'upstream-reset', false);
    expect([a.allowStale(), a.tried]).toEqual([false, ['t1', 't0']]);
  });

  it('is sent again only where that does no harm', () => {
    const get = attempts();
    get.sent = 1;
    const post = attempts('POST');
    post.sent = 1;
    expect([get.mayAskElsewhere(3), post.mayAskElsewhere(3), post.mayRetry('upstream-reset', 3)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(post.mayRetry('connect-failed', 3)).toBe(true);
    get.sent = 3;
    expect(get.mayAskElsewhere(3)).toBe(false);
    get.sent = 1;
    get.replayable = false;
    expect(get.mayAskElsewhere(3)).toBe(false);
  });
});
