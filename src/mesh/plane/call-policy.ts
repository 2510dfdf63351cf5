import { ANONYMOUS } from '../../core/access.ts';
import type { Verdict } from '../../core/access.ts';
import { CompiledPolicy } from '../../core/policy/compiled-policy.ts';
import type { Policy } from '../../core/policy/types.ts';

/** The part of the policy that says who may call which service. While everybody may, nothing is asked. */
export class CallPolicy {
  #compiled: CompiledPolicy | undefined;

  /** From now on; undefined: everybody may. */
  set(policy: Policy | undefined): void {
    this.#compiled = policy && new CompiledPolicy(policy);
  }

  /** The verdict that keeps a caller (a SPIFFE id; undefined for nobody) from a service, if there is one. */
  denial(caller: string | undefined, service: string): Verdict | undefined {
    if (this.#compiled === undefined) return undefined;
    const subject =
      caller === undefined ? ANONYMOUS : { kind: 'workload' as const, name: caller, groups: [] };
    const verdict = this.#compiled.decide({ subject, action: 'call', object: service });
    return verdict.allowed ? undefined : verdict;
  }
}
