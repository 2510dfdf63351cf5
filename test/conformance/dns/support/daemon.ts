import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { eventually } from '../../../support/eventually.ts';
import { pathOf } from './tools.ts';

/** A server of somebody else in the foreground, with a folder of its own for everything it writes. */
export class Daemon {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #gone: Promise<void>;
  #output = '';

  /** `setUp` writes the configuration into the folder and gives the arguments. */
  constructor(command: string, setUp: (folder: string) => readonly string[]) {
    this.folder = mkdtempSync(join(tmpdir(), `rimrock-${basename(command)}-`));
    this.#child = spawn(pathOf(command) ?? command, [...setUp(this.folder)], {
      cwd: this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child.stdout?.on('data', (piece: Buffer) => void (this.#output += piece.toString()));
    this.#child.stderr?.on('data', (piece: Buffer) => void (this.#output += piece.toString()));
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Until `ready` holds; what the server wrote is in the error otherwise. */
  async until(what: string, ready: () => boolean | Promise<boolean>, timeoutMs = 20_000): Promise<this> {
    await eventually(
      what,
      () => {
        if (this.#child.exitCode !== null) throw new Error(`it ended with ${this.#child.exitCode}`);
        return ready();
      },
      { timeoutMs },
    ).catch(async (error: unknown) => {
      await this.close();
      throw new Error(`no ${what}; it wrote:\n${this.#output.slice(-4000)}`, { cause: error });
    });
    return this;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async close(): Promise<void> {
    this.#child.kill('SIGCONT');
    this.#child.kill('SIGKILL');
    await this.#gone;
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
