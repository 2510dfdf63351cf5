import type { CatalogDiff, Instance, Service } from '../../cluster/index.ts';
import { byText } from './order.ts';

type ServicesDiff = CatalogDiff['services'];

const GROUP = 'HAPROXY_DEPLOYMENT_GROUP';

/**
 * Blue and green (the HAPROXY_DEPLOYMENT_ labels that zdd.py of marathon-lb writes): services of one framework with the
 * same group are shown as one, so that both colours are one backend. Its labels are those of the younger one; as many
 * instances of the older one as the younger can already replace are shown as draining. Services without the label pass
 * through untouched.
 */
export class Deployments {
  readonly #members = new Map<string, Map<string, Service>>();
  /** The group of each member, by the key of its service. */
  readonly #groupOf = new Map<string, string>();
  readonly #merged = new Map<string, Service>();

  /** The difference as those should see it who publish services. It may name services as removed that nobody knew. */
  apply(diff: ServicesDiff): ServicesDiff {
    const out = { added: [...diff.added], changed: [...diff.changed], removed: [...diff.removed] };
    if (this.#groupOf.size === 0 && !hasMembers(diff)) return out;
    const dirty = new Set<string>();
    out.removed = diff.removed.filter((service) => !this.#leave(service.key, dirty));
    out.added = diff.added.filter((service) => !this.#take(service, dirty, out.removed));
    out.changed = diff.changed.filter(({ after }) => {
      const was = this.#groupOf.has(after.key);
      if (this.#take(after, dirty, out.removed)) return false;
      if (was) out.added.push(after);
      return !was;
    });
    for (const key of dirty) this.#settle(key, out);
    return out;
  }

  /** The service of a group, by its key. */
  get(key: string): Service | undefined {
    return this.#merged.get(key);
  }

  /** Whether the service has gone into that of a group. */
  #take(service: Service, dirty: Set<string>, removed: Service[]): boolean {
    const key = groupKey(service);
    const before = this.#groupOf.get(service.key);
    if (before !== undefined && before !== key) this.#leave(service.key, dirty);
    if (key === undefined) return false;
    if (before === undefined) removed.push(service);
    const members = this.#members.get(key) ?? new Map<string, Service>();
    this.#members.set(key, members.set(service.key, service));
    this.#groupOf.set(service.key, key);
    dirty.add(key);
    return true;
  }

  #leave(serviceKey: string, dirty: Set<string>): boolean {
    const key = this.#groupOf.get(serviceKey);
    if (key === undefined) return false;
    this.#groupOf.delete(serviceKey);
    this.#members.get(key)?.delete(serviceKey);
    dirty.add(key);
    return true;
  }

  #settle(
    key: string,
    out: { added: Service[]; changed: { before: Service; after: Service }[]; removed: Service[] },
  ): void {
    const before = this.#merged.get(key);
    const after = merge(key, [...(this.#members.get(key)?.values() ?? [])]);
    if (after === undefined) {
      this.#members.delete(key);
      this.#merged.delete(key);
      if (before !== undefined) out.removed.push(before);
      return;
    }
    this.#merged.set(key, after);
    if (before === undefined) out.added.push(after);
    else out.changed.push({ before, after });
  }
}

function hasMembers(diff: ServicesDiff): boolean {
  return (
    diff.added.some((s) => s.labels.has(GROUP)) || diff.changed.some(({ after }) => after.labels.has(GROUP))
  );
}

/** Key of the group's service. It has no slash, so that no service of the cluster has it. */
function groupKey(service: Service): string | undefined {
  const group = service.labels.get(GROUP)?.trim();
  if (group === undefined || group === '') return undefined;
  const part = (text: string): string =>
    text.replaceAll('%', '%25').replaceAll('/', '%2f').replaceAll(':', '%3a');
  return `deployment:${part(service.frameworkName)}:${part(group)}`;
}

const startedAt = (service: Service): string => service.labels.get('HAPROXY_DEPLOYMENT_STARTED_AT') ?? '';

function merge(key: string, members: readonly Service[]): Service | undefined {
  const ordered = members.toSorted((a, b) => byText(startedAt(a), startedAt(b)) || byText(a.key, b.key));
  const young = ordered.at(-1);
  if (young === undefined) return undefined;
  const old = ordered.slice(0, -1).flatMap((service) => service.instances);
  return {
    ...young,
    key,
    declared: members.some((service) => service.declared),
    name: young.labels.get('HAPROXY_APP_ID')?.trim() || young.name,
    instances: [...drained(old, young), ...young.instances],
  };
}

/** The instances of the old colour; those that the new one replaces are draining: the first by task id. */
function drained(old: readonly Instance[], young: Service): Instance[] {
  const healthy = young.instances.filter((i) => i.phase === 'up' && i.healthy !== false).length;
  const written = young.labels.get('HAPROXY_DEPLOYMENT_TARGET_INSTANCES')?.trim() ?? '';
  const target = /^\d{1,6}$/.test(written) ? Number(written) : old.length;
  const gone = Math.min(old.length, healthy, Math.max(0, healthy + old.length - target));
  return old
    .toSorted((a, b) => byText(a.taskId, b.taskId))
    .map((instance, i) =>
      i < gone && instance.phase === 'up' ? { ...instance, phase: 'draining' } : instance,
    );
}
