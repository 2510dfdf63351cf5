import { z } from 'zod';
import { nearest } from './nearest.ts';
import { unwrap } from './unwrap.ts';

/** One thing that is wrong with an input: where (a path such as `dns.port` or `apps[2].id`), what, and what to write. */
export interface Issue {
  readonly path: string;
  readonly message: string;
}

export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly issues: readonly Issue[] };

/**
 * Validate an outside value against a schema: every mistake at once, each with the path of its field, and for an
 * unknown key the nearest known one. The result is deeply frozen.
 */
export function decode<S extends z.ZodType>(schema: S, input: unknown): Decoded<z.output<S>> {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return { ok: true, value: deepFreeze(result.data) };
  return { ok: false, issues: result.error.issues.flatMap((issue) => describe(schema, issue)) };
}

function describe(schema: z.ZodType, issue: z.core.$ZodIssue): Issue[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(schema, issue.path);
    return issue.keys.map((key) => {
      const near = nearest(key, known);
      const help = near ? `did you mean '${near}'?` : `known keys: ${known.join(', ')}`;
      return { path: pathText([...issue.path, key]), message: `unknown key '${key}'; ${help}` };
    });
  }
  // Of a key that takes several types zod says no more than that the input is invalid.
  const missing = issue.code === 'invalid_union' && issue.input === undefined;
  return [{ path: pathText(issue.path), message: missing ? 'is missing: write it' : issue.message }];
}

/** The keys that the object schema at `path` knows. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = unwrap(schema);
  for (const step of path) {
    if (at instanceof z.ZodObject) at = unwrap((at.shape as Record<PropertyKey, z.ZodType>)[step]);
    else if (at instanceof z.ZodArray) at = unwrap(at.element);
    else if (at instanceof z.ZodRecord) at = unwrap(at.valueType);
    else return [];
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : [];
}

/** `['apps', 2, 'id']` as `apps[2].id`; the root is `(root)`. */
export function pathText(path: readonly PropertyKey[]): string {
  if (path.length === 0) return '(root)';
  return path
    .map((p, i) => (typeof p === 'number' ? `[${p}]` : `${i === 0 ? '' : '.'}${String(p)}`))
    .join('');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const v of Object.values(value)) deepFreeze(v);
  }
  return value;
}
