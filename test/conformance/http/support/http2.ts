import { connect } from 'node:net';
import { frame, FrameLog, MemoryTransport, PREFACE_TEXT } from '../../../../src/lb/http2/testing/peer.ts';
import type { Frame } from '../../../../src/lb/http2/testing/peer.ts';

/** What came back on one stream. */
export interface StreamAnswer {
  /** Of the final answer, 0 without one. */
  status: number;
  body: string;
  /** The code of RST_STREAM. */
  reset: number | undefined;
  /** Nothing more can come. */
  over: boolean;
}

/** What came back on a connection. */
export class Http2Answers {
  readonly streams = new Map<number, StreamAnswer>();
  /** The code of GOAWAY. */
  goaway: number | undefined;
  ended: 'closed' | 'cut' | 'quiet' | undefined;

  of(stream: number): StreamAnswer {
    let answer = this.streams.get(stream);
    if (answer === undefined) {
      answer = { status: 0, body: '', reset: undefined, over: false };
      this.streams.set(stream, answer);
    }
    return answer;
  }

  take(one: Frame, log: FrameLog): void {
    const { type, stream, payload } = one;
    // HPACK counts on every block being read.
    const status = type === 1 ? Number(log.fields(one)[':status'] ?? 0) : 0;
    if (type === 7) this.goaway = payload.readUInt32BE(4);
    if (type > 1 && type !== 3) return;
    const answer = this.of(stream);
    if (status >= 200) answer.status = status;
    if (type === 0) answer.body += payload.toString('latin1');
    if (type === 3) answer.reset = payload.readUInt32BE(0);
    if (type === 3 || (one.flags & 1) !== 0) answer.over = true;
  }
}

/**
 * Send frames on a connection of its own, behind the preface and our settings, and read until `enough`, until the other side
 * closes, or until nothing came for `quietMs`.
 */
export function converseHttp2(
  port: number,
  frames: Uint8Array,
  options: { readonly quietMs: number; readonly enough: (answers: Http2Answers) => boolean },
): Promise<Http2Answers> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const transport = new MemoryTransport();
    const log = new FrameLog(transport);
    const answers = new Http2Answers();
    let whole = Buffer.alloc(0);
    const over = (ended: Http2Answers['ended']): void => {
      clearTimeout(quiet);
      socket.removeAllListeners('close');
      socket.destroy();
      answers.ended ??= ended;
      resolve(answers);
    };
    const quiet = setTimeout(() => over('quiet'), options.quietMs);
    socket.on('error', () => over('cut'));
    socket.on('end', () => over('closed'));
    socket.on('close', () => over('cut'));
    socket.on('data', (piece: Buffer) => {
      quiet.refresh();
      whole = Buffer.concat([whole, piece]);
      // Whole frames only.
      let end = 0;
      while (whole.length - end >= 9 && whole.length - end >= 9 + whole.readUIntBE(end, 3))
        end += 9 + whole.readUIntBE(end, 3);
      transport.written = whole.subarray(0, end);
      for (const one of log.take()) answers.take(one, log);
      if (options.enough(answers)) over(undefined);
    });
    socket.write(Buffer.concat([Buffer.from(PREFACE_TEXT), frame(4, 0, 0), frame(4, 1, 0), frames]));
  });
}
