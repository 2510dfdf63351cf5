import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.ts';

/** A client of another project in a process of its own, which says what happens to it as JSON lines on stdout. */
export class JsonLinesProcess<Line extends { readonly event: string }> {
  readonly lines: Line[] = [];
  readonly #child: ChildProcess;
  readonly #gone: Promise<number | string>;
  #noise = '';

  constructor(script: string, arguments_: readonly string[], options: { cwd: string; mark: string }) {
    this.#child = spawn(process.execPath, ['--no-deprecation', script, ...arguments_], {
      cwd: options.cwd,
      env: { ...process.env, HOST: '127.0.0.1', RIMROCK_TEST_SITE: options.mark },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#gone = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(code ?? signal ?? 'unknown'));
    });
    if (this.#child.stdout) {
      createInterface({ input: this.#child.stdout }).on('line', (line) => {
        if (line.startsWith('{')) this.lines.push(JSON.parse(line) as Line);
        else this.#noise += `${line}\n`;
      });
    }
    this.#child.stderr?.on('data', (piece: Buffer) => void (this.#noise += piece.toString()));
  }

  tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Wait until `n` lines match. */
  async heard(what: string, matches: (line: Line) => boolean, n = 1, timeoutMs = 20_000): Promise<Line[]> {
    await eventually(what, () => this.lines.filter(matches).length >= n, { timeoutMs }).catch(
      (error: unknown) => {
        const said = this.lines.map((line) => JSON.stringify(line).slice(0, 300)).join('\n');
        throw new Error(`no ${what}; the client said:\n${said}\n${this.#noise}`, { cause: error });
      },
    );
    return this.lines.filter(matches);
  }

  ended(): Promise<number | string> {
    return this.#gone;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#gone;
  }
}
