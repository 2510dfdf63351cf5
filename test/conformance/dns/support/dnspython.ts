import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { python } from './tools.ts';

export interface JudgedRecord {
  readonly name: string;
  readonly ttl: number;
  readonly class: string;
  readonly type: string;
  readonly data: string;
}

/** A message as dnspython reads it; `error` is there when it refuses it. */
export interface Judged {
  readonly error?: string;
  readonly id: number;
  /** QR, AA, TC, RD, RA, AD, CD. */
  readonly flags: readonly string[];
  readonly opcode: number;
  readonly rcode: string;
  readonly question: readonly string[];
  readonly answer: readonly JudgedRecord[];
  readonly authority: readonly JudgedRecord[];
  readonly additional: readonly JudgedRecord[];
  /** The version, -1 without OPT. */
  readonly edns: number;
  readonly payload: number | null;
  readonly ednsFlags: number | null;
  readonly options: readonly number[];
  /** Extended DNS errors (RFC 8914). */
  readonly ede: readonly number[];
}

/** dnspython in a process of its own: the judge of the bytes that we send. */
export class Dnspython {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #waiting: ((judged: Judged) => void)[] = [];
  readonly #gone: Promise<void>;

  constructor() {
    const script = fileURLToPath(new URL('../judges/parse.py', import.meta.url));
    this.#child = spawn(python() ?? 'python3', [script], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#gone = new Promise((resolve) => void this.#child.once('exit', () => resolve()));
    createInterface({ input: this.#child.stdout }).on('line', (line) =>
      this.#waiting.shift()?.(JSON.parse(line) as Judged),
    );
  }

  parse(bytes: Uint8Array): Promise<Judged> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.stdin.write(`${Buffer.from(bytes).toString('hex')}\n`);
    });
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await this.#gone;
  }
}
