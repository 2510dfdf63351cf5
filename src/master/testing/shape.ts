/** Objects keyed by names that a user chose: their values are compared, not their keys. */
const MAPS =
  /(^|\.)(flags|attributes|reserved_resources|reserved_resources_full|get_flags|quota\.(guarantee|limit|consumed))$/;

/** Every path in a document with the types found there; `[]` is any item, `*` any key of a map. */
export function shape(
  value: unknown,
  path = '',
  out = new Map<string, Set<string>>(),
): Map<string, Set<string>> {
  const type = Array.isArray(value) ? 'array' : typeof value;
  out.set(path, (out.get(path) ?? new Set()).add(type));
  if (Array.isArray(value)) for (const item of value) shape(item, `${path}[]`, out);
  else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      const at = MAPS.test(path) ? '*' : key;
      shape(item, path === '' ? at : `${path}.${at}`, out);
    }
  }
  return out;
}

/** What two documents do not have in common, one line each: missing paths, new ones, other types. */
export function shapeDifferences(theirs: unknown, ours: unknown): string[] {
  const [a, b] = [shape(theirs), shape(ours)];
  const out: string[] = [];
  for (const [path, types] of a) {
    const mine = b.get(path);
    if (!mine) out.push(`${path} is missing`);
    else for (const type of types) if (!mine.has(type)) out.push(`${path} is never a ${type}`);
  }
  for (const [path, types] of b) {
    if (!a.has(path)) out.push(`${path} (${[...types].join()}) is not in Mesos`);
    else for (const type of types) if (!a.get(path)?.has(type)) out.push(`${path} is a ${type}`);
  }
  return out;
}
