import type { AccessRequest } from '../../core/access.ts';
import { conditionsOf, unmet } from '../../core/policy/conditions.ts';
import type { Condition } from '../../core/policy/conditions.ts';
import type { Effect, Policy, Rule } from '../../core/policy/types.ts';

/** One rule, and whether it decided. */
export interface RuleTrace {
  readonly rule: string;
  readonly effect: Effect;
  readonly decides: boolean;
  /** Why it did not: which of its conditions was not met, and by what. */
  readonly because?: string;
}

/** A decision with its reasons. */
export interface Explanation {
  readonly allowed: boolean;
  /** The name of the rule that decided, or `default`. */
  readonly rule: string;
  readonly version: number;
  /** The rules up to the one that decided, in order. */
  readonly rules: readonly RuleTrace[];
}

/** What the policy says to a request, and why each rule before the one that decided did not. Looks at rule after rule. */
export function explain(policy: Policy, request: AccessRequest): Explanation {
  const rules: RuleTrace[] = [];
  for (const rule of policy.rules) {
    const { name, effect } = rule;
    const condition = unmet(conditionsOf(rule), request);
    if (condition === undefined) {
      rules.push({ rule: name, effect, decides: true });
      return { allowed: effect === 'allow', rule: name, version: policy.version, rules };
    }
    rules.push({ rule: name, effect, decides: false, because: reason(condition, rule, request) });
  }
  return { allowed: policy.default === 'allow', rule: 'default', version: policy.version, rules };
}

function reason(condition: Condition, rule: Rule, request: AccessRequest): string {
  const wanted = (rule[condition] ?? []).join(', ');
  const { kind, name, groups, address } = request.subject;
  switch (condition) {
    case 'may':
      return `it speaks of ${wanted}, not of ${request.action}`;
    case 'who': {
      const who = kind === 'anonymous' ? 'somebody anonymous' : `${kind} ${name}`;
      const member = groups.length > 0 ? ` of ${groups.join(', ')}` : '';
      const from = address === undefined ? '' : ` at ${address}`;
      return `it is for ${wanted}, not for ${who}${member}${from}`;
    }
    case 'on':
      return `it is about ${wanted}, not about ${request.object === '' ? 'no object' : request.object}`;
    case 'methods':
      return `it is about the methods ${wanted}, not about ${request.method ?? 'none'}`;
    case 'paths':
      return `it is about the paths ${wanted}, not about ${request.path ?? 'none'}`;
  }
}
