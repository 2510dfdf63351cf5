import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { DetectorListener, MasterDetector } from './types.ts';

export interface FileDetectorParts {
  readonly path: string;
  readonly clock: Clock;
  /** Rejects with the system's error. */
  readFile(path: string): Promise<string>;
  /** The detector for what the file says, or what is wrong with that. */
  make(text: string): MasterDetector | string;
}

const LOOK_EVERY_MS = 2_000;

/** Follows the address that stands in a file. A file that cannot be read, or says nonsense, leaves the last good one in use. */
export class FileDetector implements MasterDetector {
  readonly #parts: FileDetectorParts;
  #listener: DetectorListener | undefined;
  #text: string | undefined;
  #inner: MasterDetector | undefined;
  #innerProblem: string | undefined;
  #timer: Timer | undefined;

  constructor(parts: FileDetectorParts) {
    this.#parts = parts;
  }

  start(listener: DetectorListener): void {
    this.#listener = listener;
    void this.#look();
  }

  stop(): void {
    this.#listener = undefined;
    this.#timer?.cancel();
    this.#inner?.stop();
  }

  async #look(): Promise<void> {
    const problem = await this.#read();
    if (!this.#listener) return;
    this.#listener.onProblem(problem === undefined ? this.#innerProblem : `${this.#parts.path}: ${problem}`);
    this.#timer = this.#parts.clock.after(LOOK_EVERY_MS, () => void this.#look());
  }

  /** Bring the inner detector in line with the file; tells what is wrong with it. */
  async #read(): Promise<string | undefined> {
    let text: string;
    try {
      text = (await this.#parts.readFile(this.#parts.path)).trim();
    } catch (error) {
      return errorText(error);
    }
    const listener = this.#listener;
    if (!listener || text === this.#text) return undefined;
    const made = this.#parts.make(text);
    if (typeof made === 'string') return made;
    this.#text = text;
    this.#inner?.stop();
    this.#inner = made;
    this.#innerProblem = undefined;
    made.start({
      onMasters: (masters) => listener.onMasters(masters),
      onProblem: (reason) => {
        this.#innerProblem = reason;
        listener.onProblem(reason);
      },
    });
    return undefined;
  }
}
