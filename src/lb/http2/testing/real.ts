import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { systemRandom } from '../../../core/random.ts';
import { createPortableReactor } from '../../../net/index.ts';
import type { Reactor } from '../../../net/index.ts';
import { Http2Context } from '../context.ts';
import type { Http2Limits } from '../context.ts';

export const portable = (): Reactor => createPortableReactor({ clock: systemClock, log: silentLogger });

export const realContext = (limits: Partial<Http2Limits> = {}): Http2Context =>
  new Http2Context({ clock: systemClock, random: systemRandom, defer: (f) => setImmediate(f), limits });
