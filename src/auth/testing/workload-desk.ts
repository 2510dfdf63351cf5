import type { Proof } from '../../core/access.ts';
import { guard } from '../../core/http/guard.ts';
import { createApi } from '../../core/http/server.ts';
import type { Api } from '../../core/http/server.ts';
import { Health } from '../../core/health.ts';
import type { RunningTasks, TaskFacts } from '../../core/identity.ts';
import { silentLogger } from '../../core/log.ts';
import { Metrics } from '../../core/metrics.ts';
import { seededRandom } from '../../core/random.ts';
import { GOVERNORS, identityGuard } from '../api/guard-style.ts';
import type { Authority } from '../ca/authority.ts';
import { authConfigSchema } from '../config.ts';
import { WorkloadRoom } from '../workload/room.ts';
import { AuthorityHarness } from './authority-harness.ts';

export function taskFacts(taskId: string, more: Partial<TaskFacts> = {}): TaskFacts {
  return {
    taskId,
    taskName: taskId.split('.')[0] ?? taskId,
    frameworkId: 'fw-1',
    frameworkName: 'marathon',
    agentId: 'agent-1',
    labels: new Map(),
    ...more,
  };
}

/** A master's knowledge, written by hand. */
export class ListedTasks implements RunningTasks {
  readonly all = new Set<TaskFacts>();

  find(agentId: string, frameworkId: string, taskId: string): TaskFacts | undefined {
    return [...this.all].find(
      (t) => t.agentId === agentId && t.frameworkId === frameworkId && t.taskId === taskId,
    );
  }
}

/** An authority that signs for tasks, with its API. */
export class WorkloadDesk {
  readonly harness: AuthorityHarness;
  readonly authority: Authority;
  readonly tasks = new ListedTasks();
  readonly room: WorkloadRoom;
  readonly api: Api;

  private constructor(harness: AuthorityHarness, authority: Authority, required: boolean, rate: number) {
    const { clock, store, keys, settings } = harness;
    this.harness = harness;
    this.authority = authority;
    const config = authConfigSchema.parse({
      trustDomain: settings.trustDomain,
      required,
      workload: { signaturesPerSecond: rate, jwtIssuer: 'https://id.example.test' },
    });
    const parts = {
      config,
      clock,
      store,
      keys,
      folder: '',
      log: silentLogger,
      random: seededRandom(3),
      metrics: new Metrics(),
      health: new Health(),
    };
    const namesOf = (task: TaskFacts): string[] => [
      `${task.taskName}.${task.frameworkName}.mesos.`,
      'Upper.Case.mesos',
      '_srv._tcp.mesos',
      'not a name',
    ];
    this.room = new WorkloadRoom(parts, authority, { tasks: this.tasks, namesOf });
    this.api = createApi();
    const authenticator = {
      authenticate: async ({ authorization = '' }: Proof) =>
        authorization === ''
          ? { kind: 'refused' as const, code: 'credentials-missing' }
          : {
              kind: 'subject' as const,
              subject: { kind: 'workload' as const, name: authorization, groups: [] },
            },
    };
    guard(this.api, { authenticator, authorizer: GOVERNORS }, identityGuard(config));
    this.room.routes(this.api);
  }

  static async open({ required = false, rate = 1_000 } = {}): Promise<WorkloadDesk> {
    const harness = new AuthorityHarness();
    const desk = new WorkloadDesk(harness, await harness.start(), required, rate);
    await desk.room.start();
    return desk;
  }

  /** `as`: the id in the certificate of whoever asks. */
  async post(
    url: string,
    body: unknown,
    { as, from = '127.0.0.1' }: { as?: string; from?: string } = {},
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await this.api.inject({
      method: 'POST',
      url,
      payload: JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...(as === undefined ? {} : { authorization: as }) },
      remoteAddress: from,
    });
    return { status: answer.statusCode, body: answer.json() };
  }

  async close(): Promise<void> {
    await this.api.close();
    await this.room.stop();
    await this.authority.stop();
  }
}
