import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import type { World } from '../world.ts';

/** A process that is not one: files from a table, output in strings, signals by hand. */
export class FakeWorld implements World {
  readonly version = '9.9.9';
  readonly errIsTerminal = false;
  outWidth: number | undefined;
  /** What went to `outBytes`, which `stdout` has as well. */
  readonly written: Uint8Array[] = [];
  readonly folder: string;
  readonly environment: Record<string, string> = {};
  readonly nodeFolder = '/opt/node/bin';
  readonly clock = systemClock;
  readonly random = seededRandom(1);
  readonly files: Map<string, string>;
  /** What the person will type when asked. */
  readonly typed: string[] = [];
  stdout = '';
  stderr = '';
  readonly exits: number[] = [];
  #stop: ((signal: string) => void) | undefined;
  #reload: (() => void) | undefined;
  #upgrade: (() => void) | undefined;
  readonly #watched = new Map<string, () => void>();

  constructor(files: Readonly<Record<string, string>> = {}, folder = '/here') {
    this.files = new Map(Object.entries(files));
    this.folder = folder;
  }

  out(text: string): void {
    this.stdout += text;
  }

  async outBytes(bytes: Uint8Array): Promise<void> {
    this.written.push(bytes);
    this.stdout += Buffer.from(bytes).toString();
  }

  err(text: string): void {
    this.stderr += text;
  }

  async readFile(path: string): Promise<string> {
    const text = this.files.get(path);
    if (text === undefined) throw new Error(`ENOENT: no such file '${path}'`);
    return text;
  }

  onStopRequest(f: (signal: string) => void): void {
    this.#stop = f;
  }

  onReloadRequest(f: () => void): void {
    this.#reload = f;
  }

  onUpgradeRequest(f: () => void): void {
    this.#upgrade = f;
  }

  async writePrivateFile(path: string, text: string): Promise<void> {
    this.files.set(path, text);
  }

  async askHidden(question: string): Promise<string | undefined> {
    this.stderr += question;
    return this.typed.shift();
  }

  onFileChange(path: string, f: () => void): () => void {
    this.#watched.set(path, f);
    return () => void this.#watched.delete(path);
  }

  /** As if a file had been written. */
  write(path: string, text: string): void {
    this.files.set(path, text);
    this.#watched.get(path)?.();
  }

  /** As if the process got SIGUSR2. */
  upgrade(): void {
    this.#upgrade?.();
  }

  /** As if the process got SIGHUP. */
  hangUp(): void {
    this.#reload?.();
  }

  onCrash(): void {}

  exit(code: number): void {
    this.exits.push(code);
  }

  /** As if the process got this signal. */
  signal(name: string): void {
    this.#stop?.(name);
  }
}
