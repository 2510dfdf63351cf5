import { describe, expect, it } from 'vitest';
import { instance, service } from '../testing/fake-catalog.ts';
import { serviceReader } from '../rules/index.ts';
import { acmeSchema, acmeWanted } from './config.ts';

describe('lb.acme', () => {
  it('asks for nothing by itself, and for nothing without consent to the terms', () => {
    expect(acmeWanted(acmeSchema.parse({}))).toBe(false);
    const agreed = { termsOfServiceAgreed: true };
    expect(acmeWanted(acmeSchema.parse({ ...agreed, routes: true }))).toBe(true);
    expect(acmeSchema.parse({ ...agreed, names: ['WWW.a.test'] }).names).toEqual(['www.a.test']);
    for (const wanted of [{ names: ['a.test'] }, { routes: true }])
      expect(acmeSchema.safeParse(wanted).error?.issues.map(({ path }) => path)).toEqual([
        ['termsOfServiceAgreed'],
      ]);
  });

  it.each(['*.a.test', '10.0.0.1', 'localhost', '../../a.test'])('has no name %s', (name) => {
    const parsed = acmeSchema.safeParse({ termsOfServiceAgreed: true, names: [name] });
    expect(parsed.error?.issues[0]?.message).toContain('no name for a public certificate');
  });
});

describe('rules that ask for public certificates', () => {
  const read = (labels: Readonly<Record<string, string>>): ReturnType<ReturnType<typeof serviceReader>> => {
    const all = Object.entries({ host: 'a.test', ...labels });
    return serviceReader(
      ['*'],
      new Map(),
    )(
      service({
        name: 'web',
        labels: new Map(all.map(([key, value]) => [`rimrock.http.web.${key}`, value])),
        instances: [instance(1)],
      }),
    );
  };

  it('say so in one word, beside other terms if there are', () => {
    expect(read({ tls: 'acme' }).routes.map(({ tls }) => tls)).toEqual([{ mode: 'terminate', acme: true }]);
    expect(read({ 'tls.mode': 'acme', 'tls.minVersion': '1.3' }).routes[0]?.tls).toEqual({
      mode: 'terminate',
      acme: true,
      minVersion: 'TLSv1.3',
    });
  });

  it.each([
    [{ tls: 'acme', certificate: 'c.pem' }, 'remove one of the two'],
    [{ tls: 'acme', listeners: 'http' }, 'has no TLS'],
  ])('%j is not published', (labels, reason) => {
    const { routes, problems } = read(labels);
    expect([routes.length, problems[0]?.reason]).toEqual([0, expect.stringContaining(reason)]);
  });
});
