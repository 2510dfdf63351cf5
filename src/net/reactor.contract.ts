import { describe, it } from 'vitest';
import type { ReactorCase } from './testing/reactor-case.ts';
import { reactorCases } from './testing/reactor-cases.ts';
import { hardReactorCases } from './testing/reactor-cases-hard.ts';
import { relayCases } from './testing/relay-cases.ts';

/** What every network engine promises (see types.ts); `run` has a case run where the engine is. */
export function runReactorContract(name: string, run: (one: ReactorCase) => Promise<void>): void {
  describe(`${name} as a Reactor`, () => {
    const cases = [...reactorCases, ...hardReactorCases, ...relayCases];
    it.each(cases.map((one) => [one.name, one] as const))('%s', (_name, one) => run(one));
  });
}
