import { describe, expect, it } from 'vitest';
import { serviceReader } from '../rules/index.ts';
import { instance, service } from '../testing/fake-catalog.ts';
import { portListeners } from './listeners.ts';
import { RouteBook } from './route-book.ts';

function asked(...labels: readonly Record<string, string>[]) {
  const book = new RouteBook(['*'], serviceReader(['*']));
  const services = labels.map((all, i) =>
    service({ name: `s${i}`, labels: new Map(Object.entries(all)), instances: [instance(1)] }),
  );
  book.apply({ added: services, changed: [], removed: [] });
  const { listeners, problems } = portListeners(book.table);
  return { listeners: listeners.map((l) => `${l.name} ${l.port} ${l.protocol}`), problems };
}

describe('ports that routes ask for', () => {
  it.each<[Record<string, string>[], string[]]>([
    [[{ HAPROXY_0_VHOST: 'a' }], []],
    [
      [{ HAPROXY_0_PORT: '9000' }, { HAPROXY_0_PORT: '80', HAPROXY_0_MODE: 'http' }],
      ['port:80 80 http', 'port:9000 9000 tcp'],
    ],
    [[{ HAPROXY_0_PORT: '9000', HAPROXY_0_MODE: 'http', HAPROXY_0_SSL_CERT: 'c' }], ['port:9000 9000 https']],
    [[{ HAPROXY_0_PORT: '9000', HAPROXY_0_SSL_CERT: 'c' }], ['port:9000 9000 tls']],
    [
      [
        { 'rimrock.tcp.a.listeners': 'port:5000', 'rimrock.tcp.a.host': 'a.test' },
        { 'rimrock.tcp.b.listeners': 'port:5000' },
      ],
      ['port:5000 5000 tls'],
    ],
  ])('%j', (labels, expected) => {
    expect(asked(...labels)).toEqual({ listeners: expected, problems: [] });
  });

  it('two services that want the same port are both told, at the label that asks for it', () => {
    const book = new RouteBook(['*'], serviceReader(['*']));
    const named = (name: string, labels: Record<string, string>) =>
      service({
        name,
        labels: new Map(Object.entries({ HAPROXY_0_PORT: '9000', ...labels })),
        instances: [instance(1)],
      });
    book.apply({ added: [named('a', {}), named('b', { HAPROXY_0_VHOST: 'b' })], changed: [], removed: [] });
    // One speaks TCP and one HTTP, but the first to be tried takes everything all the same.
    expect(book.problems().map((p) => [p.serviceKey, p.label, p.reason.split(' (')[0]])).toEqual([
      ['marathon/a', 'HAPROXY_0_PORT', 'port:9000 is also asked for by marathon/b, which gets none of it'],
      ['marathon/b', 'HAPROXY_0_PORT', 'port:9000 is already taken by marathon/a: choose another port'],
    ]);
  });

  it('a port has one protocol, and who wants another one is told', () => {
    const { listeners, problems } = asked(
      { HAPROXY_0_PORT: '9000' },
      { 'rimrock.http.w.listeners': 'port:9000', 'rimrock.http.w.host': 'x.test' },
    );
    expect(listeners).toEqual(['port:9000 9000 tcp']);
    expect(problems).toEqual([
      {
        serviceKey: 'marathon/s1',
        label: 'rimrock.http.w.host',
        reason:
          'port:9000 already speaks tcp for marathon/s0, and cannot speak http as well: choose another port',
      },
    ]);
  });
});
