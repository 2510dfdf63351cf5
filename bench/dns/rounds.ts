import { Rounds } from '../support/rounds.ts';
import type { Subject as AnySubject } from '../support/rounds.ts';
import { checkAnswers, dnsperf } from './dnsperf.ts';
import type { Load } from './dnsperf.ts';

export interface Subject extends AnySubject {
  readonly port: number;
  readonly questions: string;
  /** It sends back what it gets: its answers are not looked at. */
  readonly echo?: boolean;
}

export interface RoundsPlan {
  readonly rounds: number;
  readonly seconds: number;
  readonly load?: Partial<Load>;
}

/** Rounds of questions by dnsperf. */
export const queryRounds = (subjects: readonly Subject[], { load, ...plan }: RoundsPlan): Promise<Rounds> =>
  Rounds.run(subjects, {
    ...plan,
    unit: ['query', 'queries'],
    async drive({ name, port, questions, echo }, seconds) {
      const result = await dnsperf({ ...load, port, questions, seconds });
      if (!echo) checkAnswers(name, result);
      return result;
    },
  });
