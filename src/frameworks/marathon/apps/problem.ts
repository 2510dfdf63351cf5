/** One field of an input that is wrong: its path as Marathon writes it (`/healthChecks(0)/portIndex`) and why. */
export interface FieldProblem {
  readonly path: string;
  readonly error: string;
  /** The JSON type itself is wrong (a string where a number belongs). */
  readonly type?: boolean;
}

/** `['healthChecks', 0, 'portIndex']` as `/healthChecks(0)/portIndex`; the whole object is `/`. */
export function fieldPath(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '/';
  return path.map((p) => (typeof p === 'number' ? `(${p})` : `/${String(p)}`)).join('');
}
