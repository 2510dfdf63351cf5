/**
 * Reading of untrusted JSON as Mesos writes it (mesos-api.md §0.2): null means absent, numbers and booleans may come
 * as strings, a repeated field may hold one bare object. Nothing here throws, whatever the value.
 */
export type Json = Readonly<Record<string, unknown>>;

export function asObject(v: unknown): Json | undefined {
  return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : undefined;
}

export function isObject(v: unknown): boolean {
  return asObject(v) !== undefined;
}

/** The member `key` of `v` where `v` is an object and has it itself. */
export function member(v: unknown, key: string): unknown {
  const o = asObject(v);
  return o !== undefined && Object.hasOwn(o, key) ? o[key] : undefined;
}

/** Follow a path of members. */
export function at(v: unknown, ...path: readonly string[]): unknown {
  let here = v;
  for (const key of path) here = member(here, key);
  return here;
}

export function asText(v: unknown): string | undefined {
  return typeof v === 'string' ? v : undefined;
}

export function asNumber(v: unknown): number | undefined {
  if (typeof v === 'number') return Number.isFinite(v) ? v : undefined;
  if (typeof v !== 'string' || v.trim() === '') return undefined;
  const n = Number(v);
  return Number.isFinite(n) ? n : undefined;
}

export function asBoolean(v: unknown): boolean | undefined {
  if (typeof v === 'boolean') return v;
  if (v === 'true') return true;
  return v === 'false' ? false : undefined;
}

export function asList(v: unknown): readonly unknown[] {
  if (Array.isArray(v)) return v as unknown[];
  return v === undefined || v === null ? [] : [v];
}

/** An id: `{"value": "x"}` in v1, `"x"` in v0; never empty. */
export function asId(v: unknown): string | undefined {
  const text = asText(v) ?? asText(member(v, 'value'));
  return text === '' ? undefined : text;
}
