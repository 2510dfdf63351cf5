import type { Clock, Timer } from '../../core/clock.ts';
import type { CheckStatusInfo } from '../../mesos/index.ts';
import type { Look, Probe, ProbeContext } from './probe.ts';

/** Defaults of Mesos, in seconds (mesos-api.md §2.8). */
const DELAY = 15;
const INTERVAL = 10;
const TIMEOUT = 20;

export interface LookTimes {
  readonly delay_seconds?: number;
  readonly interval_seconds?: number;
  readonly timeout_seconds?: number;
}

/** Look at a task again and again: each look begins an interval after the one before has ended. Ends with `stop`. */
export function lookRepeatedly(
  look: Look,
  times: LookTimes,
  parts: { readonly clock: Clock; readonly probe: Probe; readonly context: ProbeContext },
  told: (found: CheckStatusInfo) => void,
): { stop(): void } {
  const { clock, probe, context } = parts;
  const timeoutMs = (times.timeout_seconds ?? TIMEOUT) * 1000;
  const stopped = new AbortController();
  let timer: Timer;
  const run = async (): Promise<void> => {
    const one = new AbortController();
    const deadline = timeoutMs > 0 ? clock.after(timeoutMs, () => one.abort()) : undefined;
    const found = await probe(look, context, AbortSignal.any([one.signal, stopped.signal]));
    deadline?.cancel();
    if (!stopped.signal.aborted) told(found);
    if (!stopped.signal.aborted)
      timer = clock.after((times.interval_seconds ?? INTERVAL) * 1000, () => void run());
  };
  timer = clock.after((times.delay_seconds ?? DELAY) * 1000, () => void run());
  return {
    stop() {
      stopped.abort();
      timer.cancel();
    },
  };
}
