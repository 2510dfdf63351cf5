import fc from 'fast-check';
import { expect, it } from 'vitest';
import { JsonSlicer } from './slicer.ts';
import type { Plan } from './slicer.ts';

const utf8 = new TextEncoder();
const KEEP: Plan = { act: 'keep' };
const SKIP: Plan = { act: 'skip' };
const slice = (kind: number): Plan => ({ act: 'slice', kind });
const members = (named: Record<string, Plan>, others: Plan = KEEP): Plan => ({
  act: 'members',
  members: new Map(Object.entries(named)),
  others,
});
const items = (item: Plan): Plan => ({ act: 'items', item });

/** What a plan promises to make of a value that was parsed whole. */
function planned(value: unknown, plan: Plan): unknown {
  if (typeof value !== 'object' || value === null || plan.act === 'keep') return value;
  if (plan.act === 'skip') return 0;
  if (Array.isArray(value)) {
    if (plan.act === 'slice') return { kind: plan.kind, items: value as unknown[] };
    return plan.act === 'items' ? value.map((v) => planned(v, plan.item)) : (value as unknown[]);
  }
  if (plan.act !== 'members') return value;
  return new Map(Object.entries(value).map(([k, v]) => [k, planned(v, plan.members.get(k) ?? plan.others)]));
}

/** The same, from a skeleton and its items. */
function filled(value: unknown, plan: Plan, all: readonly { kind: number; value: unknown }[]): unknown {
  if (typeof value !== 'object' || value === null || plan.act === 'keep') return value;
  if (Array.isArray(value)) {
    if (plan.act === 'items') return value.map((v) => filled(v, plan.item, all));
    if (plan.act !== 'slice') return value as unknown[];
    const [first, count] = value.length === 0 ? [0, 0] : (value as [number, number]);
    const own = all.slice(first, first + count);
    expect(own.every((i) => i.kind === plan.kind)).toBe(true);
    return { kind: plan.kind, items: own.map((i) => i.value) };
  }
  if (plan.act !== 'members') return value;
  return new Map(
    Object.entries(value).map(([k, v]) => [k, filled(v, plan.members.get(k) ?? plan.others, all)]),
  );
}

type Result = { readonly json: unknown } | 'not JSON';

/** `expected`: items that are known to be JSON, in the order in which they are expected. */
function sliced(
  bytes: Uint8Array,
  plan: Plan,
  cuts: readonly number[],
  expected: readonly string[] = [],
): Result {
  const all: { kind: number; value: unknown }[] = [];
  const slicer = new JsonSlicer(plan, {
    take(kind, from, start, end) {
      const text = new TextDecoder().decode(from.subarray(start, end));
      // Grammar is checked as the bytes pass, so what is handed out is JSON whatever follows.
      all.push({ kind, value: JSON.parse(text) });
    },
    guess: () => expected[all.length]?.length ?? 0,
    takeExpected(kind, from, start, end) {
      const text = new TextDecoder().decode(from.subarray(start, end));
      if (text !== expected[all.length]) return false;
      all.push({ kind, value: JSON.parse(text) });
      return true;
    },
  });
  let from = 0;
  for (const cut of cuts.map((c) => c % (bytes.length + 1)).toSorted((a, b) => a - b)) {
    // A piece's memory may be used again as soon as it was taken.
    const piece = bytes.slice(from, cut);
    slicer.push(piece);
    piece.fill(0x78);
    from = cut;
  }
  slicer.push(bytes.slice(from));
  const end = slicer.end();
  return end ? { json: filled(end.skeleton, plan, all) } : 'not JSON';
}

function whole(bytes: Uint8Array, plan: Plan): Result {
  try {
    return { json: planned(JSON.parse(new TextDecoder().decode(bytes)), plan) };
  } catch {
    return 'not JSON';
  }
}

/**
 * No name with a backslash in it: where such a one is known to the engine, JSON.parse of V8 13.6 takes another name that
 * is written with an escape for it (`{"\\":1,"\"":2}` comes out as one member), and which, depends on what it read before.
 */
const KEYS = ['a', 'tasks', 'é', '"', '__proto__', ''];
const plan = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(KEEP, SKIP, slice(1), slice(2)),
    fc
      .tuple(fc.dictionary(fc.constantFrom(...KEYS), tie('plan')), fc.constantFrom(KEEP, SKIP))
      .map(([named, others]) => members(named, others)),
    tie('plan').map(items),
  ),
})).plan;

/** JSON as text, written in all the ways it may be: white space, escapes, repeated names. */
const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r');
const escapes = fc.constantFrom('\\u0061', '\\ud83d\\ude00', '\\n', '\\\\', '\\"', '\\/', '\\udc00');
const string = fc
  .array(fc.oneof(fc.constantFrom('a', 'tasks', 'é', '😀', '{', ']', ',', '\u007f'), escapes), {
    maxLength: 4,
  })
  .map((parts) => `"${parts.join('')}"`);
