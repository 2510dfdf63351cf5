import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../core/testing/fake-clock.ts';
import type { HealthCheck } from '../../mesos/index.ts';
import { settle } from '../testing/task-context.ts';
import { startHealthChecker } from './health-checker.ts';
import type { ProbeContext } from './probe.ts';

const context: ProbeContext = { environment: {}, sandbox: '/', host: '127.0.0.1', exec: async () => 0 };

/** Run a check whose probes answer as told; each told event with its second. */
async function events(given: HealthCheck, answers: readonly boolean[], seconds: number): Promise<string[]> {
  const clock = new FakeClock();
  const start = clock.now();
  const out: string[] = [];
  let probes = 0;
  const tell = (what: string): void => void out.push(`${(clock.now() - start) / 1000} ${what}`);
  const checker = startHealthChecker({ tcp: { port: 1 }, ...given }, context, {
    clock,
    probe: async () => ({ tcp: { succeeded: answers[probes++] ?? true } }),
    listener: {
      changed: (healthy) => tell(healthy ? 'well' : 'sick'),
      unhealthy: () => tell('kill'),
    },
  });
  for (let s = 0; s < seconds; s++) {
    clock.advance(1000);
    await settle();
  }
  checker.stop();
  expect(clock.pending).toBe(0);
  return out;
}

describe('a health check', () => {
  const quick: HealthCheck = { delay_seconds: 1, interval_seconds: 2, grace_period_seconds: 0 };

  it('tells the first success and each change after it', async () => {
    expect(await events(quick, [true, true, false, true], 10)).toEqual(['1 well', '5 sick', '7 well']);
  });

  it('kills after so many failures in a row, and stops', async () => {
    const check = { ...quick, consecutive_failures: 2 };
    expect(await events(check, [true, false, true, false, false, false], 30)).toEqual([
      '1 well',
      '3 sick',
      '5 well',
      '7 sick',
      '9 sick',
      '9 kill',
    ]);
  });

  it('does not count failures in the grace period before the first success', async () => {
    const check = { ...quick, grace_period_seconds: 4, consecutive_failures: 1 };
    expect(await events(check, [false, false, true, false], 10)).toEqual(['5 well', '7 sick', '7 kill']);
    expect(await events(check, [false, false, false, true], 10)).toEqual(['5 sick', '5 kill']);
  });

  it('waits 15 s, asks every 10 s and gives up after 3 where nothing is said', async () => {
    expect(await events({}, [false, false, false, false], 60)).toEqual([
      '15 sick',
      '25 sick',
      '35 sick',
      '35 kill',
    ]);
  });

  it('takes a probe that does not answer for a failure', async () => {
    const clock = new FakeClock();
    let aborted = 0;
    startHealthChecker(
      {
        tcp: { port: 1 },
        delay_seconds: 0,
        timeout_seconds: 5,
        grace_period_seconds: 0,
        consecutive_failures: 1,
      },
      context,
      {
        clock,
        probe: (_check, _context, signal) =>
          new Promise((resolve) => signal.addEventListener('abort', () => resolve({}))),
        listener: { changed: () => {}, unhealthy: () => aborted++ },
      },
    );
    await clock.advanceAsync(6000, 1000);
    await settle();
    expect(aborted).toBe(1);
  });
});
