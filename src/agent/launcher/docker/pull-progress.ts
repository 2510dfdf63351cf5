import { StringDecoder } from 'node:string_decoder';
import type { Clock } from '../../../core/clock.ts';

/** One of the JSON objects that the engine sends while it pulls. */
interface PullMessage {
  readonly id?: string;
  readonly status?: string;
  readonly error?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

/** How often it is told how far the download is. */
const EVERY_MS = 2_000;
const MB = 1_000_000;

/** Makes a few lines for people of what an engine says while it pulls: one for each change, and now and then the sum. */
export class PullProgress {
  /** Why it failed, once the engine has said so. */
  problem: string | undefined;
  readonly #clock: Clock;
  readonly #tell: (line: string) => void;
  readonly #decoder = new StringDecoder('utf8');
  readonly #states = new Map<string, string>();
  readonly #layers = new Map<string, { current: number; total: number }>();
  #rest = '';
  #toldAt: number;

  constructor(clock: Clock, tell: (line: string) => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#toldAt = clock.monotonic();
  }

  /** The next bytes of the answer. */
  take(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.write(Buffer.from(chunk))).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#message(line);
  }

  #message(line: string): void {
    let message: PullMessage;
    try {
      message = JSON.parse(line) as PullMessage;
    } catch {
      return; // for people; nothing depends on it
    }
    if (message.error !== undefined) this.problem = message.error;
    const { id = '', status = '', progressDetail } = message;
    if (status === 'Downloading' && progressDetail?.total !== undefined) {
      this.#layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
      this.#tellSum();
    }
    if (status === '' || this.#states.get(id) === status) return;
    this.#states.set(id, status);
    this.#tell(id === '' ? status : `${id}: ${status}`);
  }

  #tellSum(): void {
    const now = this.#clock.monotonic();
    if (now - this.#toldAt < EVERY_MS) return;
    this.#toldAt = now;
    const sum = (f: (l: { current: number; total: number }) => number): string =>
      ([...this.#layers.values()].reduce((all, layer) => all + f(layer), 0) / MB).toFixed(1);
    this.#tell(`Downloaded ${sum((l) => l.current)} of ${sum((l) => l.total)} MB`);
  }
}
