import { pause } from '../../../support/eventually.ts';
import { ask, percentile } from './tools.ts';

export interface ControlReport {
  readonly asked: number;
  /** What went wrong, in the words of kdig. */
  readonly missed: readonly string[];
  /** As kdig measured it. */
  readonly p99Ms: number;
  readonly medianMs: number;
}

/** An honest client: the real kdig asks one question each 100 ms and expects the answer it had at first. */
export function startControl(
  port: number,
  name = 'web.marathon.mesos',
  answers = 3,
): { readonly asked: number; stop(): Promise<ControlReport> } {
  const times: number[] = [];
  const missed: string[] = [];
  const stopped = new AbortController();
  const run = (async () => {
    while (!stopped.signal.aborted) {
      const begun = performance.now();
      const said = await ask('kdig', port, name, 'A');
      const ms = / in ([\d.]+) ms/.exec(said.text)?.[1];
      if (said.status !== 'NOERROR' || said.answers !== answers || ms === undefined) missed.push(said.text);
      else times.push(Number(ms));
      await pause(Math.max(0, 100 - (performance.now() - begun)));
    }
  })();
  return {
    get asked() {
      return times.length + missed.length;
    },
    async stop() {
      stopped.abort();
      await run;
      return {
        asked: times.length + missed.length,
        missed,
        p99Ms: percentile(times, 0.99),
        medianMs: percentile(times, 0.5),
      };
    },
  };
}
