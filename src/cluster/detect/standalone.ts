import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { HttpResponse } from '../../core/http/client.ts';
import { endpointOfPid } from '../model/index.ts';
import type { DetectorListener, MasterDetector } from './types.ts';

export interface StandaloneParts {
  /** The master that is asked, `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  /** `GET` a path of that master; rejects when there is no answer. */
  get(path: string, signal: AbortSignal): Promise<HttpResponse>;
}

const EVERY_MS = 30_000;
/** Until the first answer, ask more often. */
const FIRST_MS = 2_000;
const ANSWER_MS = 60_000;
/** Where masters of all ages keep the document, the place that Mesos-DNS asks first. */
const PATHS = ['/state.json', '/master/state', '/state'] as const;

/** Asks one master every 30 s who leads. The one that is asked is always among the others: it sends whoever asks on. */
export class StandaloneDetector implements MasterDetector {
  readonly #parts: StandaloneParts;
  readonly #abort = new AbortController();
  #timer: Timer | undefined;
  #listener: DetectorListener | undefined;
  #leader: string | undefined;
  #paths: readonly string[] = PATHS;

  constructor(parts: StandaloneParts) {
    this.#parts = parts;
  }

  start(listener: DetectorListener): void {
    this.#listener = listener;
    listener.onMasters({ leader: undefined, others: [this.#parts.address] });
    void this.#ask();
  }

  stop(): void {
    this.#listener = undefined;
    this.#abort.abort();
    this.#timer?.cancel();
  }

  async #ask(): Promise<void> {
    const { clock, address } = this.#parts;
    const limit = new AbortController();
    const stop = (): void => limit.abort();
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    const timer = clock.after(ANSWER_MS, stop);
    const found = await this.#find(limit.signal);
    timer.cancel();
    this.#abort.signal.removeEventListener('abort', stop);
    if (!this.#listener) return;
    this.#listener.onProblem(found.leader === undefined ? `${address}: ${found.problem}` : undefined);
    if (found.leader !== undefined && found.leader !== this.#leader) {
      this.#leader = found.leader;
      const others = found.leader === address ? [] : [address];
      this.#listener.onMasters({ leader: found.leader, others });
    }
    this.#timer = clock.after(this.#leader === undefined ? FIRST_MS : EVERY_MS, () => void this.#ask());
  }

  async #find(signal: AbortSignal): Promise<{ readonly leader?: string; readonly problem: string }> {
    let problem = '';
    for (const path of this.#paths) {
      try {
        const response = await this.#parts.get(path, signal);
        const leader = await leaderIn(response);
        if (leader !== undefined) {
          this.#paths = [path, ...PATHS.filter((p) => p !== path)];
          return { leader, problem };
        }
        problem ||= `${path} answered ${response.status} and names no leader`;
      } catch (error) {
        return { problem: errorText(error) };
      }
    }
    return { problem };
  }
}

/** Kept between two pieces of the text: longer than what is looked for. */
const OVERLAP = 512;

/**
 * `leader` of a state document as `ip:port`. The document may be of any size, so it is looked through as it comes and
 * left as soon as the field was seen. (Inside of a JSON string its quotes would stand escaped.)
 */
async function leaderIn(response: HttpResponse): Promise<string | undefined> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const piece of response.body) {
      text += decoder.decode(piece, { stream: true });
      const m = /"leader"\s*:\s*"([^"\\]{1,200})"/.exec(text);
      const leader = endpointOfPid(m?.[1]);
      if (leader)
        return leader.ip.includes(':') ? `[${leader.ip}]:${leader.port}` : `${leader.ip}:${leader.port}`;
      if (m) return undefined;
      text = text.slice(-OVERLAP);
    }
  } finally {
    response.cancel();
  }
  return undefined;
}
