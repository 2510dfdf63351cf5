import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually, pause } from '../../support/eventually.ts';
import { call } from '../../support/http.ts';
import { Client } from './support/client.ts';
import type { Answer } from './support/client.ts';
import { ENGINES, SEED, sized, startEdge } from './support/edge.ts';
import { failed, hey } from './support/load.ts';
import { startOrigins } from './support/origins.ts';
import { report } from './support/report.ts';
import { missing } from './support/tools.ts';

// L7: an instance dies, and is left out within a second.

const HOST = 'a.test';
const PER_SECOND = sized(500, 1_000);
const CRASH_S = sized(5, 20);
const lacking = missing('hey');
const needs = lacking.length > 0 ? ` (needs ${lacking.join(', ')})` : '';

describe.skipIf(lacking.length > 0).each(ENGINES)('an instance that dies, engine %s', (engine) => {
  it(`L7: kill -9 of one of five at ${PER_SECOND} requests/s: GET none fails, POST only what ran there, nothing twice${needs}`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rimrock-ledger-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const journal = join(folder, 'journal');
    writeFileSync(journal, '');
    const origins = await startOrigins(5, { ms: 5, journal });
    onTestFinished(async () => void (await Promise.all(origins.map((o) => o.close()))));
    const edge = await startEdge({ engine, services: { [HOST]: origins.map((o) => o.address) } });
    onTestFinished(() => edge.close());
    const client = new Client(edge.port, HOST, 600);
    onTestFinished(() => client.close());
    const posts = { sent: 0, open: 0, openAtKill: 0, answers: [] as Answer[] };
    const stopped = new AbortController();
    const posting = (async () => {
      const all: Promise<void>[] = [];
      while (!stopped.signal.aborted) {
        posts.sent += 1;
        posts.open += 1;
        const one = client.ask({ method: 'POST', id: `post-${posts.sent}`, body: 'order' });
        all.push(
          one.then((answer) => {
            posts.open -= 1;
            posts.answers.push(answer);
          }),
        );
        await pause(10);
      }
      await Promise.all(all);
    })();
    const load = hey({
      port: edge.port,
      host: HOST,
      seconds: CRASH_S,
      connections: 25,
      perSecond: PER_SECOND,
    });
    await pause(CRASH_S * 400);
    const [victim] = origins;
    posts.openAtKill = posts.open;
    victim?.signal('SIGKILL');
    // a signal is not there at once: what was sent until the process was gone may have been under way there, too
    const sentAtKill = posts.sent;
    const gone = victim?.gone().then(() => (posts.openAtKill += posts.sent - sentAtKill));
    const killed = performance.now();
    await eventually('the dead instance to be left out', async () => {
      const { json } = await call('GET', `${edge.admin}/routes`);
      const text = JSON.stringify(
        json.routes[0].endpoints.find((e: unknown) => JSON.stringify(e).includes(`${victim?.port}`)),
      );
      return text.includes('ejected');
    });
    const outAfter = performance.now() - killed;
    const done = await load;
    stopped.abort();
    await Promise.all([posting, gone]);
    const lost = posts.answers.filter((a) => a.status !== 200);
    const ids = readFileSync(journal, 'utf8').trim().split('\n');
    const twice = ids.length - new Set(ids).size;
    report(
      'L7',
      `engine ${engine}, seed ${SEED}: GET ${done.sent} requests, ${done.perSecond.toFixed(0)}/s, ${failed(done)} failed, slowest ${done.slowestMs.toFixed(0)} ms; ` +
        `POST ${posts.sent}, ${lost.length} failed of ${posts.openAtKill} under way, ${twice} seen twice; left out after ${outAfter.toFixed(0)} ms, ` +
        `${await edge.metric('rimrock_lb_upstream_failures_total')} failed attempts`,
    );
    expect(failed(done), done.text).toBe(0);
    expect(lost.length).toBeLessThanOrEqual(posts.openAtKill);
    expect(twice).toBe(0);
    expect(outAfter).toBeLessThan(1_000);
    expect(done.perSecond).toBeGreaterThan(PER_SECOND * 0.7);
    expect(posts.sent).toBeGreaterThan(CRASH_S * 20);
  });
});
