import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord, RecordDecoder } from './recordio.ts';

const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));

/** Cut `bytes` at arbitrary places. */
function pieces(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const at = [0, ...cuts.map((c) => c % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('RecordIO', () => {
  it('writes length, line feed and ASCII JSON', () => {
    expect(new TextDecoder().decode(encodeRecord({ type: 'HEARTBEAT' }))).toBe('20\n{"type":"HEARTBEAT"}');
    expect(new TextDecoder().decode(encodeRecord({ n: 'ü' }))).toBe('14\n{"n":"\\u00fc"}');
  });

  it('gives back the same events however the stream was cut', () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue(), { maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (events, cuts) => {
          const bytes = Buffer.concat(events.map((e) => encodeRecord(e)));
          const decoder = new RecordDecoder();
          const out = pieces(bytes, cuts).flatMap((p) => decoder.push(p));
          expect(out.map(decode)).toEqual(events.map((e) => JSON.parse(JSON.stringify(e))));
          expect(decoder.idle).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['\n{}', 'bad-length'],
    ['0\n', 'bad-length'],
    ['-1\n{}', 'bad-length'],
    ['<html>', 'bad-length'],
    [' 2\n{}', 'bad-length'],
    ['2\r\n{}', 'bad-length'],
    ['99999999999\n', 'bad-length'],
    ['999999\n', 'too-large'],
  ])('refuses %j as %s and stays in error', (text, error) => {
    const decoder = new RecordDecoder(1000);
    expect(decoder.push(new TextEncoder().encode(text))).toEqual([]);
    expect(decoder.error).toBe(error);
    expect(decoder.push(encodeRecord({}))).toEqual([]);
  });

  it('allocates nothing for a length that is refused', () => {
    const decoder = new RecordDecoder(10);
    decoder.push(new TextEncoder().encode('11\n'));
    expect(decoder.error).toBe('too-large');
  });
});
