import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually, pause } from '../support/eventually.ts';
import { call } from '../support/http.ts';
import { httpApp, Marathon } from '../support/marathon.ts';
import { Site } from '../support/platform.ts';
import type { Running } from '../support/platform.ts';

// Readiness tells the truth, and the end is gentle: it flips before anything is refused, and what runs is finished.

/** The status of one request on a connection of its own; 0 when there was no answer. */
function ask(port: number, path: string): Promise<number> {
  return new Promise((resolve) => {
    get(
      { port, path, host: '127.0.0.1', agent: false, headers: { host: 'drain.example.test' } },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
        response.on('error', () => resolve(0));
      },
    ).on('error', () => resolve(0));
  });
}

describe('the end of a platform', () => {
  let site: Site;
  let platform: Running;

  beforeAll(async () => {
    site = await Site.make();
    platform = await site.start('up');
    const marathon = new Marathon(site.ports.marathon);
    await marathon.deploy(
      'POST',
      '/apps',
      httpApp('drain', {
        instances: 2,
        healthChecks: [{ protocol: 'HTTP', path: '/', intervalSeconds: 1 }],
      }),
    );
    await marathon.settled();
  });
  afterAll(() => site.close());

  it('finishes the requests that run, and refuses nothing while it says that it is ready', async () => {
    const running = Array.from({ length: 5 }, () => ask(site.ports.http, '/?ms=1500'));
    await eventually('the requests to be under way', async () => {
      const { text } = await call('GET', `http://127.0.0.1:${site.ports.admin}/metrics`);
      return Number(/^rimrock_lb_client_connections (\d+)$/m.exec(text)?.[1]) >= running.length;
    });
    const lies: string[] = [];
    let looks = 0;
    let refused = 0;
    const gone = platform.interrupt();
    const ended = gone.then(() => true);
    while (!(await Promise.race([ended, pause(5).then(() => false)]))) {
      const answer = await ask(site.ports.http, '/');
      const ready = await ask(site.ports.admin, '/ready');
      looks++;
      if (answer === 200) continue;
      refused++;
      // Asked after the refusal: readiness must have gone before it.
      if (ready === 200) lies.push(`refused with ${answer} while ready`);
    }
    expect(await Promise.all(running)).toEqual([200, 200, 200, 200, 200]);
    expect(lies).toEqual([]);
    expect(looks).toBeGreaterThan(5);
    expect(refused).toBeGreaterThan(0);
    expect(await gone).toBe(0);
    expect(site.leftovers()).toEqual([]);
  });
});
