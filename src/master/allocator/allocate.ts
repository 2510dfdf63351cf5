import type { Resource } from '../../mesos/index.ts';
import { addResources, isEmptyResources, scalarOf, subtractResources } from '../../mesos/index.ts';
import { addAmounts, amounts, byNeed } from './shares.ts';
import type { Claim } from './shares.ts';

/** An agent that takes part: what it has in all and what is neither used nor offered (without allocation roles). */
export interface FreeAgent {
  readonly id: string;
  readonly total: readonly Resource[];
  readonly free: readonly Resource[];
}

/** A framework in one role that may get offers now (active and not suppressed). */
export interface Client {
  readonly frameworkId: string;
  readonly role: string;
  /** What the framework holds in this role, used or offered. */
  readonly held: readonly Resource[];
  readonly past: number;
  readonly gpuAware: boolean;
  /** Any of these amounts must be reached for an offer to make sense; empty: anything goes. */
  readonly minimum: readonly Minimum[];
}

/** Scalar amounts that must all be reached. */
export type Minimum = ReadonlyMap<string, number>;

export interface RoleClaim {
  readonly role: string;
  readonly weight: number;
  /** What all frameworks hold in this role, suppressed ones too. */
  readonly held: readonly Resource[];
  readonly past: number;
}

export interface AllocationInput {
  /** In the order in which they are to be considered (shuffled by the caller). */
  readonly agents: readonly FreeAgent[];
  readonly clients: readonly Client[];
  readonly roles: readonly RoleClaim[];
  /** All agents of the cluster, also those with nothing free: what shares are measured against. */
  readonly clusterTotal: readonly Resource[];
  readonly filtered: (client: Client, agentId: string, resources: readonly Resource[]) => boolean;
}

export interface Allocation {
  readonly frameworkId: string;
  readonly role: string;
  readonly agentId: string;
  readonly resources: readonly Resource[];
}

interface ClientClaim extends Claim {
  readonly client: Client;
  held: Map<string, number>;
  past: number;
}
interface RoleState extends Claim {
  held: Map<string, number>;
  past: number;
  readonly clients: ClientClaim[];
}

/**
 * One run of the allocator: hierarchical DRF. For every agent, roles in the order of their dominant shares and
 * frameworks within a role likewise; the first that wants and may have it gets all that is left of the agent for its
 * role. What a role cannot take (reservations of others) goes on to the next.
 */
export function allocate(input: AllocationInput): Allocation[] {
  const total = amounts(input.clusterTotal);
  const roles = roleStates(input);
  const out: Allocation[] = [];
  for (const agent of input.agents) {
    let left = agent.free;
    for (const role of byNeed(roles, total)) {
      const usable = left.filter((r) => usableBy(r, role.name));
      if (isEmptyResources(usable)) continue;
      const taker = byNeed(role.clients, total).find((c) => accepts(c.client, agent, usable, input));
      if (!taker) continue;
      out.push({
        frameworkId: taker.client.frameworkId,
        role: role.name,
        agentId: agent.id,
        resources: usable,
      });
      const given = amounts(usable);
      for (const claim of [taker, role]) {
        addAmounts(claim.held, given);
        claim.past++;
      }
      left = subtractResources(left, usable);
    }
  }
  return out;
}

function roleStates(input: AllocationInput): RoleState[] {
  const byRole = new Map<string, ClientClaim[]>();
  for (const client of input.clients) {
    const claims = byRole.get(client.role) ?? [];
    byRole.set(client.role, claims);
    claims.push({
      name: client.frameworkId,
      client,
      held: amounts(client.held),
      weight: 1,
      past: client.past,
    });
  }
  return input.roles.flatMap((r) => {
    const clients = byRole.get(r.role);
    return clients ? [{ name: r.role, held: amounts(r.held), weight: r.weight, past: r.past, clients }] : [];
  });
}

/** Unreserved resources may go to any role, reserved ones to their role and the roles below it. */
function usableBy(resource: Resource, role: string): boolean {
  const reserved = resource.role ?? '*';
  return reserved === '*' || reserved === role || role.startsWith(`${reserved}/`);
}

function accepts(
  client: Client,
  agent: FreeAgent,
  resources: readonly Resource[],
  input: AllocationInput,
): boolean {
  if (!client.gpuAware && scalarOf(agent.total, 'gpus') > 0) return false;
  if (!reachesMinimum(resources, client.minimum)) return false;
  return !input.filtered(client, agent.id, resources);
}

function reachesMinimum(resources: readonly Resource[], minimum: readonly Minimum[]): boolean {
  if (minimum.length === 0) return true;
  return minimum.some((all) => [...all].every(([name, value]) => scalarOf(resources, name) >= value));
}

/** What all of these have together. */
export function sum(lists: Iterable<readonly Resource[]>): readonly Resource[] {
  let out: readonly Resource[] = [];
  for (const list of lists) out = addResources(out, list);
  return out;
}
