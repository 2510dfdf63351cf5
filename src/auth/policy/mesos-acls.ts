import { nearest } from '../../core/config/nearest.ts';
import { literally } from '../../core/policy/pattern.ts';
import type { Rule } from '../../core/policy/types.ts';
import { MESOS_ACTIONS } from './actions.ts';
import type { Parsed } from './parse.ts';
import type { Problem } from './problem.ts';

/** Who or what an ACL names: everybody or everything, nobody or nothing, or these. */
type Entity = 'any' | 'none' | readonly string[];

/**
 * The rules that an `--acls` file of Mesos stands for (mesos-api.md §6.2), last the one for `permissive`. There an ACL applies to a request if
 * both its entities match, which ANY and NONE always do, and allows it unless one of them is NONE: so NONE becomes a rule
 * that denies. A request without a principal, or without an object, is matched by ANY and NONE only, as rules without `on`, and for `anyone`, are.
 */
export function parseMesosAcls(input: unknown): Parsed<readonly Rule[]> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return {
      ok: false,
      problems: [{ path: '(root)', message: 'write an object of actions, each with a list' }],
    };
  const problems: Problem[] = [];
  const rules: Rule[] = [];
  let permissive = true;
  for (const [key, value] of Object.entries(input)) {
    if (key !== 'permissive') rules.push(...actionRules(key, value, problems));
    else if (typeof value === 'boolean') permissive = value;
    else problems.push({ path: key, message: 'write true or false' });
  }
  if (problems.length > 0) return { ok: false, problems };
  const may = [...MESOS_ACTIONS.keys()];
  const last: Rule = {
    name: 'acls/permissive',
    effect: permissive ? 'allow' : 'deny',
    who: ['anyone'],
    may,
  };
  return { ok: true, value: [...rules, last] };
}

function actionRules(action: string, input: unknown, problems: Problem[]): Rule[] {
  const objects = MESOS_ACTIONS.get(action);
  if (objects === undefined) {
    const near = nearest(action, MESOS_ACTIONS.keys());
    const help = near === undefined ? '' : `; did you mean '${near}'?`;
    problems.push({ path: action, message: `unknown action '${action}'${help}` });
    return [];
  }
  if (!Array.isArray(input)) {
    problems.push({ path: action, message: 'write a list of ACLs' });
    return [];
  }
  return input.flatMap((acl: unknown, i) => {
    const at = `${action}[${i}]`;
    const principals = entity(field(acl, 'principals'), `${at}.principals`, problems);
    const on = entity(field(acl, objects), `${at}.${objects}`, problems);
    for (const key of Object.keys(acl ?? {}))
      if (key !== 'principals' && key !== objects)
        problems.push({
          path: `${at}.${key}`,
          message: `unknown key '${key}'; known: principals, ${objects}`,
        });
    // An entity that lists nothing matches nothing.
    if (principals.length === 0 || on.length === 0) return [];
    return [
      {
        name: `acls/${action}/${i + 1}`,
        effect: principals === 'none' || on === 'none' ? 'deny' : 'allow',
        who:
          typeof principals === 'string'
            ? ['anyone']
            : principals.map((name) => `principal:${literally(name)}`),
        may: [action],
        ...(typeof on !== 'string' && { on: on.map(objectPattern) }),
      } satisfies Rule,
    ];
  });
}

/** `eng/%` are all roles below `eng`. */
function objectPattern(value: string): string {
  return value.endsWith('/%') ? `${literally(value.slice(0, -1))}*/**` : literally(value);
}

function field(acl: unknown, key: string): unknown {
  return typeof acl === 'object' && acl !== null ? (acl as Record<string, unknown>)[key] : undefined;
}

function entity(input: unknown, path: string, problems: Problem[]): Entity {
  const type = field(input, 'type') ?? 'SOME';
  const values = field(input, 'values');
  if (type === 'ANY') return 'any';
  if (type === 'NONE') return 'none';
  if (type === 'SOME' && isNames(values)) return values;
  problems.push({ path, message: 'write {"values": [...]}, {"type": "ANY"} or {"type": "NONE"}' });
  return [];
}

function isNames(input: unknown): input is string[] {
  return Array.isArray(input) && input.every((value) => typeof value === 'string' && value !== '');
}
