/** Upper bounds of the durations of connections, seconds; the last bucket has no bound. */
export const DURATIONS = [0.1, 1, 10, 60, 600, 3_600] as const;

/** What a plane tells of the TCP connections of one service port: counts since the last time, but `open`, which is now. */
export interface TcpNumbers {
  readonly open: number;
  readonly opened: number;
  /** Ended without a connection to an instance, by cause. */
  readonly failed: readonly (readonly [cause: string, count: number])[];
  /** Connections that were tried at another instance. */
  readonly retries: number;
  /** From clients, and to them. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly durations: readonly number[];
  readonly durationSum: number;
}

/** Plain numbers of one service port; a plane counts in them and tells what has come to pass about once a second. */
export class TcpStats {
  open = 0;
  opened = 0;
  readonly failed = new Map<string, number>();
  retries = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly durations = new Float64Array(DURATIONS.length + 1);
  durationSum = 0;
  #toldOpen = 0;

  /** A connection came to nothing. */
  failure(cause: string): void {
    this.failed.set(cause, (this.failed.get(cause) ?? 0) + 1);
  }

  began(): void {
    this.open += 1;
    this.opened += 1;
  }

  ended(ms: number): void {
    this.open -= 1;
    const seconds = ms / 1000;
    this.durationSum += seconds;
    let bucket = 0;
    while (bucket < DURATIONS.length && seconds > (DURATIONS[bucket] ?? 0)) bucket++;
    this.durations[bucket] = (this.durations[bucket] ?? 0) + 1;
  }

  /** What was counted since the last time, from zero again; undefined when nothing was. */
  take(): TcpNumbers | undefined {
    const { open, opened, retries, bytesIn, bytesOut, durationSum } = this;
    const news = opened + retries + bytesIn + bytesOut + this.failed.size + this.durations.reduce(sum, 0);
    if (news === 0 && open === this.#toldOpen) return undefined;
    this.#toldOpen = open;
    const numbers: TcpNumbers = {
      open,
      opened,
      failed: [...this.failed],
      retries,
      bytesIn,
      bytesOut,
      durations: [...this.durations],
      durationSum,
    };
    this.opened = this.retries = this.bytesIn = this.bytesOut = this.durationSum = 0;
    this.failed.clear();
    this.durations.fill(0);
    return numbers;
  }

  /** Add what a plane has told; `open` of all planes is their owner's to add up. */
  add(numbers: TcpNumbers): void {
    this.opened += numbers.opened;
    this.retries += numbers.retries;
    this.bytesIn += numbers.bytesIn;
    this.bytesOut += numbers.bytesOut;
    this.durationSum += numbers.durationSum;
    for (const [cause, n] of numbers.failed) this.failed.set(cause, (this.failed.get(cause) ?? 0) + n);
    for (const [i, n] of numbers.durations.entries()) this.durations[i] = (this.durations[i] ?? 0) + n;
  }
}

const sum = (a: number, b: number): number => a + b;
