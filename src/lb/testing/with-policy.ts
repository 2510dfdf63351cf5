import type { BackendPolicy } from '../balancer/index.ts';
import type { StartPlane } from '../control/plane-link.ts';

/** Planes whose backends all have these settings, whatever the labels say. */
export function withPolicy(start: StartPlane, policy: Partial<BackendPolicy>): StartPlane {
  return async (plane, setup, events) => {
    const link = await start(plane, setup, events);
    return {
      ...link,
      send: (order) => {
        if (order.kind !== 'update') return link.send(order);
        const set = order.backends.set.map((spec) => ({ ...spec, policy: { ...spec.policy, ...policy } }));
        const changed = order.backends.changed?.map((change) =>
          change.policy === undefined ? change : { ...change, policy: { ...change.policy, ...policy } },
        );
        link.send({ ...order, backends: { ...order.backends, set, changed: changed ?? [] } });
      },
    };
  };
}
