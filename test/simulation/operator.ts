import { errorText } from '../../src/core/errors.ts';
import { SimClient } from './client.ts';
import type { Network } from './network.ts';
import { SimProcess } from './process.ts';
import type { MasterView } from './sums.ts';

/** Somebody who gives orders to the master, and hears what it answers. */
export class Operator {
  readonly #process: SimProcess;
  readonly #http: SimClient;

  readonly #role: string;
  readonly #masters: readonly string[];

  constructor(network: Network, masters: readonly string[], role: string) {
    this.#role = role;
    this.#masters = masters;
    this.#process = new SimProcess(network.world, 'operator', 'operator', () => 0);
    this.#http = new SimClient(network, this.#process);
  }

  /** What the role of everybody may have at least and at most; neither: there is no quota. */
  quota(amounts: { readonly guarantees?: object; readonly limits?: object }): void {
    const quota_configs = [{ role: this.#role, ...amounts }];
    this.order({ type: 'UPDATE_QUOTA', update_quota: { force: true, quota_configs } });
  }

  /** How much the role of everybody counts. */
  weigh(weight: number): void {
    const weight_infos = [{ role: this.#role, weight }];
    this.order({ type: 'UPDATE_WEIGHTS', update_weights: { weight_infos } });
  }

  /** Everything that operators have ordered is taken back. */
  relax(state: MasterView): void {
    for (const value of state.orders.keys())
      this.order({ type: 'REACTIVATE_AGENT', reactivate_agent: { agent_id: { value } } });
    const { windows } = state.maintenance;
    const machines = windows.flatMap((w) => w.machine_ids ?? []);
    if (machines.length > 0) {
      this.order({ type: 'STOP_MAINTENANCE', stop_maintenance: { machines } });
      const schedule = { windows: [] };
      this.order({ type: 'UPDATE_MAINTENANCE_SCHEDULE', update_maintenance_schedule: { schedule } });
    }
    if (state.quotas.size > 0) this.quota({});
  }

  order(call: { readonly type: string; readonly [payload: string]: unknown }): void {
    const told = (what: string): void => this.#process.world.say('operator', `${call.type}: ${what}`);
    this.ask(call).then(
      ({ status, text }) => told(`${status} ${text}`),
      (error: unknown) => told(errorText(error)),
    );
  }

  /** What the leader answers; masters are asked one after the other until one knows where it is. */
  async ask(call: object): Promise<{ readonly status: number; readonly text: string }> {
    const headers = { 'content-type': 'application/json', accept: 'application/json' };
    const body = JSON.stringify(call);
    let failure: unknown = new Error('masters send to each other');
    for (const name of this.#masters) {
      let url = `http://${name}:5050/api/v1`;
      for (let hop = 0; hop < 2; hop++) {
        try {
          const response = await this.#http.request({ method: 'POST', url, headers, body });
          const text = await response.text();
          if (response.status === 503) throw new Error(text);
          if (response.status !== 307) return { status: response.status, text };
          url = `http:${response.headers['location']}`;
        } catch (error) {
          failure = error;
          break;
        }
      }
    }
    throw failure;
  }
}
