import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../protocol.ts';
import { frame, setting, uint32 } from '../testing/peer.ts';
import { beginHeaders, endHeaders, FrameReader, OutBuffer, OutPool } from './index.ts';
import type { FrameSink } from './index.ts';

/** Writes down what it is told; pieces of one DATA frame are put together again. */
class Sink implements FrameSink {
  readonly told: string[] = [];
  #data = '';
  #flow = 0;

  onDataFrame(
    stream: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    flow: number,
    last: boolean,
    endStream: boolean,
  ): void {
    this.#data += Buffer.from(bytes.subarray(start, end)).toString('hex');
    this.#flow += flow;
    if (!last) return;
    this.told.push(`data ${stream} ${this.#data} ${this.#flow} ${endStream}`);
    this.#data = '';
    this.#flow = 0;
  }
  onHeaders(stream: number, endStream: boolean, bytes: Uint8Array, start: number, end: number): void {
    this.told.push(
      `headers ${stream} ${endStream} ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`,
    );
  }
  onReset(stream: number, code: number): void {
    this.told.push(`reset ${stream} ${code}`);
  }
  onSettings(bytes: Uint8Array, start: number, end: number): void {
    this.told.push(`settings ${Buffer.from(bytes.subarray(start, end)).toString('hex')}`);
  }
  onSettingsAck(): void {
    this.told.push('settings ack');
  }
  onPing(ack: boolean, bytes: Uint8Array, start: number): void {
    this.told.push(`ping ${ack} ${Buffer.from(bytes.subarray(start, start + 8)).toString('hex')}`);
  }
  onGoaway(lastStream: number, code: number): void {
    this.told.push(`goaway ${lastStream} ${code}`);
  }
  onWindowUpdate(stream: number, increment: number): void {
    this.told.push(`window ${stream} ${increment}`);
  }
  onIgnored(): void {
    this.told.push('ignored');
  }
  onStreamError(stream: number, code: number): void {
    this.told.push(`error ${stream} ${code}`);
  }
}

function read(pieces: readonly Uint8Array[], settings = true): { told: string[]; error: number | undefined } {
  const sink = new Sink();
  const reader = new FrameReader(sink, 32 * 1024);
  if (settings) reader.push(frame(4, 0, 0));
  for (const piece of pieces) reader.push(piece);
  return { told: sink.told.slice(settings ? 1 : 0), error: reader.error };
}

const P = ErrorCode.PROTOCOL_ERROR;
const SIZE = ErrorCode.FRAME_SIZE_ERROR;

