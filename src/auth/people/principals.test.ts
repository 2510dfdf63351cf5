import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCredentials, Principals } from './principals.ts';

describe('credentials of Mesos', () => {
  const two = [
    { principal: 'a', secret: 'x' },
    { principal: 'b', secret: 'y:z w' },
  ];

  it('are read as JSON, as YAML, and alone', () => {
    expect(parseCredentials(JSON.stringify({ credentials: two }), 'f')).toEqual(two);
    const yaml = 'credentials:\n  - principal: a\n    secret: x\n  - {principal: b, secret: "y:z w"}\n';
    expect(parseCredentials(yaml, 'f')).toEqual(two);
    expect(parseCredentials('{"principal": "agent", "secret": "s"}', 'f')).toEqual([
      { principal: 'agent', secret: 's' },
    ]);
  });

  it('are read as the lines of old', () => {
    expect(parseCredentials('# theirs\na x\nb\ty\n', 'f')).toEqual([
      { principal: 'a', secret: 'x' },
      { principal: 'b', secret: 'y' },
    ]);
  });

  it.each([
    ['', /credentials/],
    ['{"credentials": [{"principal": "a"}]}', /'a' has no secret/],
    ['{"credentials": [{"principal": "", "secret": "x"}]}', /credentials\[0\]\.principal/],
    ['{"credentials": [{"principal": "a", "secert": "x"}]}', /did you mean 'secret'/],
    ['{"credentials": [{"principal": "a", "secret": "hunter2"}', /neither JSON/],
    ['{"credentials": [{"principal": "a", "secret": "x"}, {"principal": "a", "secret": "y"}]}', /twice/],
  ])('%j does not hold, and no secret is repeated', (text, said) => {
    expect(() => parseCredentials(text, '/etc/c')).toThrow(said);
    expect(() => parseCredentials(text, '/etc/c')).not.toThrow(/hunter2/);
  });

  it('fit exactly those who have them', () => {
    const text = fc.string({ minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 4 }), text, text, (secrets, name, secret) => {
        const list = Object.entries(secrets).map(([principal, s]) => ({ principal, secret: s }));
        const principals = new Principals(list);
        expect(principals.verify(name, secret)).toBe(
          Object.hasOwn(secrets, name) && secrets[name] === secret,
        );
        for (const one of list) expect(principals.verify(one.principal, one.secret)).toBe(true);
      }),
    );
  });
});
