import type { z } from 'zod';
import { nearest } from '../../../core/config/nearest.ts';
import { convertOldSpellings } from './convert.ts';
import { isObject, withoutNulls } from './json.ts';
import { absolutePath } from './paths.ts';
import type { FieldProblem } from './problem.ts';
import { fieldPath } from './problem.ts';
import type { AppLimits } from './rules.ts';
import { ruleProblems } from './rules.ts';
import type { AppDefinition } from './schema.ts';
import { appSchema } from './schema.ts';
import { unsupportedProblems } from './unsupported.ts';

export type DecodedApp =
  | { readonly ok: true; readonly app: AppDefinition }
  | { readonly ok: false; readonly problems: readonly FieldProblem[] };

/** Fields of a GET answer that clients send back; they say nothing about what is wanted. */
const READ_ONLY: ReadonlySet<string> = new Set([
  'version',
  'versionInfo',
  'tasks',
  'tasksStaged',
  'tasksRunning',
  'tasksHealthy',
  'tasksUnhealthy',
  'deployments',
  'lastTaskFailure',
  'readinessCheckResults',
  'taskStats',
  'ports',
  'uris',
  'ipAddress',
]);

const KNOWN: ReadonlySet<string> = new Set(Object.keys(appSchema.shape));

/**
 * Decode a whole app definition: old spellings converted, every field checked, defaults filled in. All problems are
 * reported at once, each with its field. Unknown fields are ignored as Marathon does, unless they look like a
 * misspelling of a known one.
 */
export function decodeApp(input: unknown, limits: AppLimits): DecodedApp {
  const clean = withoutNulls(input);
  if (!isObject(clean))
    return {
      ok: false,
      problems: [{ path: '/', error: 'write a JSON object that defines an app', type: true }],
    };
  const { app: converted, problems } = convertOldSpellings(clean);
  const spelling = misspellings(clean);
  const parsed = appSchema.safeParse(withAbsoluteId(converted));
  if (!parsed.success)
    return { ok: false, problems: [...problems, ...spelling, ...parsed.error.issues.map(toProblem)] };
  const app = parsed.data;
  const all = [...problems, ...spelling, ...ruleProblems(app, limits), ...unsupportedProblems(app)];
  return all.length > 0 ? { ok: false, problems: all } : { ok: true, app };
}

function withAbsoluteId(app: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return typeof app['id'] === 'string' ? { ...app, id: absolutePath(app['id']) } : app;
}

function misspellings(input: Readonly<Record<string, unknown>>): FieldProblem[] {
  return Object.keys(input).flatMap((key) => {
    if (KNOWN.has(key) || READ_ONLY.has(key)) return [];
    const near = nearest(key, KNOWN);
    return near ? [{ path: fieldPath([key]), error: `unknown field; did you mean '${near}'?` }] : [];
  });
}

function toProblem(issue: z.core.$ZodIssue): FieldProblem {
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return {
    path: fieldPath(issue.path),
    error: missing ? 'is required' : issue.message,
    type: issue.code === 'invalid_type' && !missing,
  };
}
