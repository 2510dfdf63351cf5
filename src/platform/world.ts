import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';

/** The process and the machine, as far as the platform touches them; src/bin hands in the real ones. */
export interface World {
  readonly version: string;
  /** Answers and tables. */
  out(text: string): void;
  /** Everything else. */
  err(text: string): void;
  /** Whether a person reads what goes to `err`. */
  readonly errIsTerminal: boolean;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that holds the `node` which runs us: tasks may need one. */
  readonly nodeFolder: string;
  readonly clock: Clock;
  readonly random: Random;
  /** Rejects with the system's error. */
  readFile(path: string): Promise<string>;
  /** Each request to end, by the name of its signal. */
  onStopRequest(f: (signal: string) => void): void;
  /** Each request to read the configuration again. */
  onReloadRequest(f: () => void): void;
  /** Each time that a file has changed, appeared or gone, as seen by looking every other second; returns how to stop. */
  onFileChange(path: string, f: () => void): () => void;
  /** What nobody caught; `f` tells it, then the process ends. */
  onCrash(f: (error: unknown) => void): void;
  /** End now, whatever is under way. */
  exit(code: number): void;
}
