import type { AccessRequest, Authorizer, Verdict } from '../access.ts';
import { ActionIndex, NONE } from './action-index.ts';
import { conditionsOf } from './conditions.ts';
import type { Conditions } from './conditions.ts';
import type { Policy } from './types.ts';

/**
 * A policy as it is asked, for every request: what a decision costs does not grow with the number of rules that speak of other
 * subjects, actions or objects. It never changes: a new version is a new one, put in its place.
 */
export class CompiledPolicy implements Authorizer {
  readonly policy: Policy;
  readonly #conditions: readonly Conditions[];
  readonly #verdicts: readonly Verdict[];
  readonly #default: Verdict;
  /** By action, made when it is asked for first: the code knows some dozens of actions, a policy often a few. */
  readonly #actions = new Map<string, ActionIndex>();

  /** Throws where rules are not sound: they are checked when they are read. */
  constructor(policy: Policy) {
    const { version, rules } = policy;
    this.policy = policy;
    this.#conditions = rules.map(conditionsOf);
    this.#verdicts = rules.map(({ name, effect }) => ({ allowed: effect === 'allow', rule: name, version }));
    this.#default = { allowed: policy.default === 'allow', rule: 'default', version };
  }

  decide(request: AccessRequest): Verdict {
    const position = this.#index(request.action).first(request);
    return position === NONE ? this.#default : (this.#verdicts[position] ?? this.#default);
  }

  /**
   * The part of the policy that speaks of one action, as plain data. Undefined: it lets everybody do that, so there is nothing to ask.
   */
  part(action: string): Policy | undefined {
    const { version, default: otherwise, rules } = this.policy;
    const speaking = rules.filter((_, i) => this.#speaksOf(i, action));
    if (otherwise === 'allow' && speaking.every(({ effect }) => effect === 'allow')) return undefined;
    return { version, default: otherwise, rules: speaking.map((rule) => ({ ...rule, may: [action] })) };
  }

  #speaksOf(position: number, action: string): boolean {
    return this.#conditions[position]?.may.some((pattern) => pattern.test(action)) ?? false;
  }

  #index(action: string): ActionIndex {
    let index = this.#actions.get(action);
    if (index === undefined) {
      index = new ActionIndex(this.#conditions.map((c, i) => (this.#speaksOf(i, action) ? c : undefined)));
      this.#actions.set(action, index);
    }
    return index;
  }
}
