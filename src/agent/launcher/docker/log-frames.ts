/** One piece of output, as the engine keeps it: a line, or a part of one that is very long. */
export interface LogPiece {
  readonly stream: 'stdout' | 'stderr';
  /** When it was written, in a form that sorts as text; empty where the engine does not tell. */
  readonly at: string;
  readonly bytes: Buffer;
}

const HEADER = 8;
const STDERR = 2;
const BLANK = 0x20;

/**
 * Takes the engine's multiplexed stream apart (Docker Engine API, "Attach to a container": a header of stream and length, then the bytes),
 * with the time that stands before each piece.
 */
export class LogFrames {
  #rest: Buffer = Buffer.alloc(0);

  /** The pieces that are complete with these bytes. */
  take(chunk: Buffer): LogPiece[] {
    const all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const pieces: LogPiece[] = [];
    let at = 0;
    while (all.length - at >= HEADER) {
      const end = at + HEADER + all.readUInt32BE(at + 4);
      if (end > all.length) break;
      const stream = all[at] === STDERR ? 'stderr' : 'stdout';
      pieces.push({ stream, ...timed(all.subarray(at + HEADER, end)) });
      at = end;
    }
    this.#rest = all.subarray(at);
    return pieces;
  }
}

function timed(frame: Buffer): { at: string; bytes: Buffer } {
  const blank = frame.indexOf(BLANK);
  if (blank < 0) return { at: '', bytes: frame };
  return { at: sortable(frame.toString('latin1', 0, blank)), bytes: frame.subarray(blank + 1) };
}

/** RFC 3339 with nine digits after the point, in UTC: engines leave zeros out, and some write their own time zone. */
export function sortable(time: string): string {
  const m = /^(.{19})(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/.exec(time);
  if (!m) return time;
  const [, seconds = '', fraction = '', zone = ''] = m;
  const utc = zone === 'Z' ? seconds : new Date(`${seconds}${zone}`).toISOString().slice(0, 19);
  return `${utc}.${fraction.padEnd(9, '0')}Z`;
}

/** Seconds since the epoch with nine digits after the point, as the engine takes `since`. */
export function sinceOf(at: string): string {
  return `${Math.floor(Date.parse(at) / 1000)}.${at.slice(20, 29)}`;
}
