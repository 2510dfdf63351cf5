import type { Service } from '../../cluster/index.ts';
import type { Endpoint } from '../balancer/index.ts';
import type { Route } from '../router/index.ts';

/** A name as HAProxy takes it, and as marathon-lb writes it. */
const plain = (text: string): string => text.replace(/[^A-Za-z0-9-]/g, '_');

/**
 * The name that marathon-lb gives to a backend: id of the app (or its deployment group) and service port. Without a service
 * port, the index of the port stands there.
 */
export function backendName(
  route: Pick<Route, 'serviceKey' | 'portIndex' | 'listeners'>,
  service: Service | undefined,
): string {
  const { serviceKey, portIndex, listeners } = route;
  const group = service?.labels.get('HAPROXY_DEPLOYMENT_GROUP')?.trim();
  const name = group || (service?.name ?? serviceKey.slice(serviceKey.indexOf('/') + 1));
  const port =
    service?.labels.get(`HAPROXY_${portIndex}_PORT`)?.trim() ||
    service?.ports[portIndex]?.servicePort ||
    listeners.find((listener) => listener.startsWith('port:'))?.slice('port:'.length) ||
    portIndex;
  return `${plain(name.replace(/^\/+/, ''))}_${port}`;
}

/** The id of an app as Marathon has it. */
export function appId(service: Service | undefined, serviceKey: string): string {
  const name = service?.name ?? serviceKey.slice(serviceKey.indexOf('/') + 1);
  return name.startsWith('/') ? name : `/${name}`;
}

/** The name that marathon-lb gives to a server: host, address where that is another one, and port. */
export function serverName({ ip, port, key }: Endpoint, service: Service | undefined): string {
  const host = service?.instances.find((instance) => instance.taskKey === key)?.host ?? ip;
  return plain(host === ip ? `${ip}_${port}` : `${host}_${ip}_${port}`);
}
