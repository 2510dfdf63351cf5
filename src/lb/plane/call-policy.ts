import { ANONYMOUS } from '../../core/access.ts';
import type { Subject, Verdict } from '../../core/access.ts';
import type { Clock } from '../../core/clock.ts';
import type { Logger } from '../../core/log.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import type { Policy } from '../../core/policy/types.ts';
import { DENIALS_PER_SECOND, SparingLog } from '../../core/sparing-log.ts';
import type { Route, Target } from '../router/index.ts';

/** What is asked of a call. A connection that is passed on as bytes has neither method nor path. */
export interface Call {
  /** SPIFFE id of the client's certificate, once verified. */
  readonly peer: string | undefined;
  readonly method?: string;
  readonly path?: string;
}

/** The part of the policy that says who may call which service. While everybody may, nothing is asked. */
export class CallPolicy {
  readonly #log: SparingLog;
  #compiled: CompiledPolicy | undefined;

  constructor(parts: { readonly log: Logger; readonly clock: Clock }) {
    this.#log = new SparingLog(parts, DENIALS_PER_SECOND);
  }

  /** Whether there is anything to ask. */
  get asks(): boolean {
    return this.#compiled !== undefined;
  }

  /** From now on; undefined: everybody may. */
  set(policy: Policy | undefined): void {
    this.#compiled = policy && new CompiledPolicy(policy);
  }

  /** Whether the call is kept from the service; then the log tells. `client`: its address. */
  denies(route: Route, target: Pick<Target, 'serviceKey'>, call: Call, client: string | undefined): boolean {
    const verdict = this.denial(route, target, call);
    if (verdict === undefined) return false;
    const { rule, version } = verdict;
    const { peer, method } = call;
    // What stands in a query may be for the service alone.
    const path = call.path?.split('?', 1)[0];
    const line = { rule, version, service: target.serviceKey, route: route.id, peer, client, method, path };
    this.#log.info(rule, line, 'the policy denies a call');
    return true;
  }

  /** The verdict that keeps the call from the service, if there is one. */
  denial(
    route: Route,
    { serviceKey }: Pick<Target, 'serviceKey'>,
    { peer, ...http }: Call,
  ): Verdict | undefined {
    if (this.#compiled === undefined) return undefined;
    const subject: Subject = peer === undefined ? ANONYMOUS : { kind: 'workload', name: peer, groups: [] };
    const call = { subject, action: 'call', object: serviceKey, alias: `route:${route.id}`, ...http };
    const verdict = this.#compiled.decide(call);
    return verdict.allowed ? undefined : verdict;
  }
}
