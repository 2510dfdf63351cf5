import { posix } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planFetch, shownUri } from './uri.ts';

const SHA = 'AB'.repeat(32);

describe('what a URI asks for', () => {
  it.each([
    [{ value: 'https://h/a/tool.tgz' }, 'tool.tgz', 'tar'],
    [{ value: 'http://h/a/b%20c.zip?x=1' }, 'b c.zip', 'zip'],
    [{ value: '/opt/data.gz' }, 'data.gz', 'gz'],
    [{ value: '/opt/.gz' }, '.gz', undefined],
    [{ value: 'file:///opt/x.tar.xz', extract: false }, 'x.tar.xz', undefined],
    [{ value: 'file:///opt/x.tar.xz', executable: true }, 'x.tar.xz', undefined],
    [{ value: '/opt/x', output_file: 'sub/y' }, 'sub/y', undefined],
    [{ value: `https://h/x.zip#sha256=${SHA}` }, 'x.zip', 'zip'],
    [{ value: '/opt/x#1' }, 'x#1', undefined],
  ])('%j', (uri, target, archive) => {
    const planned = planFetch(uri);
    if (!planned.ok) throw new Error(planned.problem);
    expect([planned.plan.target, planned.plan.archive]).toEqual([target, archive]);
    expect(planned.plan.sha256).toBe(uri.value.includes(SHA) ? SHA.toLowerCase() : undefined);
  });

  it.each([
    [{ value: 'hdfs://h/x' }, 'hdfs: is not fetched; write an absolute path, file://, http:// or https://'],
    [{ value: 'relative' }, 'agent.fetcher.frameworksHome'],
    [{ value: '' }, 'the URI is empty'],
    [{ value: 'http://h/' }, 'a name is needed'],
    [{ value: 'http://[/x' }, 'it is no URI that can be read'],
    [{ value: 'file://host/x' }, 'files of other machines are not fetched'],
    [{ value: '/x#sha256=12' }, 'must be 64 hexadecimal digits'],
    [{ value: '/x', output_file: '../y' }, 'output_file must be a relative path'],
    [{ value: '/x', output_file: '/etc/passwd' }, 'output_file must be a relative path'],
    [{ value: '/x', output_file: 'a/../..' }, 'output_file must be a relative path'],
    [{ value: '/x', output_file: 'a/' }, 'output_file must be a relative path'],
    [{ value: '/x', output_file: './.rimrock/current' }, 'is used by the agent itself'],
  ])('refuses %j: %s', (uri, problem) => {
    const planned = planFetch(uri);
    expect(planned.ok ? planned.plan : planned.problem).toContain(problem);
  });

  it('whatever is written, it lands in the sandbox, under a name', () => {
    const piece = fc.constantFrom(
      '..',
      '.',
      '',
      'a',
      '%2e%2e',
      '%2f',
      '\\',
      '\0',
      'b.zip',
      '#',
      '?',
      ':',
      '@',
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('/'));
    const value = fc.oneof(
      text,
      fc.tuple(fc.constantFrom('http://h', 'file://', '/'), text).map((t) => t.join('/')),
    );
    fc.assert(
      fc.property(value, fc.option(text, { nil: undefined }), (value, output_file): void => {
        const planned = planFetch({ value, ...(output_file === undefined ? {} : { output_file }) }, '/home');
        if (!planned.ok) return;
        const { target } = planned.plan;
        expect(posix.resolve('/sandbox', target).startsWith('/sandbox/')).toBe(true);
        expect(target.split('/').filter((step) => step === '' || step === '..')).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('is shown without its password', () => {
    expect(shownUri('https://me:pass:word@h/x')).toBe('https://me:***@h/x');
    expect(shownUri('https://h:80/a:b@c')).toBe('https://h:80/a:b@c');
    expect(shownUri('/a:b@c')).toBe('/a:b@c');
  });
});
