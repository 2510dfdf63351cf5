import type { Service } from '../../cluster/index.ts';
import type { Endpoint, EndpointChange } from '../balancer/index.ts';
import type { BackendChange, BackendSpec } from '../plane/messages.ts';
import type { BackendWish } from '../router/index.ts';

/** A port of a service as the planes need it. */
export function specOf(wish: BackendWish, service: Service | undefined): BackendSpec {
  const { key, serviceKey, portIndex, policy } = wish;
  return {
    key,
    serviceKey,
    hasInstances: service !== undefined && service.instances.length > 0,
    endpoints: service === undefined ? [] : endpointsOf(service, portIndex),
    policy,
  };
}

/** The instances that can be reached on this port. */
function endpointsOf(service: Service, portIndex: number): Endpoint[] {
  const endpoints: Endpoint[] = [];
  for (const { taskKey, taskId, phase, healthy, addresses, startedAtMs, zone } of service.instances) {
    const address = addresses[portIndex];
    if (address === undefined) continue;
    const { ip, port } = address;
    const since = startedAtMs > 0 ? { firstUpAt: startedAtMs } : {};
    const where = zone === undefined ? {} : { zone };
    endpoints.push({ key: taskKey, taskId, ip, port, phase, healthy, ...since, ...where });
  }
  return endpoints;
}

/** What a plane has to be told that knows `before`; undefined: nothing. */
export function changeOf(before: BackendSpec, after: BackendSpec): BackendChange | undefined {
  const { key, hasInstances, policy } = after;
  const samePolicy = JSON.stringify(before.policy) === JSON.stringify(policy);
  const { gone, come } = endpointChange(before.endpoints, after.endpoints);
  if (samePolicy && gone.length + come.length === 0 && hasInstances === before.hasInstances) return undefined;
  return { key, hasInstances, gone, come, ...(samePolicy ? {} : { policy }) };
}

/** Mostly a few change and the others stay where they are: only what lies between is looked up by key. */
function endpointChange(before: readonly Endpoint[], after: readonly Endpoint[]): EndpointChange {
  const gone: string[] = [];
  const come: Endpoint[] = [];
  const compare = (old: Endpoint | undefined, now: Endpoint): void => {
    if (!sameEndpoint(now, old)) come.push(now);
  };
  let start = 0;
  let [endBefore, endAfter] = [before.length, after.length];
  for (; start < endBefore && start < endAfter && before[start]?.key === after[start]?.key; start++)
    compare(before[start], after[start] as Endpoint);
  for (; endBefore > start && endAfter > start; endBefore--, endAfter--) {
    if (before[endBefore - 1]?.key !== after[endAfter - 1]?.key) break;
    compare(before[endBefore - 1], after[endAfter - 1] as Endpoint);
  }
  const known = new Map<string, Endpoint>();
  for (let i = start; i < endBefore; i++) known.set((before[i] as Endpoint).key, before[i] as Endpoint);
  for (let i = start; i < endAfter; i++) {
    const now = after[i] as Endpoint;
    compare(known.get(now.key), now);
    known.delete(now.key);
  }
  for (const key of known.keys()) gone.push(key);
  return { gone, come };
}

/** Of plain values only; one that is undefined is the same as one that is absent. */
function sameEndpoint(a: Endpoint, b: Endpoint | undefined): boolean {
  if (b === undefined) return false;
  for (const name in a) if (Reflect.get(a, name) !== Reflect.get(b, name)) return false;
  for (const name in b) if (Reflect.get(a, name) !== Reflect.get(b, name)) return false;
  return true;
}
