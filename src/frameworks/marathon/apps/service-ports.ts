import type { PortDefinition } from './schema.ts';

export type Allotted =
  | { readonly ok: true; readonly ports: PortDefinition[] }
  | { readonly ok: false; readonly message: string };

/**
 * Replace port 0 by service ports (marathon.md §3.1): the number this app had at the same index before, else the
 * lowest in [min, max] that no app uses.
 */
export function allotServicePorts(
  wanted: readonly PortDefinition[],
  before: readonly PortDefinition[],
  used: ReadonlySet<number>,
  range: { readonly min: number; readonly max: number },
): Allotted {
  const taken = new Set(used);
  for (const p of wanted) taken.add(p.port);
  const ports: PortDefinition[] = [];
  let next = range.min;
  for (const [i, definition] of wanted.entries()) {
    if (definition.port !== 0) {
      ports.push(definition);
      continue;
    }
    const old = before[i]?.port ?? 0;
    let port = old !== 0 && !taken.has(old) ? old : 0;
    while (port === 0 && next <= range.max) {
      if (!taken.has(next)) port = next;
      next++;
    }
    if (port === 0)
      return { ok: false, message: `no service port is free between ${range.min} and ${range.max}` };
    taken.add(port);
    ports.push({ ...definition, port });
  }
  return { ok: true, ports };
}
