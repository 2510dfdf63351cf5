import type { AccessRequest, Verdict } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import type { Metrics, Sample } from '../../core/metrics.ts';
import { DENIALS_PER_SECOND, SparingLog } from '../../core/sparing-log.ts';
import { ACTIONS } from '../policy/index.ts';

/** Lists are filtered by asking for each thing in them: who looks at one would fill the log. */
const FILTERS = /^view_|:view$/;

/** What was decided: counted by action, and a line for each refusal, so many a second for each rule. */
export class Tally {
  readonly #log: Logger;
  readonly #denials: SparingLog;
  readonly #denied = new Map<string, number>();
  readonly #allowed = new Map<string, number>();

  constructor(parts: { readonly log: Logger; readonly clock: Clock }, metrics: Metrics) {
    this.#log = parts.log;
    this.#denials = new SparingLog(parts, DENIALS_PER_SECOND);
    metrics.observed('rimrock_policy_denied_total', 'Requests that the policy denied, by action', () =>
      samples(this.#denied),
    );
    metrics.observed('rimrock_policy_allowed_total', 'Requests that the policy allowed, by action', () =>
      samples(this.#allowed),
    );
  }

  note({ subject, action, object }: AccessRequest, { allowed, rule, version }: Verdict): void {
    const counts = allowed ? this.#allowed : this.#denied;
    const label = ACTIONS.has(action) ? action : 'other';
    counts.set(label, (counts.get(label) ?? 0) + 1);
    if (allowed) return;
    const { kind, name, address } = subject;
    const from = address === undefined ? {} : { address };
    const line = { subject: kind, name, ...from, action, object, rule, version };
    if (FILTERS.test(action)) this.#log.debug(line, 'the policy hides something');
    else this.#denials.info(`${rule} ${label}`, line, 'the policy denies a request');
  }
}

function samples(counts: ReadonlyMap<string, number>): Sample[] {
  return Array.from(counts, ([action, value]) => ({ labels: { action }, value }));
}
