import { operateErrors } from './errors.ts';

export interface Kind {
  /** What it is called: `agent`. */
  readonly what: string;
  /** The command that shows them all: `agents`. */
  readonly list: string;
  /** What else makes it clear which one is meant, after "Give more of the id". */
  readonly more?: string;
}

/** Whether a name begins like this; `begin…end`, as a table on a terminal has cut it, is one as well. */
export function isMeant(name: string, wanted: string): boolean {
  const [begin = '', end = ''] = wanted.split('…');
  return name.startsWith(begin) && name.endsWith(end);
}

/** How many are named where several are meant. */
const NAMED = 5;

/**
 * The one of them that has this name, or, where none has it, whose name begins with it: of several names, the first is shown. Throws a RimrockError.
 */
export function findOne<T>(
  kind: Kind,
  wanted: string,
  items: readonly T[],
  namesOf: (item: T) => readonly string[],
): T {
  const exact = items.filter((item) => namesOf(item).includes(wanted));
  const found =
    exact.length > 0 || wanted === ''
      ? exact
      : items.filter((item) => namesOf(item).some((name) => isMeant(name, wanted)));
  const [one] = found;
  if (one === undefined) throw operateErrors.CLI_NOT_FOUND({ ...kind, wanted });
  if (found.length === 1) return one;
  const names = found.slice(0, NAMED).map((item) => namesOf(item)[0] ?? '');
  if (found.length > NAMED) names.push('…');
  throw operateErrors.CLI_AMBIGUOUS({
    what: kind.what,
    wanted,
    found: names.join(', '),
    more: kind.more ?? '',
  });
}
