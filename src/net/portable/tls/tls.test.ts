import { systemClock } from '../../../core/clock.ts';
import { silentLogger } from '../../../core/log.ts';
import { runSecureContract } from '../../secure.contract.ts';
import { createPortableReactor } from '../reactor.ts';

runSecureContract('portable engine', () => ({
  reactor: createPortableReactor({ clock: systemClock, log: silentLogger }),
  clock: systemClock,
}));
