import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { seededRandom } from '../../core/random.ts';
import { SchedulerDriver } from '../driver/driver.ts';
import type { FrameworkIdStore, SchedulerHandler } from '../driver/types.ts';

/** A driver of the master at this port of this machine, by the real clock; it hears what `handler` wants to. */
export function driverAt(
  port: number,
  ids: FrameworkIdStore,
  handler: Partial<SchedulerHandler>,
): SchedulerDriver {
  return new SchedulerDriver({
    master: `127.0.0.1:${port}`,
    ids,
    handler: {
      frameworkInfo: () => ({ user: '', name: 'n' }) as never,
      onSubscribed: () => {},
      onDisconnected: () => {},
      onEvent: () => {},
      ...handler,
    },
    clock: systemClock,
    random: seededRandom(1),
    log: silentLogger,
  });
}
