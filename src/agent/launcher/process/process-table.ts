/** One process as the system shows it. */
export interface ProcessStat {
  readonly pid: number;
  /** A letter as in ps(1); Z is a zombie. */
  readonly state: string;
  readonly ppid: number;
  /** The session, or where the system does not tell it the process group. */
  readonly session: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  /** Undefined where the system does not tell. */
  readonly threads: number | undefined;
  /** When it started, as the system writes it: with the boot id it makes a pid unique. */
  readonly startTime: string;
}

/** The processes of the machine. Every implementation passes `process-table.contract.ts`. */
export interface ProcessTable {
  stat(pid: number): ProcessStat | undefined;
  /** All processes that can be seen, zombies left out; looked at after the call. */
  all(): ProcessStat[];
  /** Whether two start times are the same: some systems tell them to the second, give or take one. */
  sameStart(a: string, b: string): boolean;
  /** The words that it was started with, with blanks between them; empty where there is nothing to see. */
  commandLine(pid: number): string;
  /**
   * The value of a variable in the environment that it was started with; empty when it has none. Undefined when there
   * is nothing to read: not ours to see, or just being replaced by another program.
   */
  variable(pid: number, name: string): string | undefined;
  residentBytes(pid: number): number;
  /** Changes at every boot of the machine; empty where the system does not tell. */
  bootId(): string;
}
