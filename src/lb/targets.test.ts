import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { instance, service } from './testing/fake-catalog.ts';
import { startHarness } from './testing/lb-harness.ts';
import type { Harness } from './testing/lb-harness.ts';

describe('routes with several targets, on real sockets', () => {
  let h: Harness;
  beforeAll(async () => {
    const target = (name: string, more: object): object => ({ service: `marathon/${name}`, ...more });
    h = await startHarness({
      routes: {
        http: {
          shares: {
            host: 'shares.test',
            targets: [
              target('old', { weight: 9 }),
              target('new', { weight: 1, canary: { header: { 'x-new': '1' } } }),
            ],
          },
          cookie: {
            host: 'cookie.test',
            targets: [
              target('old', { weight: 1 }),
              target('new', { weight: 0, canary: { cookie: { new: '*' } } }),
            ],
          },
          sticky: {
            host: 'sticky.test',
            targets: [
              target('stuck-old', { weight: 1 }),
              target('stuck-new', { weight: 1 }),
              target('stuck-gone', { weight: 0 }),
            ],
          },
        },
      },
    });
    for (const name of ['old', 'new', 'stuck-old', 'stuck-new', 'stuck-gone']) {
      const { port } = await h.origin((_, response) => response.end(name));
      const labels = name.startsWith('stuck')
        ? { 'rimrock.http.x.host': `${name}.test`, 'rimrock.http.x.sticky': 'at' }
        : {};
      h.catalog.set(service({ name, labels: new Map(Object.entries(labels)), instances: [instance(port)] }));
    }
  });
  afterAll(() => h.close());

  const ask = async (host: string, ...fields: string[]): Promise<{ body: string; cookies: string[] }> => {
    const lines = ['GET / HTTP/1.1', `Host: ${host}`, ...fields, 'Connection: close', '', ''];
    const text = await h.dial().send(lines.join('\r\n')).untilEnd();
    const cookies = Array.from(text.matchAll(/Set-Cookie: ([^;]+)/g), ([, cookie = '']) => cookie);
    return { body: text.slice(text.indexOf('\r\n\r\n') + 4), cookies };
  };

  it('spread requests by weight', async () => {
    let fresh = 0;
    for (let i = 0; i < 400; i++) fresh += (await ask('shares.test')).body === 'new' ? 1 : 0;
    // Ten per cent; four standard deviations are 24.
    expect(fresh).toBeGreaterThan(16);
    expect(fresh).toBeLessThan(64);
  });

  it('give those the canary who ask for it', async () => {
    for (let i = 0; i < 5; i++) {
      expect((await ask('shares.test', 'X-New: 1')).body).toBe('new');
      expect((await ask('cookie.test', 'Cookie: a=b; new=yes')).body).toBe('new');
      expect((await ask('cookie.test', 'Cookie: a=b; newer=yes')).body).toBe('old');
    }
    const bodies = await Promise.all(Array.from({ length: 20 }, () => ask('shares.test', 'X-New: 2')));
    expect(bodies.map(({ body }) => body)).toContain('old');
  });

  it('tie a client to its target where instances are sticky, but not to one that lets its clients go', async () => {
    const { body, cookies } = await ask('sticky.test');
    expect(cookies.map((cookie) => cookie.split('=')[0])).toEqual(['at', 'at_target']);
    for (let i = 0; i < 10; i++) {
      const again = await ask('sticky.test', `Cookie: ${cookies.join('; ')}`);
      expect(again).toEqual({ body, cookies: [] });
    }
    const other = await ask('sticky.test', 'Cookie: at_target=nonsense');
    expect(other.cookies.some((cookie) => cookie.startsWith('at_target='))).toBe(true);
  });
});
