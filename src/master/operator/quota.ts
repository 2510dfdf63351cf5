import type { Resource } from '../../mesos/index.ts';
import { roleProblem } from '../../mesos/index.ts';
import { amountsOf } from '../allocator/index.ts';
import { quantitiesOf } from '../input/quota-messages.ts';
import type { QuotaConfigMessage, QuotaRequest } from '../input/quota-messages.ts';
import { amountsText, applyQuotas, capacityProblem, withQuotas } from '../state/index.ts';
import type { QuotaConfig } from '../state/index.ts';
import { DONE, refused } from './work.ts';
import type { Outcome, RegistryWork } from './work.ts';

/** What operators do with quotas (mesos-api.md §3.1, Appendix E): each in the registry before it is answered. */

/** UPDATE_QUOTA: all of these, or none. A role for which nothing is said has no quota any more. */
export function updateQuotas(
  work: RegistryWork,
  given: readonly QuotaConfigMessage[],
  force: boolean,
): Promise<Outcome> {
  return work.inOrder(async () => {
    const configs: QuotaConfig[] = [];
    for (const one of given) {
      const config = configOf(one);
      if (typeof config === 'string') return refused(400, `Invalid QuotaConfig: ${config}`);
      if (configs.some((c) => c.role === config.role))
        return refused(400, `Invalid QuotaConfig: there is more than one for role '${config.role}'`);
      configs.push(config);
    }
    const problem = force ? undefined : capacityProblem(work.state, configs);
    if (problem !== undefined) return refused(400, `Invalid QuotaConfig: ${problem}`);
    return write(work, configs);
  });
}

/** SET_QUOTA and POST /quota. */
export function setQuota(work: RegistryWork, request: QuotaRequest): Promise<Outcome> {
  return work.inOrder(async () => {
    const config = requestedConfig(request);
    const invalid = (why: string): Outcome => refused(400, `Failed to validate set quota request: ${why}`);
    if (typeof config === 'string') return invalid(config);
    if (work.state.quotas.has(config.role))
      return invalid(`Cannot set quota for role '${config.role}' which already has quota`);
    const problem = request.force === true ? undefined : capacityProblem(work.state, [config]);
    if (problem !== undefined)
      return refused(409, `Heuristic capacity check for set quota request failed: ${problem}`);
    return write(work, [config]);
  });
}

/** REMOVE_QUOTA and DELETE /quota/<role>; `where` names the request in a refusal. */
export function removeQuota(work: RegistryWork, role: string, where: string): Promise<Outcome> {
  return work.inOrder(async () => {
    if (!work.state.quotas.has(role))
      return refused(400, `Failed to remove quota ${where}: Role '${role}' has no quota set`);
    return write(work, [{ role, guarantees: new Map(), limits: new Map() }]);
  });
}

async function write(work: RegistryWork, configs: readonly QuotaConfig[]): Promise<Outcome> {
  await work.registry.setQuotas(withQuotas(work.state.quotas, configs));
  work.turn((step) => applyQuotas(step, configs));
  work.log.info({ roles: configs.map((c) => c.role) }, 'quotas have changed');
  return DONE;
}

/** A text says what is wrong with it by itself. */
function configOf({ role, ...given }: QuotaConfigMessage): QuotaConfig | string {
  const problem = quotaRoleProblem(role);
  if (problem !== undefined) return problem;
  const guarantees = quantitiesOf(given.guarantees);
  const limits = quantitiesOf(given.limits);
  if (typeof guarantees === 'string') return `guarantees of role '${role}': ${guarantees}`;
  if (typeof limits === 'string') return `limits of role '${role}': ${limits}`;
  const owed = new Map([...guarantees].filter(([, millis]) => millis > 0));
  for (const [name, limit] of limits)
    if ((owed.get(name) ?? 0) > limit)
      return `guarantees '${amountsText(owed)}' of role '${role}' exceed its limits '${amountsText(limits)}'`;
  return { role, guarantees: owed, limits };
}

function quotaRoleProblem(role: string): string | undefined {
  if (role === '*') return undefined;
  const problem = role === '' ? "'QuotaConfig.role' must be set" : roleProblem(role);
  if (problem !== undefined) return problem;
  return role.includes('/')
    ? `quota on the nested role '${role}' is not supported: set it on its top-level role`
    : undefined;
}

function requestedConfig({ role = '', guarantee = [] }: QuotaRequest): QuotaConfig | string {
  if (role === '*') return "QuotaInfo must not specify the default '*' role";
  const problem = quotaRoleProblem(role);
  if (problem !== undefined) return `QuotaInfo with invalid role: ${problem}`;
  if (guarantee.length === 0) return "QuotaInfo with empty 'guarantee'";
  const names = new Set<string>();
  for (const r of guarantee) {
    const wrong = amountProblem(r);
    if (wrong !== undefined) return wrong;
    if (names.has(r.name)) return `QuotaInfo contains duplicate resource name '${r.name}'`;
    names.add(r.name);
  }
  const limits = amountsOf(guarantee);
  return { role, guarantees: new Map([...limits].filter(([, millis]) => millis > 0)), limits };
}

/** A guarantee is a plain amount: nothing says which resources it is. */
function amountProblem(r: Resource): string | undefined {
  if (r.type !== 'SCALAR' || r.scalar === undefined)
    return `QuotaInfo must not include non-scalar resources: '${r.name}'`;
  if ((r.role ?? '*') !== '*' || r.reservations !== undefined || r.reservation !== undefined)
    return `QuotaInfo must not include reserved resources: '${r.name}'`;
  if (r.revocable !== undefined || r.disk !== undefined || r.shared !== undefined)
    return `QuotaInfo may only contain plain amounts: '${r.name}'`;
  if (!Number.isFinite(r.scalar.value) || r.scalar.value < 0)
    return `QuotaInfo with an invalid amount: '${r.name}'`;
  return undefined;
}
