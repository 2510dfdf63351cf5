import { hashName } from '../table/index.ts';
import type { TableReader } from '../table/index.ts';
import type { Question } from './question.ts';

const STAR = 42;

/** Take every `.*` out of the name, as Mesos-DNS does with its text: what follows in that label joins the one before. */
export function ignoreStars(q: Question): boolean {
  const { key } = q;
  let to = 0;
  let last = -1;
  for (let at = 0; key[at] !== 0;) {
    const length = key[at] as number;
    const rest = length - 1;
    const joined = last < 0 ? 64 : (key[last] as number) + rest;
    if (key[at + 1] === STAR && joined <= 63) {
      key.copyWithin(to, at + 2, at + 1 + length);
      key[last] = joined;
      to += rest;
    } else {
      key.copyWithin(to, at, at + 1 + length);
      last = to;
      to += 1 + length;
    }
    at += 1 + length;
  }
  const changed = to + 1 !== q.keyLength;
  key[to] = 0;
  q.keyLength = to + 1;
  return changed;
}

/**
 * Whether a name is `*.` and one that exists. It has no records, but neither may it be denied: a resolver that asks label by
 * label (RFC 9156) would take `web.*.marathon.mesos` for denied as well.
 */
export function isStarOf(q: Question, table: TableReader): boolean {
  const { key, keyLength } = q;
  if (key[0] !== 1 || key[1] !== STAR) return false;
  return table.find(key, 2, keyLength, hashName(key, 2, keyLength, table.seed)) !== 0;
}