const key = fc.oneof(
  fc.constantFrom(...KEYS).map((k) => JSON.stringify(k)),
  fc.constantFrom('"t\\u0061sks"', '"\\u00e9"', '"\\u0022"'),
);
const number = fc.constantFrom('0', '-0', '12', '-1.50', '1e9', '2E-3', '0.1e+05', '1e999');
const text = fc.letrec<{ text: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 6, depthSize: 'medium' },
    fc.oneof(string, number, fc.constantFrom('true', 'false', 'null')),
    fc
      .array(fc.tuple(space, tie('text'), space), { maxLength: 4 })
      .chain((a) => space.map((s) => `[${a.length > 0 ? a.map((p) => p.join('')).join(',') : s}]`)),
    fc
      .array(fc.tuple(space, key, space, fc.constant(':'), space, tie('text'), space), { maxLength: 4 })
      .chain((o) => space.map((s) => `{${o.length > 0 ? o.map((p) => p.join('')).join(',') : s}}`)),
  ),
})).text;
const cuts = fc.array(fc.nat(400), { maxLength: 5 });

it('gives what a parser gives, part by part, however the bytes were cut', () => {
  fc.assert(
    fc.property(text, space, plan, cuts, (json, around, p, at) => {
      const bytes = utf8.encode(`${around}${json}${around}`);
      const expected = whole(bytes, p);
      expect(expected).not.toBe('not JSON');
      expect(sliced(bytes, p, at)).toEqual(expected);
    }),
    { numRuns: 4000 },
  );
});

it('passes over items that are the expected ones, and is not misled by those that only begin or end alike', () => {
  const items = fc.array(
    fc.constantFrom('1', '12', '-1', '"a,b"', '"]"', '[1,2]', '{"a":[1]}', ' 1 ', '1 '),
    {
      maxLength: 6,
    },
  );
  const tail = fc.constantFrom(']', ',]', ' ]', '}', '', ',1]');
  fc.assert(
    fc.property(items, items, tail, cuts, (said, expected, end, at) => {
      const bytes = utf8.encode(`{"tasks":[${said.join(',')}${end},"b":2}`);
      const p = members({ tasks: slice(1) });
      const result = sliced(bytes, p, at, expected);
      expect(result).toEqual(whole(bytes, p));
      expect(sliced(bytes, p, at, said)).toEqual(result);
    }),
    { numRuns: 5000 },
  );
});

it('refuses what a parser refuses, wherever the fault is', () => {
  const byte = fc.oneof(
    fc.constantFrom(...utf8.encode('{}[],:" 0123456789-+.eEtrufalsn/b\n\t')),
    fc.constantFrom(0xef, 0xbb, 0xbf, 0x00, 0x1f, 0x7f, 0x80, 0xc3, 0xff),
  );
  const fault = fc.record({
    at: fc.nat(400),
    byte,
    how: fc.constantFrom('replace', 'insert', 'cut', 'drop'),
  });
  let refused = 0;
  let taken = 0;
  fc.assert(
    fc.property(text, fc.array(fault, { minLength: 1, maxLength: 2 }), plan, cuts, (json, faults, p, at) => {
      const bytes = [...utf8.encode(json)];
      for (const f of faults) {
        const place = f.at % (bytes.length + 1);
        if (f.how === 'cut') bytes.length = place;
        else bytes.splice(place, f.how === 'insert' ? 0 : 1, ...(f.how === 'drop' ? [] : [f.byte]));
      }
      const expected = whole(Uint8Array.from(bytes), p);
      if (expected === 'not JSON') refused++;
      else taken++;
      expect(sliced(Uint8Array.from(bytes), p, at)).toEqual(expected);
    }),
    { numRuns: 10_000 },
  );
  expect(Math.min(refused, taken)).toBeGreaterThan(500);
});

it.each([
  ['\uFEFF{"a":1}', '\uFEFF in front'],
  ['\uFEFF\uFEFF1', 'two marks'],
  ['01', 'a leading zero'],
  ['1.', 'no fraction'],
  ['"\t"', 'a control character'],
  ['nul', 'half a word'],
  ['{"a":1,}', 'a comma too many'],
  ['[1 2]', 'a comma too few'],
  ['1 2', 'two values'],
  ['1,', 'a comma outside'],
  [']', 'a close too many'],
  ['', 'nothing'],
])('takes %j as a parser does (%s)', (json) => {
  const bytes = utf8.encode(json);
  for (let cut = 0; cut <= bytes.length; cut++)
    expect(sliced(bytes, KEEP, [cut])).toEqual(whole(bytes, KEEP));
});

it('follows any depth', () => {
  const deep = utf8.encode(`{"x":${'['.repeat(50_000)}${']'.repeat(50_000)},"tasks":[1]}`);
  const result = sliced(deep, members({ tasks: slice(3) }, SKIP), [77]);
  expect(result).toEqual({
    json: new Map<string, unknown>([
      ['x', 0],
      ['tasks', { kind: 3, items: [1] }],
    ]),
  });
});
