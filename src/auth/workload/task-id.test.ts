import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaskFacts } from '../../core/identity.ts';
import { readSpiffeId } from '../identity/spiffe-id.ts';
import { pathSegment, taskPath, templateProblem } from './task-id.ts';

const FACTS: TaskFacts = {
  taskId: 'web.1',
  taskName: 'web',
  frameworkId: 'f-0',
  frameworkName: 'marathon',
  agentId: 'a-S0',
  user: 'www data',
  labels: new Map(),
};

/** What the doc comment says, read backwards. */
function textOf(segment: string): string {
  if (segment === '_-') return '';
  const bytes: Buffer[] = [];
  for (const [, escaped, plain = ''] of segment.matchAll(/_(_|[0-9a-f]{2})|([^_])/g)) {
    if (escaped === '_') bytes.push(Buffer.from('_'));
    else bytes.push(escaped === undefined ? Buffer.from(plain) : Buffer.from(escaped, 'hex'));
  }
  return Buffer.concat(bytes).toString();
}

describe('the SPIFFE id of a task', () => {
  it('is made by a template', () => {
    expect(taskPath('/framework/{framework}/task/{task}', FACTS)).toBe('/framework/marathon/task/web');
    expect(taskPath('/{user}/{frameworkId}-{taskId}/{agentId}', FACTS)).toBe('/www_20data/f-0-web.1/a-S0');
  });

  it('has a segment for every name, from which the name can be read', () => {
    for (const [text, segment] of [
      ['', '_-'],
      ['.', '_2e'],
      ['..', '_2e.'],
      ['...', '...'],
      ['my_app', 'my__app'],
      ['a/b', 'a_2fb'],
      ['ä%', '_c3_a4_25'],
    ] as const)
      expect(pathSegment(text)).toBe(segment);
    const text = fc
      .string({ unit: 'grapheme', maxLength: 8 })
      .filter((t) => t.isWellFormed() && Buffer.byteLength(t) < 40);
    fc.assert(
      fc.property(text, (t) => {
        const segment = pathSegment(t);
        expect(readSpiffeId(`spiffe://td/x/${segment}/y`).ok).toBe(true);
        expect(textOf(segment)).toBe(t);
      }),
      { numRuns: 2_000 },
    );
  });

  it('tells long names apart, and stays short', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 100, maxLength: 400 }), fc.string(), (t, more) => {
        const [a, b] = [pathSegment(t + more), pathSegment(`${t + more}.`)];
        expect(a).not.toBe(b);
        expect(a.length).toBeLessThanOrEqual(128);
        expect(readSpiffeId(`spiffe://td/${a}`).ok).toBe(true);
      }),
    );
  });

  it.each([
    ['/{task}/{tsk}', /no \{tsk\}/],
    ['/{framework}', /must say/],
    ['{task}', /a path/],
    ['/{task}/', /a path/],
    ['//{task}', /a path/],
    ['/../{task}', /a path/],
    ['/a b/{task}', /a path/],
    ['/{task}%', /a path/],
    [`/{task}${'x'.repeat(400)}`, /longer/],
  ])('refuses the template %s', (template, why) => {
    expect(templateProblem(template)).toMatch(why);
  });

  it('takes templates that give good ids', () => {
    for (const template of ['/framework/{framework}/task/{task}', '/{taskId}', '/v1/{user}.{task}'])
      expect(templateProblem(template)).toBeUndefined();
  });
});
