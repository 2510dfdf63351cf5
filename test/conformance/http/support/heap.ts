import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROBE = fileURLToPath(new URL('./heap-probe.mjs', import.meta.url));

interface Sample {
  readonly hours: number;
  readonly used: number;
  readonly code: number;
}

/**
 * What is left on the heap of each thread of a program after its garbage is gone, sample by sample, compiled code apart; and how
 * late its main thread is.
 */
export class HeapProbe {
  readonly #folder = mkdtempSync(join(tmpdir(), 'rimrock-heap-'));
  readonly #file = join(this.#folder, 'samples');
  readonly environment: Readonly<Record<string, string>>;

  constructor(everyMs: number) {
    this.environment = {
      NODE_OPTIONS: `--expose-gc --import=${PROBE}`,
      HEAP_PROBE_FILE: this.#file,
      HEAP_PROBE_MS: String(everyMs),
    };
  }

  /** Bytes per hour by the samples after `fromMs`, all threads together; compiled code is not in `bytesPerHour`. */
  slope(fromMs: number): {
    readonly bytesPerHour: number;
    readonly codePerHour: number;
    readonly samples: number;
    readonly threads: string;
  } {
    const threads = new Map<string, Sample[]>();
    for (const line of readFileSync(this.#file, 'utf8').trim().split('\n')) {
      const [thread = '', at, used, code] = line.split(' ');
      if (Number(at) < fromMs) continue;
      const samples = threads.get(thread) ?? [];
      samples.push({ hours: Number(at) / 3_600_000, used: Number(used), code: Number(code) });
      threads.set(thread, samples);
    }
    const slopes = [...threads].map(([thread, samples]) => ({
      thread,
      used: middleSlope(samples.map(({ hours, used }) => [hours, used])),
      code: middleSlope(samples.map(({ hours, code }) => [hours, code])),
    }));
    return {
      bytesPerHour: slopes.reduce((sum, { used }) => sum + used, 0),
      codePerHour: slopes.reduce((sum, { code }) => sum + code, 0),
      samples: Math.min(...[...threads.values()].map((samples) => samples.length)),
      threads: slopes.map(({ thread, used }) => `${thread}: ${(used / 2 ** 20).toFixed(2)}`).join(', '),
    };
  }

  /** How late the event loop of the main thread was in 99 of 100 cases at most. (Those of planes sleep in a loop of their own.) */
  get lateMs(): number {
    const lines = readFileSync(this.#file, 'utf8').trim().split('\n');
    return Number(lines.findLast((line) => line.startsWith('0 '))?.split(' ')[4]);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** The median of the slopes between all pairs (Theil and Sen): a few samples that are off do not move it. */
function middleSlope(samples: readonly (readonly [number, number])[]): number {
  const slopes: number[] = [];
  for (const [i, [t, y]] of samples.entries())
    for (const [u, z] of samples.slice(i + 1)) if (u > t) slopes.push((z - y) / (u - t));
  return slopes.sort((a, b) => a - b)[slopes.length >> 1] ?? 0;
}
