import type { FrameworkInfo } from '../../mesos/index.ts';
import { idProblem, roleProblem } from '../../mesos/index.ts';
import { compileConstraints } from '../allocator/index.ts';
import { quantitiesOf } from '../input/quota-messages.ts';
import { hasCapability, NO_CONSTRAINTS, rolesOf } from './model.ts';
import type { FrameworkEntry, MasterState, OfferConstraints } from './model.ts';

/** A longer failover timeout (about 292 years) does not fit the nanoseconds Mesos counts in. */
const MAX_FAILOVER_SECONDS = 9_223_372_036;

/** What is wrong with a framework that subscribes or updates itself, in the words of Mesos; or undefined. */
export function frameworkProblem(
  state: MasterState,
  info: FrameworkInfo,
  suppressed: readonly string[],
): string | undefined {
  return (
    rolesProblem(info) ??
    suppressedProblem(info, suppressed) ??
    filtersProblem(info) ??
    (info.id && info.id.value !== '' ? idProblem(info.id.value) : undefined) ??
    failoverProblem(info) ??
    (info.user === 'root' && !state.policy.rootSubmissions
      ? "User 'root' is not allowed to run frameworks without --root_submissions set"
      : undefined)
  );
}

function rolesProblem(info: FrameworkInfo): string | undefined {
  const multi = hasCapability(info, 'MULTI_ROLE');
  if (multi && info.role !== undefined)
    return "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable";
  if (!multi && info.roles !== undefined && info.roles.length > 0)
    return "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable";
  const roles = rolesOf(info);
  const twice = roles.filter((r, i) => roles.indexOf(r) !== i);
  if (twice.length > 0)
    return `'FrameworkInfo.roles' contains duplicate items: { ${[...new Set(twice)].join(', ')} }`;
  for (const role of roles) {
    const problem = mesosRoleProblem(role);
    if (problem) return `'FrameworkInfo.${multi ? 'roles' : 'role'}' is not a valid role: ${problem}`;
  }
  return undefined;
}

/** Mesos' own words where they were seen; ours otherwise. */
function mesosRoleProblem(role: string): string | undefined {
  const problem = roleProblem(role);
  const part = role.split('/').find((p) => p === '.' || p === '..' || p === '*');
  if (problem && part !== undefined && !role.startsWith('/') && !role.includes('//') && !role.endsWith('/'))
    return `Role '${role}' cannot include '${part}' as a component`;
  return problem;
}

function suppressedProblem(info: FrameworkInfo, suppressed: readonly string[]): string | undefined {
  const roles = new Set(rolesOf(info));
  const stray = suppressed.filter((r) => !roles.has(r));
  if (stray.length === 0) return undefined;
  return `Suppressed roles { ${stray.join(', ')} } are not contained in the set of roles`;
}

/** The smallest useful offers that a framework names (FrameworkInfo.offer_filters): for roles of its own, in real amounts. */
function filtersProblem(info: FrameworkInfo): string | undefined {
  const prefix = "'FrameworkInfo.offer_filters' is not valid: ";
  const roles = rolesOf(info);
  for (const [role, filters] of Object.entries(info.offer_filters ?? {})) {
    if (!roles.includes(role)) return `${prefix}the framework is not in role '${role}'`;
    const wanted = filters.min_allocatable_resources;
    if (wanted === undefined) continue;
    if (!Array.isArray(wanted.quantities ?? []))
      return `${prefix}'quantities' of role '${role}' must be a list`;
    for (const { quantities } of wanted.quantities ?? []) {
      const amounts = quantitiesOf(quantities);
      if (typeof amounts === 'string') return `${prefix}role '${role}': ${amounts}`;
      if (amounts.size === 0) return `${prefix}an empty entry in 'quantities' of role '${role}'`;
    }
  }
  return undefined;
}

/** Which agents a framework wants offers of, or what is wrong with what it says of that. */
export function constraintsOf(
  state: MasterState,
  info: FrameworkInfo,
  given: unknown,
): { readonly problem?: string; readonly constraints: OfferConstraints } {
  if (given === undefined) return { constraints: NO_CONSTRAINTS };
  const compiled = compileConstraints(given, rolesOf(info), state.policy.compileRegex);
  if (!compiled.ok)
    return { problem: `Offer constraints are not valid: ${compiled.problem}`, constraints: NO_CONSTRAINTS };
  return { constraints: { given: given as OfferConstraints['given'], byRole: compiled.byRole } };
}

function failoverProblem(info: FrameworkInfo): string | undefined {
  const seconds = info.failover_timeout;
  if (Number.isFinite(seconds) && Math.abs(seconds) <= MAX_FAILOVER_SECONDS) return undefined;
  return `The framework failover_timeout (${seconds}) is invalid: Argument out of the range that a Duration can represent`;
}

/** What a known framework may not change of itself with UPDATE_FRAMEWORK. */
export function immutableProblem(framework: FrameworkEntry, info: FrameworkInfo): string | undefined {
  const old = framework.info;
  if (old.principal !== info.principal) return "Changing framework's principal is not allowed.";
  if (old.user !== info.user)
    return `Updating 'FrameworkInfo.user' is unsupported; attempted to update from '${old.user}' to '${info.user}'`;
  if (old.checkpoint !== info.checkpoint)
    return `Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '${old.checkpoint}' to '${info.checkpoint}'`;
  return undefined;
}
