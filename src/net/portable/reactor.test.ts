import { systemClock } from '../../core/clock.ts';
import { silentLogger } from '../../core/log.ts';
import { runReactorContract } from '../reactor.contract.ts';
import { runCase } from '../testing/reactor-case.ts';
import { createPortableReactor } from './reactor.ts';

const parts = { clock: systemClock, log: silentLogger };
runReactorContract('portable engine', (one) => runCase(one, createPortableReactor(parts), systemClock));
runReactorContract('portable engine on public interfaces only', (one) =>
  runCase(one, createPortableReactor({ ...parts, ownBuffers: false }), systemClock),
);
