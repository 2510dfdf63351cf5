import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameFollower, GOODBYE } from './websocket-frames.ts';

/** A frame by hand: `opcode`, with a payload of so many bytes. */
function frame(opcode: number, length: number, masked = false): Buffer {
  const mask = masked ? 128 : 0;
  const head =
    length < 126
      ? Buffer.from([128 | opcode, mask | length])
      : length < 65_536
        ? Buffer.from([opcode, mask | 126, length >> 8, length & 255])
        : Buffer.from([opcode, mask | 127, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 255, length & 255]);
  // Payload that looks like frames.
  return Buffer.concat([
    head,
    Buffer.alloc(masked ? 4 : 0, 7),
    Buffer.alloc(length, Buffer.from([0x88, 0, 0x81, 126])),
  ]);
}

const frames = fc.array(
  fc
    .record({
      opcode: fc.constantFrom(0, 1, 2, 9, 10),
      length: fc.oneof(fc.nat(300), fc.constantFrom(0, 125, 126, 127, 65_535, 65_536, 70_000)),
      masked: fc.boolean(),
    })
    .map(({ opcode, length, masked }) => frame(opcode, length, masked)),
  { minLength: 1, maxLength: 6 },
);

describe('the frames of a WebSocket', () => {
  it('end where they end, however they are cut to pieces', () => {
    fc.assert(
      fc.property(frames, fc.infiniteStream(fc.integer({ min: 1, max: 40_000 })), (all, cuts) => {
        const bytes = Buffer.concat(all);
        const ends = new Set<number>([0]);
        let end = 0;
        for (const one of all) ends.add((end += one.length));
        const follower = new FrameFollower();
        for (let at = 0; at < bytes.length;) {
          expect(follower.between).toBe(ends.has(at));
          const next = Math.min(bytes.length, at + (cuts.next().value as number));
          follower.pass(bytes.subarray(at, next));
          at = next;
        }
        expect(follower.between).toBe(true);
        expect(follower.closed).toBe(false);
      }),
    );
  });

  it('the first end within a piece is found, byte for byte', () => {
    fc.assert(
      fc.property(frames, fc.nat(), (all, cut) => {
        const bytes = Buffer.concat(all);
        const at = cut % bytes.length;
        let end = 0;
        for (const one of all) if (end <= at && at > 0) end += one.length;
        if (at === 0) end = all[0]?.length ?? 0;
        // Where the cut is an end itself, the first one behind it.
        const follower = new FrameFollower();
        follower.pass(bytes.subarray(0, at));
        expect(follower.toEnd(bytes, at)).toBe(end);
        expect(follower.between).toBe(true);
      }),
    );
  });

  it('a Close counts when it is whole; ours is one', () => {
    const follower = new FrameFollower();
    follower.pass(GOODBYE.subarray(0, 3));
    expect([follower.closed, follower.between]).toEqual([false, false]);
    follower.pass(GOODBYE.subarray(3));
    expect([follower.closed, follower.between]).toEqual([true, true]);
    const empty = new FrameFollower();
    empty.pass(frame(8, 0));
    expect(empty.closed).toBe(true);
  });
});
