import { describe, expect, it } from 'vitest';
import { createApi } from '../../core/http/server.ts';
import { aclSchema, createAcl } from './acl.ts';
import { allowOnly } from './api-hook.ts';

describe('who may', () => {
  it('is said by a word or by networks', () => {
    const ips = ['127.0.0.1', '10.9.9.9', '172.31.0.1', '100.64.0.1', 'fd00::1', '8.8.8.8', '2001:db8::1'];
    const allowed = (list: Parameters<typeof createAcl>[0]): string[] =>
      ips.filter((ip) => createAcl(list).allows(ip));
    expect(allowed('any')).toEqual(ips);
    expect(allowed('none')).toEqual([]);
    expect(allowed('local')).toEqual(ips.slice(0, 5));
    expect(allowed(['local', '8.8.8.0/24'])).toEqual(ips.slice(0, 6));
    expect(allowed(['2001:db8::/32'])).toEqual(['2001:db8::1']);
    expect(allowed([])).toEqual([]);
    // Whose address is not known is everybody.
    expect([createAcl('any').allows(undefined), createAcl('local').allows(undefined)]).toEqual([true, false]);
  });

  it('has defaults, and a mistake is named at its place', () => {
    expect(aclSchema.parse({})).toEqual({ recursion: 'local', transfer: 'none', api: 'any' });
    expect(aclSchema.parse({ recursion: ['10.0.0.0/8', 'local'] }).recursion).toHaveLength(2);
    const bad = aclSchema.safeParse({ recursion: ['10.0.0.0/8', '10.0.0.1/8'], api: 'everybody' });
    const issues = bad.error?.issues.map((i) => `${i.path.join('.')}: ${i.message}`).sort() ?? [];
    expect(issues[0]).toContain('api: write any, none, local or a list');
    expect(JSON.stringify(bad.error?.issues)).toContain('write 10.0.0.0/8');
  });
});

describe('the HTTP API', () => {
  it('answers 403 in plain text to others, whatever they ask for', async () => {
    const api = createApi();
    allowOnly(api, createAcl(['192.0.2.0/24']));
    api.get('/x', async () => 'yes');
    const ask = async (remoteAddress: string, url: string): Promise<unknown> => {
      const { statusCode, headers, body } = await api.inject({ url, remoteAddress });
      return [statusCode, headers['content-type'], body];
    };
    expect(await ask('192.0.2.9', '/x')).toEqual([200, 'text/plain; charset=utf-8', 'yes']);
    expect(await ask('::ffff:192.0.2.9', '/x')).toEqual([200, 'text/plain; charset=utf-8', 'yes']);
    expect(await ask('198.51.100.1', '/x')).toEqual([403, 'text/plain; charset=utf-8', '403: Forbidden']);
    expect(await ask('198.51.100.1', '/no')).toEqual([403, 'text/plain; charset=utf-8', '403: Forbidden']);
    await api.close();
  });
});
