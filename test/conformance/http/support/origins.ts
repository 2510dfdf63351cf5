import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('./origin-process.ts', import.meta.url));

export interface Ledger {
  readonly requests: number;
  readonly connections: number;
  readonly running: number;
  readonly mostRunning: number;
  readonly open: number;
  /** How many times each id was seen: its head, its whole body. */
  readonly begun: ReadonlyMap<string, number>;
  readonly complete: ReadonlyMap<string, number>;
}

export interface OriginSettings {
  readonly name?: string;
  readonly port?: number;
  readonly keepAliveMs?: number;
  readonly ms?: number;
  readonly status?: number;
  readonly journal?: string;
}

/** An instance in a process of its own (`origin-process.ts`). */
export class OriginProcess {
  readonly port: number;
  readonly pid: number;
  readonly #controlPort: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number, controlPort: number) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.port = port;
    this.#controlPort = controlPort;
  }

  static async start(settings: OriginSettings = {}): Promise<OriginProcess> {
    const child = spawn(process.execPath, [SCRIPT, JSON.stringify(settings)], {
      // It ends when this end of its input does: it never outlives the tests.
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout });
    const line = await new Promise<string>((resolve, reject) => {
      lines.once('line', resolve);
      child.once('exit', (code) => reject(new Error(`the origin ended with ${code}`)));
    });
    const said = JSON.parse(line) as { readonly port: number; readonly controlPort: number };
    return new OriginProcess(child, said.port, said.controlPort);
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async ledger(change?: OriginSettings): Promise<Ledger> {
    const order = change === undefined ? {} : { method: 'POST', body: JSON.stringify(change) };
    const response = await fetch(`http://127.0.0.1:${this.#controlPort}/`, order);
    const said = (await response.json()) as Record<'begun' | 'complete', [string, number][]>;
    return { ...said, begun: new Map(said.begun), complete: new Map(said.complete) } as unknown as Ledger;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when the process is gone. */
  async gone(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await new Promise((resolve) => void this.#child.once('exit', resolve));
  }

  async close(): Promise<void> {
    const gone = this.gone();
    this.#child.kill('SIGKILL');
    await gone;
  }
}

export function startOrigins(n: number, settings: OriginSettings = {}): Promise<OriginProcess[]> {
  return Promise.all(
    Array.from({ length: n }, (_, i) => OriginProcess.start({ name: `origin-${i}`, ...settings })),
  );
}
