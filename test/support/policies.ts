import fc from 'fast-check';
import type { AccessRequest, Subject } from '../../src/core/access.ts';
import type { Policy, Rule } from '../../src/core/policy/types.ts';

// Few words, so that rules and requests meet often.
const WORDS = ['a', 'b', 'ab', 'web'];
const word = fc.constantFrom(...WORDS);
const segmentPattern = fc.constantFrom(...WORDS, '*', 'a*', '*b', 'w*b', '\\*');
const segments = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.array(one, { minLength: 1, maxLength: 3 });

const namePattern = fc
  .tuple(fc.constantFrom('', '/'), segments(segmentPattern), fc.constantFrom('', '', '/**'))
  .map(([slash, parts, rest]) => `${slash}${parts.join('/')}${rest}`);
const pattern = fc.oneof({ weight: 8, arbitrary: namePattern }, fc.constant('**'));
const name = fc
  .tuple(fc.constantFrom('', '/'), segments(fc.constantFrom(...WORDS, '*', 'aXb')))
  .map(([slash, parts]) => `${slash}${parts.join('/')}`);

const ACTIONS = ['view_tasks', 'view_roles', 'run_tasks', 'call', 'marathon:view', 'dns:recursion'];
const may = fc.constantFrom(...ACTIONS, 'call', 'view_*', 'marathon:*', '*');
const METHODS = ['GET', 'POST'];

const network = fc.constantFrom('10.1.0.0/16', '10.0.0.0/8', '0.0.0.0/0', '10.1.2.3', 'fd00::/8', '::/0');
const ADDRESSES = ['10.1.2.3', '10.2.0.1', '192.0.2.1', '::ffff:10.1.2.3', 'fd00::1', 'fe80::1%eth0', '?'];

const who = fc.oneof(
  fc.constantFrom('anyone', 'authenticated', 'anonymous'),
  fc
    .tuple(fc.constantFrom('user:', 'group:', 'service:', 'principal:'), segmentPattern)
    .map(([k, p]) => k + p),
  namePattern.map((p) => `spiffe://${p}`),
  network.map((n) => `net:${n}`),
);

const list = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(one, { minLength: 1, maxLength: 3 });

const unnamed = fc
  .record({
    effect: fc.constantFrom('allow' as const, 'deny' as const),
    who: list(who),
    may: list(may),
    on: fc.option(list(pattern), { nil: undefined }),
    methods: fc.option(list(fc.constantFrom(...METHODS)), { nil: undefined, freq: 2 }),
    paths: fc.option(list(namePattern.map((p) => (p.startsWith('/') ? p : `/${p}`))), {
      nil: undefined,
      freq: 2,
    }),
  })
  .map(({ on, methods, paths, ...wild }): Omit<Rule, 'name'> => {
    // Networks are known of clients of DNS only.
    const may = wild.who.some((w) => w.startsWith('net:')) ? ['dns:recursion'] : wild.may;
    const rest = { ...wild, may };
    const mayCall = may.some((m) => m === 'call' || m === '*');
    return {
      ...rest,
      ...(on && { on }),
      ...(mayCall && methods && { methods }),
      ...(mayCall && paths && { paths }),
    };
  });

/** Sound rules with names of their own. */
export const rules = (max: number): fc.Arbitrary<readonly Rule[]> =>
  fc.array(unnamed, { maxLength: max }).map((all) => all.map((rule, i) => ({ name: `r${i}`, ...rule })));

export const policies: fc.Arbitrary<Policy> = fc.record({
  version: fc.nat(),
  default: fc.constantFrom('allow' as const, 'deny' as const),
  rules: rules(12),
});

const named: fc.Arbitrary<Subject> = fc.oneof(
  fc.constant<Subject>({ kind: 'anonymous', name: '', groups: [] }),
  fc.record({
    kind: fc.constantFrom('user' as const, 'service' as const, 'principal' as const),
    name: word,
    groups: fc.array(word, { maxLength: 2 }),
  }),
  name.map((n): Subject => ({ kind: 'workload', name: `spiffe://${n}`, groups: [] })),
);

const subject: fc.Arbitrary<Subject> = fc
  .tuple(named, fc.option(fc.constantFrom(...ADDRESSES), { nil: undefined, freq: 2 }))
  .map(([one, address]) => (address === undefined ? one : { ...one, address }));

export const requests: fc.Arbitrary<AccessRequest> = fc
  .record({
    subject,
    action: fc.constantFrom(...ACTIONS, 'call', 'not known'),
    object: fc.oneof(name, fc.constant('')),
    alias: fc.option(name, { nil: undefined }),
    method: fc.constantFrom(...METHODS),
    path: name.map((n) => (n.startsWith('/') ? n : `/${n}`)),
  })
  .map(({ alias, method, path, ...rest }) => ({
    ...rest,
    ...(alias !== undefined && { alias }),
    ...(rest.action === 'call' && { method, path }),
  }));
