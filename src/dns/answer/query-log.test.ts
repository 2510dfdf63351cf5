import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nameBytes } from '../wire/index.ts';
import { QuerySampler, SAMPLE_BYTES, packSample, unpackSample } from './query-log.ts';

const picks = (sampler: QuerySampler, n: number): number[] =>
  Array.from({ length: n }, (_, i) => (sampler.due() ? i : -1)).filter((i) => i >= 0);

describe('the sampler', () => {
  it.each([
    [0, 0, []],
    [1, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]],
    [4, 0, [0, 4, 8]],
    [4, 3, [3, 7]],
    [4, 9, [1, 5, 9]],
    [100, 50, []],
  ])('every %i from %i', (every, start, expected) => {
    expect(picks(new QuerySampler(every, start), 10)).toEqual(expected);
  });
});

const bytes = (n: number) => fc.uint8Array({ minLength: n, maxLength: n });
const NAME = nameBytes('web.marathon.mesos.') as Uint8Array;

describe('a sample', () => {
  it('comes out as it went in, and takes only its place', () => {
    const values = fc.tuple(
      fc.oneof(bytes(4), bytes(16)),
      fc.boolean(),
      fc.constantFrom(NAME, Uint8Array.of(0), nameBytes(`${'x'.repeat(62)}.`.repeat(3)) as Uint8Array),
      fc.nat(65535),
      fc.nat(4095),
      fc.nat(0xffff_ffff),
    );
    fc.assert(
      fc.property(values, ([address, tcp, name, type, rcode, us]) => {
        const out = new Uint8Array(SAMPLE_BYTES + 10).fill(0xee);
        const size = packSample(
          out,
          3,
          Uint8Array.of(9, ...address),
          1,
          address.length,
          tcp,
          Uint8Array.of(8, 8, ...name),
          2,
          name.length,
          type,
          rcode,
          us,
        );
        const sample = unpackSample(out.subarray(3, 3 + size));
        expect(sample).toEqual({ address, transport: tcp ? 'tcp' : 'udp', rcode, type, us, name });
        expect([out[2], out[3 + size]]).toEqual([0xee, 0xee]);
      }),
    );
  });

  it('has room for the longest name, and for times beyond its 32 bits', () => {
    const longest = nameBytes(`${`${'x'.repeat(63)}.`.repeat(3)}${'x'.repeat(61)}.`) as Uint8Array;
    const out = new Uint8Array(SAMPLE_BYTES);
    const size = packSample(out, 0, new Uint8Array(4), 0, 4, false, longest, 0, longest.length, 1, 0, 1e12);
    expect([longest.length, size]).toEqual([255, SAMPLE_BYTES]);
    expect(unpackSample(out)).toMatchObject({ name: longest, us: 0xffff_ffff });
  });

  it('is not read from anything else', () => {
    const out = new Uint8Array(SAMPLE_BYTES);
    const size = packSample(out, 0, new Uint8Array(4), 0, 4, false, NAME, 0, NAME.length, 1, 0, 5);
    const good = out.slice(0, size);
    expect(unpackSample(good)).toBeDefined();
    for (let n = 0; n < size; n++) expect(unpackSample(good.subarray(0, n))).toBeUndefined();
    expect(unpackSample(Uint8Array.of(...good, 0))).toBeUndefined();
    expect(unpackSample(good.with(0, 5))).toBeUndefined();
    expect(unpackSample(good.with(17, 2))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (any) => void unpackSample(any)));
  });
});
