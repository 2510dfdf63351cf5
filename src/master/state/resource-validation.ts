import type { Resource } from '../../mesos/index.ts';
import { rangesOf, resourcesProblem, sizeOfRanges } from '../../mesos/index.ts';
import { internal } from './resource-format.ts';

/**
 * Resources in internal format, allocated to the role of the offer where the client did not say. What is not valid stays
 * as it came, for `resourceListProblem` to speak of.
 */
export function allocatedResources(given: readonly Resource[] | undefined, role: string): Resource[] {
  const allocation_info = { role };
  const all = (given ?? []).map((r) => (r.allocation_info ? r : { ...r, allocation_info }));
  return ownProblem(all) === undefined ? internal(all) : all;
}

function ownProblem(resources: readonly Resource[]): string | undefined {
  const problem = resourcesProblem(resources);
  if (problem !== undefined) return problem;
  // Mesos adds them up, and so gives one port for two.
  return overlap(resources.map((r) => [r])) ? 'some of its ranges or sets overlap' : undefined;
}

/** What is wrong with the resources of a task or an executor, in the words of Mesos (mesos-api.md §1.9). */
export function resourceListProblem(who: string, resources: readonly Resource[]): string | undefined {
  const problem = ownProblem(resources);
  if (problem !== undefined) return `${who} uses invalid resources: ${problem}`;
  const id = duplicatePersistence(resources);
  if (id !== undefined) return `${who} uses duplicate persistence ID: Persistence ID '${id}' is not unique`;
  const [first, second] = new Set(
    resources.flatMap((r) => (r.allocation_info ? [r.allocation_info.role] : [])),
  );
  if (second !== undefined)
    return `Invalid ${who.toLowerCase()} resources: The resources have multiple allocation roles ('${first}' and '${second}') but only one allocation role is allowed`;
  const mixed = mixedRevocable(resources);
  return mixed === undefined ? undefined : `${who} mixes revocable and non-revocable resources: ${mixed}`;
}

/** The same of resources that are used together. `who` is plural: `Task and its executor`. */
export function togetherProblem(who: string, lists: readonly (readonly Resource[])[]): string | undefined {
  const all = lists.flat();
  const id = duplicatePersistence(all);
  if (id !== undefined) return `${who} use duplicate persistence ID: Persistence ID '${id}' is not unique`;
  const mixed = mixedRevocable(all);
  return mixed === undefined ? undefined : `${who} mix revocable and non-revocable resources: ${mixed}`;
}

function mixedRevocable(resources: readonly Resource[]): string | undefined {
  const firm = new Set(resources.filter((r) => r.revocable === undefined).map((r) => r.name));
  const both = resources.find((r) => r.revocable !== undefined && firm.has(r.name));
  return both && `Cannot use both revocable and non-revocable '${both.name}' at the same time`;
}

function duplicatePersistence(resources: readonly Resource[]): string | undefined {
  const seen = new Set<string>();
  for (const { role, disk } of resources) {
    const id = (disk as { readonly persistence?: { readonly id?: string } } | undefined)?.persistence?.id;
    if (id === undefined) continue;
    const key = JSON.stringify([role ?? '*', id]);
    if (seen.has(key)) return id;
    seen.add(key);
  }
  return undefined;
}

/** Whether two of the lists want the same port, or the same item of a set. */
export function overlap(lists: readonly (readonly Resource[])[]): boolean {
  const names = new Set(lists.flat().map((r) => r.name));
  for (const name of names) {
    const apart = lists.reduce((n, list) => n + sizeOfRanges(rangesOf(list, name)), 0);
    if (apart !== sizeOfRanges(rangesOf(lists.flat(), name))) return true;
    const items = lists.flatMap((list) => [...new Set(itemsOf(list, name))]);
    if (items.length !== new Set(items).size) return true;
  }
  return false;
}

function itemsOf(resources: readonly Resource[], name: string): string[] {
  return resources.flatMap((r) => (r.name === name && r.type === 'SET' ? (r.set?.item ?? []) : []));
}
