import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { ProcessMemory } from './run/idle-memory.ts';
import type { UpgradeMachine } from './run/upgrade/machine.ts';

/** The process and the machine, as far as the platform touches them; src/bin hands in the real ones. */
export interface World {
  readonly version: string;
  /** Answers and tables. */
  out(text: string): void;
  /** The same, for what is long: resolves when it is written, rejects when nobody reads any more. */
  outBytes(bytes: Uint8Array): Promise<void>;
  /** How many columns a person sees of what goes to `out`; undefined where a program reads it. */
  readonly outWidth: number | undefined;
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
  /** Tended while a role runs. */
  readonly memory?: ProcessMemory;
  /** Rejects with the system's error. */
  readFile(path: string): Promise<string>;
  /** For its owner alone, with its folder; rejects with the system's error. */
  writePrivateFile(path: string, text: string): Promise<void>;
  /** What a person types without seeing it; undefined where there is nobody. */
  askHidden(question: string): Promise<string | undefined>;
  /** Each request to end, by the name of its signal. */
  onStopRequest(f: (signal: string) => void): void;
  /** Each request to read the configuration again. */
  onReloadRequest(f: () => void): void;
  /** Each request to have the program that is on disk now take over. */
  onUpgradeRequest(f: () => void): void;
  /** What that takes; absent where it cannot be done. */
  readonly machine?: UpgradeMachine;
  /** Each time that a file has changed, appeared or gone, as seen by looking every other second; returns how to stop. */
  onFileChange(path: string, f: () => void): () => void;
  /** What nobody caught; `f` tells it, then the process ends. */
  onCrash(f: (error: unknown) => void): void;
  /** End now, whatever is under way. */
  exit(code: number): void;
}
