import type { AccessRequest, Subject } from '../access.ts';
import { isPath, squeezed } from './http-path.ts';
import { Pattern } from './pattern.ts';
import type { Effect, Rule } from './types.ts';
import { isWho, parseWho } from './who.ts';
import type { Who } from './who.ts';

/** What a rule asks of a request, in the order in which it is looked at. */
export type Condition = 'may' | 'who' | 'on' | 'methods' | 'paths';

/** The conditions of one rule, ready to be asked. */
export interface Conditions {
  readonly effect: Effect;
  readonly who: readonly Who[];
  readonly may: readonly Pattern[];
  readonly on: readonly Pattern[] | undefined;
  readonly methods: ReadonlySet<string> | undefined;
  readonly paths: readonly Pattern[] | undefined;
}

/** Throws where the rule is not sound: rules are checked before they get here. */
export function conditionsOf({ effect, who, may, on, methods, paths }: Rule): Conditions {
  return {
    effect,
    who: who.map(readWho),
    may: may.map((text) => Pattern.of(text)),
    on: on?.map((text) => Pattern.of(text)),
    methods: methods && new Set(methods),
    paths: paths?.map((text) => Pattern.of(squeezed(text))),
  };
}

/** The first condition that the request does not meet; undefined: the rule decides it. */
export function unmet(conditions: Conditions, request: AccessRequest): Condition | undefined {
  const { who, may, on } = conditions;
  if (!may.some((pattern) => pattern.test(request.action))) return 'may';
  if (!isAnyOf(who, request.subject)) return 'who';
  if (on !== undefined && !on.some((pattern) => isObject(pattern, request))) return 'on';
  return unmetByCall(conditions, request);
}

/** The part of it that only HTTP calls have to do with. */
export function unmetByCall(
  { effect, methods, paths }: Pick<Conditions, 'effect' | 'methods' | 'paths'>,
  { method, path }: AccessRequest,
): 'methods' | 'paths' | undefined {
  if (methods !== undefined && (method === undefined || !methods.has(method))) return 'methods';
  if (paths !== undefined && (path === undefined || !isPath(paths, path, effect === 'deny'))) return 'paths';
  return undefined;
}

/** Whether the object of the request, under either of its names, is one of these. */
export function isObject(pattern: Pattern, { object, alias }: AccessRequest): boolean {
  return pattern.test(object) || (alias !== undefined && pattern.test(alias));
}

function isAnyOf(who: readonly Who[], subject: Subject): boolean {
  return who.some((one) => isWho(one, subject));
}

function readWho(text: string): Who {
  const who = parseWho(text);
  if (who === undefined || 'problem' in who) throw new Error(`'${text}' is nobody that a rule can name`);
  return who;
}
