import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LogFrames, sinceOf, sortable } from './log-frames.ts';
import type { LogPiece } from './log-frames.ts';

function frame(stream: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(bytes.length, 4);
  return Buffer.concat([header, bytes]);
}

const AT = '2026-01-02T03:04:05.000000006Z';

describe('the output of a container', () => {
  it('is taken apart in the same way, however its bytes arrive', () => {
    const piece = fc.record({ stderr: fc.boolean(), bytes: fc.uint8Array({ maxLength: 60 }) });
    fc.assert(
      fc.property(fc.array(piece), fc.infiniteStream(fc.integer({ min: 1, max: 30 })), (pieces, sizes) => {
        const whole = Buffer.concat(
          pieces.map((p) => frame(p.stderr ? 2 : 1, Buffer.concat([Buffer.from(`${AT} `), p.bytes]))),
        );
        const frames = new LogFrames();
        const found: LogPiece[] = [];
        for (let at = 0; at < whole.length;) {
          const size = sizes.next().value;
          found.push(...frames.take(whole.subarray(at, at + size)));
          at += size;
        }
        expect(found).toEqual(
          pieces.map((p) => ({
            stream: p.stderr ? 'stderr' : 'stdout',
            at: AT,
            bytes: Buffer.from(p.bytes),
          })),
        );
      }),
    );
  });

  it('has times that sort as they follow each other, whatever the engine makes of zeros and zones', () => {
    const moment = fc.tuple(fc.integer({ min: 0, max: 2e9 }), fc.integer({ min: 0, max: 999_999_999 }));
    const written = ([seconds, nanos]: readonly [number, number], short: boolean, east: boolean): string => {
      const hours = east ? 5 : 0;
      const text = new Date((seconds + hours * 3600) * 1000).toISOString().slice(0, 19);
      const digits = String(nanos).padStart(9, '0');
      const fraction = short ? digits.replace(/0+$/, '') : digits;
      return `${text}${fraction === '' ? '' : `.${fraction}`}${east ? '+05:00' : 'Z'}`;
    };
    fc.assert(
      fc.property(moment, moment, fc.boolean(), fc.boolean(), (a, b, short, east) => {
        const [x, y] = [sortable(written(a, short, east)), sortable(written(b, !short, !east))];
        const expected = a[0] === b[0] ? a[1] - b[1] : a[0] - b[0];
        expect(Math.sign(x < y ? -1 : Number(x > y))).toBe(Math.sign(expected));
        expect(sinceOf(x)).toBe(`${a[0]}.${String(a[1]).padStart(9, '0')}`);
      }),
    );
  });
});
