import { describe, expect, it } from 'vitest';
import { instance, service } from '../testing/fake-catalog.ts';
import { startHarness } from '../testing/lb-harness.ts';
import type { Harness } from '../testing/lb-harness.ts';

/** The rows of the statistics by their names, as clients of HAProxy read them: the columns by the first line. */
async function csv(h: Harness): Promise<Map<string, Record<string, string>>> {
  const text = await (await fetch(`${h.admin}/haproxy?stats;csv`)).text();
  const [head = '', ...lines] = text.trimEnd().split('\n');
  const names = head.replace(/^# /, '').split(',');
  return new Map(
    lines.map((line) => {
      const row = Object.fromEntries(line.split(',').map((value, i) => [names[i], value]));
      return [row['svname'] ?? '', row] as const;
    }),
  );
}

/** The values of a metric by what is between its braces. */
async function metric(h: Harness, name: string): Promise<Record<string, number>> {
  const found = (await h.metrics.text()).matchAll(new RegExp(`^${name}\\{(.*)\\} (\\S+)$`, 'gm'));
  return Object.fromEntries(Array.from(found, ([, labels = '', value]) => [labels, Number(value)]));
}

describe('what is told of requests that wait, and of bytes', () => {
  it('in metrics and in the statistics of HAProxy', async () => {
    const h = await startHarness({}, { breakers: { connections: 1, pending: 5 } });
    const answers: (() => void)[] = [];
    const { port } = await h.origin((request, response) => {
      request.resume().on('end', () => answers.push(() => response.end('12345')));
    });
    const labels = new Map([['HAPROXY_0_VHOST', 'a.test']]);
    h.catalog.set(service({ name: 'a', labels, instances: [instance(port, { host: '127.0.0.1' })] }));
    const waiting = (): Promise<number | undefined> =>
      metric(h, 'rimrock_lb_waiting_requests').then((found) => found['service="marathon/a#0"']);
    const ask = (): Promise<string> =>
      h
        .dial()
        .send('POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc')
        .untilEnd();

    const all = [ask(), ask(), ask()];
    await expect.poll(waiting).toBe(2);
    const server = `127_0_0_1_${port}`;
    const busy = await csv(h);
    expect(busy.get(server)).toMatchObject({ qcur: '2', scur: '1' });
    expect(busy.get('BACKEND')).toMatchObject({ qcur: '2', scur: '1', bin: '0', bout: '0' });
    for (let i = 0; i < all.length; i++) {
      await expect.poll(() => answers.length).toBe(1);
      answers.shift()?.();
    }
    for (const answer of await Promise.all(all)) expect(answer).toContain('12345');

    expect(await waiting()).toBe(0);
    expect(await metric(h, 'rimrock_lb_bytes_total')).toEqual({
      'service="marathon/a#0",direction="in"': 9,
      'service="marathon/a#0",direction="out"': 15,
    });
    const idle = await csv(h);
    expect(idle.get(server)).toMatchObject({ qcur: '0', scur: '0' });
    expect(idle.get('BACKEND')).toMatchObject({ qcur: '0', qmax: '2', bin: '9', bout: '15', stot: '3' });
    await h.close();
  });
});
