import { describe, expect, it } from 'vitest';
import { instance, service } from '../testing/fake-catalog.ts';
import { serviceReader } from './reader.ts';
import { withoutPorts } from './without-ports.ts';

const read = (labels: Record<string, string>) =>
  serviceReader(['*'])(
    service({ name: 's', labels: new Map(Object.entries(labels)), instances: [instance(1)] }),
  );

describe('rules where services get no ports of their own', () => {
  it('are left out, or keep their other listeners, and are told', () => {
    const routing = read({
      HAPROXY_0_VHOST: 'a.test',
      HAPROXY_0_PORT: '10001',
      'rimrock.http.x.host': 'b.test',
      'rimrock.http.x.listeners': 'http,port:10002,port:10003',
    });
    const { routes, problems } = withoutPorts(routing);
    expect(routes.map(({ host, listeners }) => [host, listeners])).toEqual([
      ['a.test', ['http', 'https']],
      ['b.test', ['http']],
    ]);
    expect(problems).toEqual([
      {
        serviceKey: 'marathon/s',
        label: 'HAPROXY_0_PORT',
        reason: 'port:10001 is not opened: lb.servicePorts.enabled is false',
      },
      {
        serviceKey: 'marathon/s',
        label: 'rimrock.http.x.host',
        reason: 'port:10002, port:10003 is not opened: lb.servicePorts.enabled is false',
      },
    ]);
  });

  it('are what they were where none asks for one', () => {
    const routing = read({ HAPROXY_0_VHOST: 'a.test' });
    expect(withoutPorts(routing)).toBe(routing);
  });
});
