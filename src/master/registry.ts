import type { AgentInfo, MachineId, MaintenanceWindow } from '../mesos/index.ts';
import type { Store } from '../store/index.ts';
import { errorText } from '../core/errors.ts';
import { decode, double, enumOf, message, repeated, required, text } from './input/decode.ts';
import type { Fields } from './input/decode.ts';
import { drainConfig, machineId, schedule } from './input/maintenance-messages.ts';
import { agentInfo, id } from './input/messages.ts';
import { quantitiesOf, quotaConfig, scalarsOf } from './input/quota-messages.ts';
import type { QuotaConfigMessage } from './input/quota-messages.ts';
import { errors } from './errors.ts';
import { downMachines, machineKey, NO_MAINTENANCE, planned } from './state/index.ts';
import type { AgentOrders, Maintenance, Quota, Weight } from './state/index.ts';

const ROOT = 'master/registry';

/** What the registry knew when the master started. */
export interface Registered {
  readonly agents: readonly AgentInfo[];
  /** Agent id and since when, epoch milliseconds. */
  readonly unreachable: readonly (readonly [string, number])[];
  readonly gone: readonly (readonly [string, number])[];
  /** Agent id and what operators ordered of it. */
  readonly orders: readonly (readonly [string, AgentOrders])[];
  readonly maintenance: Maintenance;
  readonly quotas: ReadonlyMap<string, Quota>;
  readonly weights: ReadonlyMap<string, number>;
}

/**
 * What must survive the master (mesos-api.md §4.7): which agents are admitted, unreachable or gone, with which certificate they came, what
 * operators ordered of them, planned maintenance, quotas and weights. Frameworks and tasks are not kept: agents and schedulers bring them back. Every write
 * is durable once its promise resolves, and is made whole or not at all. (Those of older versions could be cut off between two keys: of
 * several lists that have an agent, gone counts before admitted, and that before unreachable.)
 */
export class Registry {
  readonly #store: Store;
  /** By agent id, as the store has it. */
  readonly #identities = new Map<string, string>();

  constructor(store: Store) {
    this.#store = store;
  }

