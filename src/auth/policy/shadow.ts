import { conditionsOf } from '../../core/policy/conditions.ts';
import type { Conditions } from '../../core/policy/conditions.ts';
import type { Pattern } from '../../core/policy/pattern.ts';
import type { Rule } from '../../core/policy/types.ts';
import { whoCovers } from '../../core/policy/who.ts';
import type { Who } from '../../core/policy/who.ts';
import type { Problem } from './problem.ts';

/** So many combinations of one rule's values are looked at; a rule with more is taken not to be shadowed. */
const MOST_COMBINATIONS = 1_000;

/**
 * Rules that can never decide because others before them decide everything that they speak of. What is told is certain; not everything
 * that is so is found.
 */
export function shadowed(rules: readonly Rule[]): readonly Problem[] {
  const compiled = rules.map(conditionsOf);
  return compiled.flatMap((conditions, i) => {
    const before = shadowsOf(conditions, compiled, i);
    if (before === undefined) return [];
    const names = [...before].map((at) => `'${rules[at]?.name ?? ''}'`).join(', ');
    const name = rules[i]?.name ?? '';
    return [
      { path: `rules[${i}]`, message: `rule '${name}' never decides: ${names} before it decide all of it` },
    ];
  });
}

/** One of the values of a rule, undefined where it says nothing: what it decides is all combinations of them. */
interface Combination {
  readonly who: Who;
  readonly may: Pattern;
  readonly on: Pattern | undefined;
  readonly method: string | undefined;
}

function* combinationsOf({ who, may, on, methods }: Conditions): Generator<Combination> {
  for (const oneWho of who)
    for (const oneMay of may)
      for (const oneOn of on ?? [undefined])
        for (const method of methods ?? [undefined]) yield { who: oneWho, may: oneMay, on: oneOn, method };
}

/** The rules before the one at `end` that leave nothing of it; undefined: something is left, as far as can be seen. */
function shadowsOf(rule: Conditions, all: readonly Conditions[], end: number): Set<number> | undefined {
  const shadows = new Set<number>();
  let count = 0;
  for (const combination of combinationsOf(rule)) {
    const by = all.findIndex((earlier, at) => at >= end || decides(earlier, rule, combination));
    count += 1;
    if (by >= end || count > MOST_COMBINATIONS) return undefined;
    shadows.add(by);
  }
  return shadows;
}

/** Whether `earlier` decides whatever `rule` does by this combination. */
function decides(earlier: Conditions, rule: Conditions, { who, may, on, method }: Combination): boolean {
  if (!earlier.who.some((one) => whoCovers(one, who))) return false;
  if (!anyCovers(earlier.may, may) || !anyCovers(earlier.on, on)) return false;
  if (earlier.methods !== undefined && (method === undefined || !earlier.methods.has(method))) return false;
  if (earlier.paths === undefined) return true;
  // Which readings of an encoded path count depends on the effect: rules that differ in it cannot be compared.
  if (earlier.effect !== rule.effect || rule.paths === undefined) return false;
  return rule.paths.every((path) => anyCovers(earlier.paths, path));
}

function anyCovers(patterns: readonly Pattern[] | undefined, one: Pattern | undefined): boolean {
  if (patterns === undefined) return true;
  return patterns.some((pattern) => (one === undefined ? pattern.text === '**' : pattern.covers(one)));
}
