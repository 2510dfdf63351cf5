import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { root } from '../root.ts';
import { pause } from '../eventually.ts';

/** One process of the cluster, and the one who looks after it: whoever ends by itself is started again, as systemd would. */
export class Part {
  readonly name: string;
  /** Ends that nobody ordered, with what was written last. */
  readonly ends: string[] = [];
  /** Where it was started. */
  folder = root;
  output = '';
  readonly #role: string;
  readonly #settings: Readonly<Record<string, string | number | boolean>>;
  readonly #mark: string;
  #child: ChildProcess | undefined;
  #wanted = false;

  constructor(
    name: string,
    role: string,
    settings: Readonly<Record<string, string | number | boolean>>,
    mark: string,
  ) {
    this.name = name;
    this.#role = role;
    this.#settings = settings;
    this.#mark = mark;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  start(): void {
    this.#wanted = true;
    const set = Object.entries(this.#settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    const child = spawn(process.execPath, ['bin/rimrock.mjs', this.#role, ...set], {
      cwd: this.folder,
      env: { ...process.env, RIMROCK_TEST_SITE: this.#mark },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => {
        this.output = (this.output + piece.toString()).slice(-100_000);
      });
    child.once('exit', (code, signal) => void this.#ended(child, code ?? signal));
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it for good; resolves when it has gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    this.#wanted = false;
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill(signal);
    await gone;
  }

  async #ended(child: ChildProcess, how: unknown): Promise<void> {
    if (!this.#wanted || child !== this.#child) return;
    this.ends.push(`${this.name} ended with ${String(how)}: ${this.output.slice(-1_500)}`);
    await pause(500);
    // oxlint-disable-next-line typescript/no-unnecessary-condition -- meanwhile
    if (this.#wanted && child === this.#child) this.start();
  }
}