  async recover(): Promise<Registered> {
    const gone = await this.#times('gone');
    const over = new Set(gone.map(([id]) => id));
    const entries = await this.#store.list(`${ROOT}/agents/`);
    const agents = entries
      .map((e) => readAgent(e.key, e.value))
      .filter(({ id }) => id !== undefined && !over.has(id.value));
    for (const { id } of agents) if (id) over.add(id.value);
    const unreachable = (await this.#times('unreachable')).filter(([id]) => !over.has(id));
    const known = new Set([...agents.map(({ id }) => id?.value), ...unreachable.map(([id]) => id)]);
    const orders = await this.#orders(known);
    await this.#recoverIdentities(known);
    return {
      agents,
      unreachable,
      gone,
      orders,
      maintenance: await this.#maintenance(),
      quotas: await this.#quotas(),
      weights: await this.#weights(),
    };
  }

  async admit(info: AgentInfo & { readonly id: { readonly value: string } }): Promise<void> {
    const agentId = info.id.value;
    await this.#write(agentId, { agents: JSON.stringify(info), unreachable: undefined });
  }

  /** The SPIFFE id with which an agent has registered; undefined where it has shown none. */
  identityOf(agentId: string): string | undefined {
    return this.#identities.get(agentId);
  }

  /**
   * From now on the agent id is for this SPIFFE id alone, until the agent is gone. False: it is another's. Of those who come at the same
   * time the first gets it.
   */
  async bind(agentId: string, identity: string): Promise<boolean> {
    const bound = this.#identities.get(agentId);
    if (bound !== undefined) return bound === identity;
    this.#identities.set(agentId, identity);
    try {
      await this.#store.put(`${ROOT}/identities/${agentId}`, identity);
      return true;
    } catch (error) {
      this.#identities.delete(agentId);
      throw error;
    }
  }

  async markUnreachable(agentId: string, sinceMs: number): Promise<void> {
    await this.#write(agentId, { unreachable: String(sinceMs), agents: undefined });
  }

  async markGone(agentId: string, sinceMs: number): Promise<void> {
    await this.#write(agentId, {
      gone: String(sinceMs),
      agents: undefined,
      unreachable: undefined,
      orders: undefined,
      identities: undefined,
    });
    this.#identities.delete(agentId);
  }

  async remove(agentId: string): Promise<void> {
    await this.#write(agentId, { agents: undefined, orders: undefined, identities: undefined });
    this.#identities.delete(agentId);
  }

  async forget(list: 'unreachable' | 'gone', agentId: string): Promise<void> {
    await this.#write(agentId, { [list]: undefined, orders: undefined, identities: undefined });
    this.#identities.delete(agentId);
  }

  /** What operators ordered of an agent; undefined: nothing any more. */
  async order(agentId: string, orders: AgentOrders | undefined): Promise<void> {
    const key = `${ROOT}/orders/${agentId}`;
    if (orders) await this.#store.put(key, JSON.stringify(orders));
    else await this.#store.delete(key);
  }

  /** The whole plan in one entry, so that it is never half there. */
  async plan(maintenance: Maintenance): Promise<void> {
    const { windows } = maintenance;
    await this.#store.put(
      `${ROOT}/maintenance`,
      JSON.stringify({ windows, down: downMachines(maintenance) }),
    );
  }

  /** All quotas in one entry: several may change together. */
  async setQuotas(quotas: ReadonlyMap<string, Quota>): Promise<void> {
    const configs = Array.from(quotas, ([role, { guarantees, limits }]) => ({
      role,
      guarantees: scalarsOf(guarantees),
      limits: scalarsOf(limits),
    }));
    await this.#store.put(`${ROOT}/quotas`, JSON.stringify({ configs }));
  }

  /** All weights in one entry. */
  async setWeights(weights: ReadonlyMap<string, number>): Promise<void> {
    const list = Array.from(weights, ([role, weight]) => ({ role, weight }));
    await this.#store.put(`${ROOT}/weights`, JSON.stringify({ weights: list }));
  }

  async #quotas(): Promise<Map<string, Quota>> {
    const key = `${ROOT}/quotas`;
    const entry = await this.#store.get(key);
    const out = new Map<string, Quota>();
    if (!entry) return out;
    const { configs = [] } = readEntry<{ configs?: readonly QuotaConfigMessage[] }>(key, entry.value, QUOTAS);
    for (const { role, ...config } of configs) {
      const guarantees = quantitiesOf(config.guarantees);
      const limits = quantitiesOf(config.limits);
      if (typeof guarantees === 'string') throw errors.MASTER_REGISTRY_CORRUPT({ key, why: guarantees });
      if (typeof limits === 'string') throw errors.MASTER_REGISTRY_CORRUPT({ key, why: limits });
      out.set(role, { guarantees, limits });
    }
    return out;
  }

  async #weights(): Promise<Map<string, number>> {
    const key = `${ROOT}/weights`;
    const entry = await this.#store.get(key);
    if (!entry) return new Map();
    const { weights = [] } = readEntry<{ weights?: readonly Weight[] }>(key, entry.value, WEIGHTS);
    return new Map(weights.map(({ role, weight }) => [role, weight]));
  }

  /** Orders of known agents. Those of others were left over when a removal was cut off. */
  async #orders(known: ReadonlySet<string | undefined>): Promise<(readonly [string, AgentOrders])[]> {
    const out: (readonly [string, AgentOrders])[] = [];
    for (const { key, value } of await this.#store.list(`${ROOT}/orders/`)) {
      const agentId = key.slice(`${ROOT}/orders/`.length);
      if (known.has(agentId)) out.push([agentId, readEntry<AgentOrders>(key, value, ORDERS)]);
      else await this.#store.delete(key);
    }
    return out;
  }

  /** All that is new of one agent, or none of it. */
  #write(agentId: string, folders: Readonly<Record<string, string | undefined>>): Promise<void> {
    return this.#store.write(
      Object.entries(folders).map(([folder, value]) => ({ key: `${ROOT}/${folder}/${agentId}`, value })),
    );
  }

  /** Those of agents that are not known were left over when something was cut off. */
  async #recoverIdentities(known: ReadonlySet<string | undefined>): Promise<void> {
    const prefix = `${ROOT}/identities/`;
    for (const { key, value } of await this.#store.list(prefix)) {
      const agentId = key.slice(prefix.length);
      if (known.has(agentId)) this.#identities.set(agentId, value);
      else await this.#store.delete(key);
    }
  }

  async #maintenance(): Promise<Maintenance> {
    const key = `${ROOT}/maintenance`;
    const entry = await this.#store.get(key);
    if (!entry) return NO_MAINTENANCE;
    const { windows = [], down = [] } = readEntry<Plan>(key, entry.value, PLAN);
    return planned(windows, new Set(down.map(machineKey)));
  }

  async #times(list: 'unreachable' | 'gone'): Promise<(readonly [string, number])[]> {
    const entries = await this.#store.list(`${ROOT}/${list}/`);
    return entries.map(({ key, value }) => {
      const since = Number(value);
      if (!Number.isFinite(since)) throw errors.MASTER_REGISTRY_CORRUPT({ key, why: 'not a time' });
      return [key.slice(`${ROOT}/${list}/`.length), since];
    });
  }
}

const QUOTAS: Fields = { configs: repeated(quotaConfig) };
const WEIGHTS: Fields = { weights: repeated(message({ role: required(text), weight: required(double) })) };

/** The kept part of a plan. */
interface Plan {
  readonly windows?: readonly MaintenanceWindow[];
  readonly down?: readonly MachineId[];
}
const PLAN: Fields = { ...schedule.fields, down: repeated(machineId) };

const ORDERS: Fields = {
  drain: message({ state: required(enumOf(['DRAINING', 'DRAINED'])), config: required(drainConfig) }),
};

function readAgent(key: string, value: string): AgentInfo {
  const info = readEntry<AgentInfo>(key, value, { ...agentInfo.fields, id: required(id) });
  return { ...info, resources: info.resources ?? [] };
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- as of `decode`: the fields say what it is
function readEntry<T>(key: string, value: string, fields: Fields): T {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    throw errors.MASTER_REGISTRY_CORRUPT({ key, why: errorText(error) });
  }
  const decoded = decode<T>(fields, json);
  if (!decoded.ok) throw errors.MASTER_REGISTRY_CORRUPT({ key, why: decoded.problem });
  return decoded.value;
}
