export type Allotted =
  | { readonly ok: true; readonly ports: readonly number[] }
  | { readonly ok: false; readonly message: string };

/**
 * Replace port 0 by service ports (marathon.md §3.1): the number this app had at the same index before, else the
 * lowest in [min, max] that no app uses.
 */
export function allotServicePorts(
  wanted: readonly number[],
  before: readonly number[],
  used: ReadonlySet<number>,
  range: { readonly min: number; readonly max: number },
): Allotted {
  const taken = new Set(used);
  for (const port of wanted) taken.add(port);
  const ports: number[] = [];
  let next = range.min;
  for (const [i, fixed] of wanted.entries()) {
    if (fixed !== 0) {
      ports.push(fixed);
      continue;
    }
    const old = before[i] ?? 0;
    let port = old !== 0 && !taken.has(old) ? old : 0;
    while (port === 0 && next <= range.max) {
      if (!taken.has(next)) port = next;
      next++;
    }
    if (port === 0)
      return { ok: false, message: `no service port is free between ${range.min} and ${range.max}` };
    taken.add(port);
    ports.push(port);
  }
  return { ok: true, ports };
}
