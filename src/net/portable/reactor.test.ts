import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { runReactorContract } from '../reactor.contract.ts';
import { createPortableReactor } from './reactor.ts';

const parts = { clock: systemClock, log: silentLogger };
runReactorContract('portable engine', () => createPortableReactor(parts));
runReactorContract('portable engine on public interfaces only', () =>
  createPortableReactor({ ...parts, ownBuffers: false }),
);
