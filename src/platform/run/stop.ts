import type { Logger } from '../../core/log.ts';
import type { World } from '../world.ts';

/** npm passes Ctrl-C on to a process that the terminal has told already: two within this time are one. */
const SAME_SIGNAL_MS = 500;
/** 128 and the number of SIGINT, as shells count. */
const EXIT_INTERRUPTED = 130;

/** Aborts at the first request to end; a second one ends the process at once, wherever the first has got to. */
export function stopRequests(
  world: Pick<World, 'clock' | 'err' | 'errIsTerminal' | 'exit' | 'onStopRequest'>,
  log: Logger,
): AbortSignal {
  const controller = new AbortController();
  let firstAt = 0;
  world.onStopRequest((signal) => {
    const now = world.clock.monotonic();
    if (!controller.signal.aborted) {
      firstAt = now;
      if (world.errIsTerminal) world.err('\nDraining; once more ends at once.\n');
      log.info({ signal }, 'told to end');
      controller.abort();
    } else if (now - firstAt > SAME_SIGNAL_MS) world.exit(EXIT_INTERRUPTED);
  });
  return controller.signal;
}

export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    if (signal.aborted) done();
    else signal.addEventListener('abort', () => done(), { once: true });
  });
}
