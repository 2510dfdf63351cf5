import { MAX_LABEL, shortened } from '../labels.ts';

/**
 * The name that belongs to one task alone, without framework and domain: `<name>-<hash>-<agent>`. Mesos-DNS combines
 * parts that fit into what may not, and then nobody can ask for it; here such a label is shortened.
 */
export function canonicalLabel(name: string, hash: string, agent: string): string {
  return fitted(`${name}-${hash}-${agent}`, name);
}

/** `_name`, the first label of SRV names: one that is too long because of the underscore is shortened. */
export function underscored(name: string): string {
  return fitted(`_${name}`, name);
}

/** Only what the combination made too long: a raw name that is itself beyond DNS stays as it is (the HTTP API lists it). */
function fitted(combined: string, name: string): string {
  if (combined.length <= MAX_LABEL || !fits(name)) return combined;
  return combined
    .split('.')
    .map((part) => (part.length <= MAX_LABEL ? part : shortened(part)))
    .join('.');
}

function fits(name: string): boolean {
  return name.length <= MAX_LABEL || name.split('.').every((part) => part.length <= MAX_LABEL);
}
