import { describe, expect, it } from 'vitest';
import { lbConfigSchema } from '../config.ts';
import { readConfigured } from '../rules/index.ts';
import { handshakeTerms } from './terms.ts';
import { unmetTls } from './unmet.ts';

const services = { s: { endpoints: '10.0.0.1:80' } };

function routesOf(http: Record<string, object>, tcp: Record<string, object> = {}) {
  return readConfigured(lbConfigSchema.parse({ services, routes: { http, tcp } })).routing.routes;
}

const config = (tls: object) => lbConfigSchema.parse({ tls });

describe('rules that ask for TLS which cannot be had', () => {
  const own = config({ selfSigned: ['a.test'], authorities: { partners: '/p.pem' } });
  const told = (...[http, tcp]: Parameters<typeof routesOf>) =>
    unmetTls(routesOf(http, tcp), { config: own, certificates: [{ name: 'there' }] });

  it('are told at the option that asks', () => {
    const rule = { service: 's', host: 'a.test' };
    expect(
      told(
        {
          a: { ...rule, certificate: 'gone' },
          b: { ...rule, tls: { clientAuth: 'require', clientCa: 'nobody' } },
          c: { ...rule, tls: { clientAuth: 'request' } },
        },
        { d: { service: 's', listeners: 'port:1', tls: 'terminate', certificate: 'lost' } },
      ).map(({ serviceKey, label, reason }) => [serviceKey, label, reason.split(':', 1)[0]]),
    ).toEqual([
      [
        'lb.services.s',
        'lb.routes.http.a',
        "there is no certificate 'gone' here, so who comes by TLS is refused, or shown another one",
      ],
      [
        'lb.services.s',
        'lb.routes.http.b',
        "there is no authority 'nobody' here, so who comes by TLS is refused",
      ],
      [
        'lb.services.s',
        'lb.routes.http.c',
        "there is no authority 'identity' here, so nobody is asked for a certificate",
      ],
      [
        'lb.services.s',
        'lb.routes.tcp.d',
        "there is no certificate 'lost' here, so who comes by TLS is refused, or shown another one",
      ],
    ]);
  });

  it('are not those that get what they want', () => {
    const rule = { service: 's', host: 'a.test' };
    expect(
      told({
        a: { ...rule, certificate: 'there' },
        b: { ...rule, tls: { clientAuth: 'require', clientCa: 'partners' } },
        c: { ...rule, listeners: 'https' },
        d: rule,
      }),
    ).toEqual([]);
    const believed = routesOf({ c: { ...rule, tls: { clientAuth: 'request' } } });
    expect(unmetTls(believed, { config: own, certificates: [], identity: {} })).toEqual([]);
  });

  it('are told where nobody listens for them', () => {
    const routes = routesOf({ a: { service: 's', listeners: 'https' }, b: { service: 's', host: 'b.test' } });
    const problems = unmetTls(routes, { config: config({}), certificates: [] });
    expect(problems).toMatchObject([
      { label: 'lb.routes.http.a', reason: expect.stringContaining('lb.https') as string },
    ]);
  });

  it('leave the other rules of their host a certificate', () => {
    const certificate = { service: 's', host: 'a.test', pathPrefix: '/b', certificate: 'gone' };
    const plain = { service: 's', host: 'a.test' };
    const [alone, both] = [routesOf({ certificate }), routesOf({ certificate, plain })];
    expect(handshakeTerms(alone)).toEqual({ certificates: ['gone'], onlyThese: true });
    expect(handshakeTerms(both)).toEqual({ certificates: ['gone'], onlyThese: false });
    expect(handshakeTerms([])).toEqual({});
  });
});
