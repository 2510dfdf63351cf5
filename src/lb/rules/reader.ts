import type { Service } from '../../cluster/index.ts';
import { errorText } from '../../core/errors.ts';
import { readLabels } from '../router/labels.ts';
import type { Middleware } from '../router/middleware.ts';
import type { ReadService } from '../router/route-book.ts';
import type { ServiceRouting } from '../router/types.ts';
import { hasRimrockLabels, readRimrockLabels } from './labels.ts';

const NOTHING: Omit<ServiceRouting, 'problems'> = { routes: [], policies: new Map(), groups: new Map() };

/** Reads both the labels of marathon-lb and our own. `shared`: the middlewares of the configuration, by name. */
export function serviceReader(
  groups: readonly string[],
  shared: ReadonlyMap<string, Middleware> = new Map(),
): ReadService {
  const read = (service: Service): ServiceRouting => {
    const theirs = readLabels(service, groups);
    if (!hasRimrockLabels(service)) return theirs;
    return join(
      theirs,
      readRimrockLabels(service, groups, (name) => shared.get(name)),
    );
  };
  return (service) => {
    try {
      return read(service);
    } catch (error) {
      // A mistake of ours in reading one service must not end the others.
      const reason = `its labels could not be read, please report this: ${errorText(error)}`;
      return { ...NOTHING, problems: [{ serviceKey: service.key, label: '', reason }] };
    }
  };
}

/** Both together. A port has one policy: ours, where our labels say something about it. */
function join(theirs: ServiceRouting, ours: ServiceRouting): ServiceRouting {
  const policies = new Map([...theirs.policies, ...ours.policies]);
  const routes = [...theirs.routes, ...ours.routes].map((route) => {
    const balance = policies.get(route.backendKey)?.balance ?? route.balance;
    return balance === route.balance ? route : { ...route, balance };
  });
  return { routes, policies, problems: [...theirs.problems, ...ours.problems], groups: ours.groups };
}
