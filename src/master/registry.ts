import type { AgentInfo } from '../mesos/index.ts';
import type { Store } from '../store/index.ts';
import { errorText } from '../core/errors.ts';
import { decode } from './input/decode.ts';
import type { Fields } from './input/decode.ts';
import { agentInfo } from './input/messages.ts';
import { errors } from './errors.ts';

const ROOT = 'master/registry';

/** What the registry knew when the master started. */
export interface Registered {
  readonly agents: readonly AgentInfo[];
  /** Agent id and since when, epoch milliseconds. */
  readonly unreachable: readonly (readonly [string, number])[];
  readonly gone: readonly (readonly [string, number])[];
}

/**
 * What must survive the master (mesos-api.md §4.7): which agents are admitted, unreachable or gone. Frameworks and tasks
 * are not kept: agents and schedulers bring them back. Every write is durable once its promise resolves.
 */
export class Registry {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  async recover(): Promise<Registered> {
    const agents = await this.#store.list(`${ROOT}/agents/`);
    return {
      agents: agents.map((e) => readAgent(e.key, e.value)),
      unreachable: await this.#times('unreachable'),
      gone: await this.#times('gone'),
    };
  }

  async admit(info: AgentInfo & { readonly id: { readonly value: string } }): Promise<void> {
    await this.#store.put(`${ROOT}/agents/${info.id.value}`, JSON.stringify(info));
    await this.#store.delete(`${ROOT}/unreachable/${info.id.value}`);
  }

  async markUnreachable(agentId: string, sinceMs: number): Promise<void> {
    await this.#store.put(`${ROOT}/unreachable/${agentId}`, String(sinceMs));
    await this.#store.delete(`${ROOT}/agents/${agentId}`);
  }

  async markGone(agentId: string, sinceMs: number): Promise<void> {
    await this.#store.put(`${ROOT}/gone/${agentId}`, String(sinceMs));
    await this.#store.delete(`${ROOT}/agents/${agentId}`);
    await this.#store.delete(`${ROOT}/unreachable/${agentId}`);
  }

  async remove(agentId: string): Promise<void> {
    await this.#store.delete(`${ROOT}/agents/${agentId}`);
  }

  async forget(list: 'unreachable' | 'gone', agentId: string): Promise<void> {
    await this.#store.delete(`${ROOT}/${list}/${agentId}`);
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

function readAgent(key: string, value: string): AgentInfo {
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (error) {
    throw errors.MASTER_REGISTRY_CORRUPT({ key, why: errorText(error) });
  }
  const fields: Fields = {
    ...agentInfo.fields,
    id: { ...agentInfo.fields?.['id'], kind: 'message', required: true },
  };
  const decoded = decode<AgentInfo>(fields, json);
  if (!decoded.ok) throw errors.MASTER_REGISTRY_CORRUPT({ key, why: decoded.problem });
  return { ...decoded.value, resources: decoded.value.resources ?? [] };
}
