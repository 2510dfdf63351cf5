import { sleep, systemClock } from '../../core/clock.ts';
import { Health } from '../../core/health.ts';
import type { HttpRequest } from '../../core/http/client.ts';
import type { Access } from '../../core/http/guard.ts';
import { createHttpClient } from '../../core/http/client.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { systemRandom } from '../../core/random.ts';
import type { Store } from '../../store/index.ts';
import { memoryStore } from '../../store/index.ts';
import { createMarathon, marathonConfigSchema } from '../marathon/index.ts';
import type { FakeAgentOptions } from './fake-agent.ts';
import { FakeMaster } from './fake-master.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed when it is JSON, else the text. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into answers at will
  readonly body: any;
}

export type Request = (method: HttpRequest['method'], path: string, body?: unknown) => Promise<Answer>;

export interface Running {
  readonly request: Request;
  /** `http://host:port` of the API. */
  readonly base: string;
  readonly stop: () => Promise<void>;
}

export const HELLO = { id: '/hello', cmd: 'sleep 1000', cpus: 0.1, mem: 32, instances: 3 };

/** Starts schedulers and masters for tests, and takes them down again. */
export class Harness {
  readonly #cleanUps: (() => Promise<void>)[] = [];

  onCleanUp(f: () => Promise<void>): void {
    this.#cleanUps.push(f);
  }

  async cleanUp(): Promise<void> {
    for (let f = this.#cleanUps.pop(); f; f = this.#cleanUps.pop()) await f();
  }

  /** A master with agents, and a scheduler connected to it. */
  async setUp(
    agents: readonly FakeAgentOptions[] = [{}],
    config: Readonly<Record<string, unknown>> = {},
    access?: Access,
  ): Promise<Running & { readonly master: FakeMaster; readonly store: Store }> {
    const master = await new FakeMaster(agents).start();
    this.onCleanUp(() => master.stop());
    const store = memoryStore();
    return { master, store, ...(await this.startMarathon(master, store, config, access)) };
  }

  async startMarathon(
    master: FakeMaster,
    store: Store,
    config: Readonly<Record<string, unknown>> = {},
    access?: Access,
  ): Promise<Running> {
    const marathon = createMarathon({
      config: marathonConfigSchema.parse({ port: 0, master: `127.0.0.1:${master.port}`, ...config }),
      store,
      clock: systemClock,
      random: systemRandom,
      log: silentLogger,
      metrics: new Metrics(),
      health: new Health(),
      access,
    });
    await marathon.start();
    const client = createHttpClient();
    const base = `http://127.0.0.1:${marathon.address.port}`;
    let stopped = false;
    const stop = async (): Promise<void> => {
      if (stopped) return;
      stopped = true;
      await client.close();
      await marathon.stop();
    };
    this.onCleanUp(stop);
    const request: Request = async (method, path, body) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await client.request({
        method,
        url: base + path,
        ...(body === undefined ? {} : { body: text }),
      });
      return { status: response.status, headers: response.headers, body: parsed(await response.text()) };
    };
    return { request, base, stop };
  }
}

function parsed(text: string): unknown {
  return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
}

/** Wait until `condition` holds; the error says what it was. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = systemClock.monotonic() + 20_000;
  while (!(await condition())) {
    if (systemClock.monotonic() > deadline) throw new Error(`not in time: ${what}`);
    await sleep(systemClock, 5);
  }
}

export function idle(request: Request): Promise<void> {
  return until(
    'all deployments are done',
    async () => (await request('GET', '/v2/deployments')).body.length === 0,
  );
}