describe('the reader of frames', () => {
  it.each<[string, Buffer, string[]]>([
    ['DATA', frame(0, 0, 1, 'ab'), ['data 1 6162 2 false']],
    ['DATA that ends the stream', frame(0, 1, 1, 'ab'), ['data 1 6162 2 true']],
    ['DATA without anything', frame(0, 0, 1), ['data 1  0 false']],
    ['padded DATA', frame(0, 8, 1, '\u0002ab\0\0'), ['data 1 6162 5 false']],
    ['DATA of padding alone', frame(0, 9, 1, '\u0002\0\0'), ['data 1  3 true']],
    ['DATA of a length of padding alone', frame(0, 8, 1, '\0'), ['data 1  1 false']],
    ['HEADERS', frame(1, 4, 1, 'ab'), ['headers 1 false 6162']],
    [
      'HEADERS with padding and priority',
      frame(1, 0x2d, 1, '\u0001\0\0\0\0\u0010ab\0'),
      ['headers 1 true 6162'],
    ],
    [
      'CONTINUATION',
      Buffer.concat([frame(1, 1, 1, 'a'), frame(9, 0, 1, 'b'), frame(9, 4, 1, 'c')]),
      ['headers 1 true 616263'],
    ],
    ['PRIORITY', frame(2, 0, 1, '\0\0\0\0\u0010'), ['ignored']],
    ['PRIORITY of the wrong size', frame(2, 0, 1, 'abcd'), ['error 1 6']],
    ['PRIORITY on itself', frame(2, 0, 1, '\0\0\0\u0001\u0010'), ['error 1 1']],
    ['RST_STREAM', frame(3, 0, 1, uint32(0xffffffff)), ['reset 1 4294967295']],
    ['SETTINGS', frame(4, 0, 0, setting(1, 5)), ['settings 000100000005']],
    ['an ACK of SETTINGS', frame(4, 1, 0), ['settings ack']],
    ['PING', frame(6, 0, 0, '12345678'), ['ping false 3132333435363738']],
    [
      'GOAWAY with words',
      frame(7, 0, 0, Buffer.concat([uint32(5), uint32(2), Buffer.from('why')])),
      ['goaway 5 2'],
    ],
    ['WINDOW_UPDATE, the reserved bit ignored', frame(8, 0, 1, uint32(0x80000005)), ['window 1 5']],
    ['WINDOW_UPDATE of nothing in a stream', frame(8, 0, 1, uint32(0)), ['error 1 1']],
    ['an unknown type', frame(99, 255, 7, 'abc'), ['ignored']],
  ])('%s, whole and byte by byte', (_, bytes, wanted) => {
    expect(read([bytes])).toEqual({ told: wanted, error: undefined });
    expect(read(Array.from(bytes, (c) => Uint8Array.of(c)))).toEqual({ told: wanted, error: undefined });
  });

  it.each<[string, Buffer, number]>([
    ['a frame that is too long', frame(0, 0, 1, Buffer.alloc(16_385)), SIZE],
    ['DATA on stream 0', frame(0, 0, 0, 'a'), P],
    ['DATA with more padding than there is', frame(0, 8, 1, '\u0003ab'), P],
    ['padded DATA without its length', frame(0, 8, 1), SIZE],
    ['HEADERS on stream 0', frame(1, 4, 0), P],
    ['HEADERS with more padding than there is', frame(1, 12, 1, '\u0003ab'), P],
    ['HEADERS without their priority', frame(1, 0x24, 1, 'ab'), P],
    ['PRIORITY on stream 0', frame(2, 0, 0, 'abcde'), P],
    ['RST_STREAM on stream 0', frame(3, 0, 0, 'abcd'), P],
    ['RST_STREAM of the wrong size', frame(3, 0, 1, 'abc'), SIZE],
    ['SETTINGS of a stream', frame(4, 0, 1), P],
    ['SETTINGS of the wrong size', frame(4, 0, 0, 'abc'), SIZE],
    ['an ACK with settings', frame(4, 1, 0, setting(1, 1)), SIZE],
    ['PUSH_PROMISE', frame(5, 4, 1, 'abcd'), P],
    ['PING of a stream', frame(6, 0, 1, '12345678'), P],
    ['PING of the wrong size', frame(6, 0, 0, '1234567'), SIZE],
    ['GOAWAY of a stream', frame(7, 0, 1, '12345678'), P],
    ['GOAWAY of the wrong size', frame(7, 0, 0, '1234567'), SIZE],
    ['WINDOW_UPDATE of the wrong size', frame(8, 0, 0, 'abc'), SIZE],
    ['WINDOW_UPDATE of nothing', frame(8, 0, 0, uint32(0)), P],
    ['CONTINUATION of nothing', frame(9, 4, 1), P],
    ['another frame within a field block', Buffer.concat([frame(1, 0, 1), frame(6, 0, 0, '12345678')]), P],
    ['CONTINUATION of another stream', Buffer.concat([frame(1, 0, 1), frame(9, 4, 3)]), P],
    ['an unknown type within a field block', Buffer.concat([frame(1, 0, 1), frame(99, 0, 0)]), P],
    [
      'a flood of empty CONTINUATION',
      Buffer.concat([frame(1, 0, 1), ...Array.from({ length: 20 }, () => frame(9, 0, 1))]),
      11,
    ],
    [
      'a field block without end',
      Buffer.concat([
        frame(1, 0, 1),
        ...Array.from({ length: 3 }, () => frame(9, 0, 1, Buffer.alloc(16_000))),
      ]),
      11,
    ],
  ])('%s ends the connection', (_, bytes, error) => {
    expect(read([bytes]).error).toBe(error);
    expect(read(Array.from(bytes, (c) => Uint8Array.of(c))).error).toBe(error);
  });

  it('wants settings first', () => {
    expect(read([frame(6, 0, 0, '12345678')], false)).toEqual({ told: [], error: P });
    expect(read([frame(4, 1, 0)], false)).toEqual({ told: [], error: P });
  });

  it('tells the same however the bytes are cut', () => {
    const frames = fc.array(
      fc.oneof(
        fc.tuple(fc.nat(10), fc.nat(255), fc.nat(3), fc.uint8Array({ maxLength: 12 })),
        fc.tuple(
          fc.constantFrom(0, 1),
          fc.constantFrom(0, 1, 4, 5),
          fc.constant(1),
          fc.uint8Array({ maxLength: 30 }),
        ),
      ),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(frames, fc.array(fc.integer({ min: 1, max: 20 })), (list, cuts) => {
        const bytes = Buffer.concat(
          list.map(([type, flags, stream, payload]) => frame(type, flags, stream, payload)),
        );
        const pieces: Uint8Array[] = [];
        let at = 0;
        for (const n of cuts) {
          pieces.push(bytes.subarray(at, at + n));
          at += n;
        }
        pieces.push(bytes.subarray(at));
        expect(read(pieces)).toEqual(read([bytes]));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the writer of field blocks', () => {
  it('goes on in CONTINUATION, and the reader puts it together', () => {
    const out = new OutBuffer(new OutPool());
    const at = beginHeaders(out);
    const block = Buffer.alloc(30_000, 'b');
    out.copy(block, 0, block.length);
    endHeaders(out, at, 5, true);
    expect(read([out.bytes.subarray(0, out.length)])).toEqual({
      told: [`headers 5 true ${block.toString('hex')}`],
      error: undefined,
    });
  });
});
