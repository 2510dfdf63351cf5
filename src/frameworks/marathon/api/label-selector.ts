/** Label selectors of `GET /v2/apps?label=` (marathon.md §2.2). */

type Test = (labels: Readonly<Record<string, string>>) => boolean;

export type Selector =
  | { readonly ok: true; readonly matches: Test }
  | { readonly ok: false; readonly message: string };

const WORD = /^(?:[A-Za-z0-9_.-]|\\.)+/;

/** Terms with commas between, all of which must hold: `key`, `key==v`, `key!=v`, `key in (a,b)`, `key notin (a,b)`. */
export function parseSelector(text: string): Selector {
  const tests: Test[] = [];
  let rest = text.trim();
  for (;;) {
    const term = parseTerm(rest);
    if (!term)
      return {
        ok: false,
        message: `'${text}' is no label selector: write key, key==value, key!=value, key in (a, b) or key notin (a, b), with commas between`,
      };
    tests.push(term.test);
    rest = term.rest.trim();
    if (rest === '') return { ok: true, matches: (labels) => tests.every((t) => t(labels)) };
    if (!rest.startsWith(',')) return parseSelectorError(text, rest);
    rest = rest.slice(1).trim();
  }
}

function parseSelectorError(text: string, rest: string): Selector {
  return { ok: false, message: `'${text}' is no label selector: '${rest}' is not understood` };
}

function parseTerm(text: string): { test: Test; rest: string } | undefined {
  const key = word(text);
  if (!key) return undefined;
  const { value: name } = key;
  const rest = key.rest.trim();
  const has = (labels: Readonly<Record<string, string>>): string | undefined =>
    Object.hasOwn(labels, name) ? labels[name] : undefined;
  const operator = /^(==|!=|in\s*\(|notin\s*\()/.exec(rest)?.[0];
  if (operator === undefined) return { test: (l) => has(l) !== undefined, rest };
  const after = rest.slice(operator.length).trim();
  if (operator === '==' || operator === '!=') {
    const value = word(after);
    if (!value) return undefined;
    const equal = operator === '==';
    return { test: (l) => (has(l) === value.value) === equal, rest: value.rest };
  }
  const list = wordList(after);
  if (!list) return undefined;
  const inside = operator.startsWith('in');
  return {
    test: (l) => {
      const value = has(l);
      return (value !== undefined && list.values.includes(value)) === inside;
    },
    rest: list.rest,
  };
}

function word(text: string): { value: string; rest: string } | undefined {
  const found = WORD.exec(text)?.[0];
  if (found === undefined) return undefined;
  return { value: found.replace(/\\(.)/g, '$1'), rest: text.slice(found.length) };
}

function wordList(text: string): { values: string[]; rest: string } | undefined {
  const values: string[] = [];
  let rest = text;
  for (;;) {
    const next = word(rest.trim());
    if (!next) return undefined;
    values.push(next.value);
    rest = next.rest.trim();
    if (rest.startsWith(')')) return { values, rest: rest.slice(1) };
    if (!rest.startsWith(',')) return undefined;
    rest = rest.slice(1);
  }
}
