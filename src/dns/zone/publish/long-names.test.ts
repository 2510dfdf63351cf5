import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { task } from '../../testing/catalog.ts';
import { isName } from '../../wire/index.ts';
import { RFC1123, RFC952, domainFragment, label, shortened } from '../labels.ts';
import { namesOfTask } from '../records.ts';
import { canonicalLabel, underscored } from './long-names.ts';

const a = (n: number): string => 'a'.repeat(n);
const HASHED = /^.{0,54}-[a-km-uw-z13-9]{8}$/;

describe('labels that a combination makes too long', () => {
  it('are not touched while they fit', () => {
    expect(canonicalLabel(a(54), 'iffe9', 's1')).toBe(`${a(54)}-iffe9-s1`);
    expect(underscored(a(62))).toBe(`_${a(62)}`);
    expect(canonicalLabel('c.b.a', 'iffe9', 's1')).toBe('c.b.a-iffe9-s1');
    expect(canonicalLabel(`${a(40)}.${a(40)}`, 'iffe9', 's1')).toBe(`${a(40)}.${a(40)}-iffe9-s1`);
  });

  it('begin as they did and end in a hash of the whole', () => {
    const own = canonicalLabel(a(55), 'iffe9', 's1');
    expect(own).toMatch(HASHED);
    expect(own).toHaveLength(63);
    expect(own).not.toBe(canonicalLabel(a(55), 'iffe9', 's2'));
    expect(canonicalLabel(a(55), 'iffe9', 's1')).toBe(own);
    expect(underscored(a(63))).toBe(`_${a(53)}${shortened(`_${a(63)}`).slice(-9)}`);
    // Only the label that does not fit; no hyphen before the hyphen.
    expect(canonicalLabel(`c.${a(60)}`, 'iffe9', 's1')).toMatch(/^c\.a{54}-\w{8}$/);
    expect(shortened(`${a(50)}----${a(20)}`)).toMatch(/^a{50}-\w{8}$/);
  });

  it('stay as they are when the name alone is beyond DNS', () => {
    expect(canonicalLabel(a(64), 'iffe9', 's1')).toBe(`${a(64)}-iffe9-s1`);
    expect(underscored(`b.${a(64)}`)).toBe(`_b.${a(64)}`);
  });

  it('give every task names that DNS can say, whatever it and its ports are called', () => {
    const settings = { domain: 'mesos', rule: RFC1123, ipSources: ['host' as const], legacyNames: false };
    const anyName = fc.string({
      unit: fc.constantFrom('a', 'b', '-', '.', '_', 'Z', '9', '/'),
      maxLength: 90,
    });
    fc.assert(
      fc.property(anyName, anyName, anyName, (name, port, protocol) => {
        fc.pre(label(name, RFC1123) !== '');
        const ports = [{ number: 80, name: port, protocol, labels: new Map<string, string>() }];
        const discovery = { name, visibility: '', ports };
        for (const r of namesOfTask(task('t.1', { discovery, ports: [1] }), settings)) {
          expect([r.name, isName(r.name)]).toEqual([r.name, true]);
          if (r.type === 'SRV') expect(isName(r.host.slice(0, r.host.lastIndexOf(':')))).toBe(true);
        }
      }),
    );
  });
});

describe('text that is longer than a label', () => {
  const hash = { ...RFC1123, long: 'hash' as const };
  it('is cut, or shortened with a hash where the config says so', () => {
    expect(label(`${a(70)}x`, RFC1123)).toBe(a(63));
    expect(label(`${a(70)}x`, hash)).toMatch(/^a{54}-\w{8}$/);
    expect(label(`${a(70)}x`, hash)).not.toBe(label(`${a(70)}y`, hash));
    expect(label(a(70), { ...RFC952, long: 'hash' })).toMatch(/^a{15}-\w{8}$/);
    expect(domainFragment(`${a(70)}.b`, hash)).toMatch(/^a{54}-\w{8}\.b$/);
  });

  it('is not touched when it fits', () => {
    for (const text of ['web', a(63), `${a(63)}---`, `--${a(63)}`, `${a(30)}.${a(32)}`])
      expect(label(text, hash)).toBe(label(text, RFC1123));
  });
});
