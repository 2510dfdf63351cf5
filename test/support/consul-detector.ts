import { expect } from 'vitest';
import { createDetector } from '../../src/cluster/detect/create.ts';
import type { DetectedMasters } from '../../src/cluster/detect/types.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { TlsOptions } from '../../src/core/http/client.ts';
import { systemRandom } from '../../src/core/random.ts';

/** What who follows an election in Consul has heard, in the order in which it did. */
export interface Heard {
  readonly masters: DetectedMasters[];
  readonly problems: (string | undefined)[];
  readonly stop: () => void;
}

/** Follow the masters that an edge would at `consul://HOST:PORT/PREFIX`; it asks Consul alone, neither files nor masters. */
export function followConsul(address: string, consulTls?: TlsOptions): Heard {
  const masters: DetectedMasters[] = [];
  const problems: (string | undefined)[] = [];
  const detector = createDetector(address, {
    consulTls,
    clock: systemClock,
    random: systemRandom,
    dial: () => expect.unreachable(),
    readFile: () => expect.unreachable(),
    get: () => expect.unreachable(),
  });
  if (typeof detector === 'string') return expect.unreachable(detector);
  detector.start({
    onMasters: (found) => void masters.push(found),
    onProblem: (problem) => void problems.push(problem),
  });
  return { masters, problems, stop: () => detector.stop() };
}
