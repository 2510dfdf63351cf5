import type { AgentEvent, AgentTask, DrainConfig, FrameworkInfo, TaskInfo } from '../../mesos/index.ts';
import { RecordDecoder } from '../../mesos/index.ts';
import type { StreamResponse } from '../../core/http/stream-response.ts';

/** What an agent of a simulation keeps on its disk, and what it has been told. It runs nothing. */
export class SimAgent {
  readonly hostname: string;
  readonly ip: string;
  id: string | undefined;
  streamId: string | undefined;
  drain: DrainConfig | undefined;
  readonly tasks = new Map<string, { readonly framework: FrameworkInfo; readonly task: TaskInfo }>();
  /** Who it was when it was told to shut down, and whether it had nothing left to do then. */
  former: { readonly id: string; readonly idle: boolean } | undefined;
  /** It was given a task while it was to have none. */
  offended = false;

  constructor(n: number) {
    this.hostname = `host${n}`;
    this.ip = `10.0.0.${n + 1}`;
  }

  /** Where the master's events to this agent arrive. */
  stream(): StreamResponse {
    const decoder = new RecordDecoder();
    return {
      closed: false,
      isFull: false,
      drained: () => Promise.resolve(),
      end: () => {
        this.streamId = undefined;
      },
      write: (piece) => {
        const bytes = typeof piece === 'string' ? new TextEncoder().encode(piece) : piece;
        for (const record of decoder.push(bytes))
          this.#hear(JSON.parse(new TextDecoder().decode(record)) as AgentEvent);
        return true;
      },
    };
  }

  report(): AgentTask[] {
    return [...this.tasks.values()].map(({ framework, task }) => ({
      framework_id: { value: framework.id?.value ?? '' },
      task,
      state: 'TASK_RUNNING',
    }));
  }

  /** It forgets who it was, and what it ran is over. */
  forget(): void {
    this.id = undefined;
    this.drain = undefined;
    this.streamId = undefined;
    this.tasks.clear();
  }

  #hear(event: AgentEvent): void {
    if (event.type === 'SUBSCRIBED') this.id = event.subscribed.agent_id.value;
    if (event.type === 'DRAIN') this.drain = event.drain.config;
    if (event.type === 'CANCEL_DRAIN') this.drain = undefined;
    if (event.type === 'RUN_TASK') {
      const { framework_info: framework, task } = event.run_task;
      this.offended ||= this.drain !== undefined;
      this.tasks.set(task.task_id.value, { framework, task });
    }
    if (event.type === 'SHUTDOWN') {
      if (this.id !== undefined) this.former = { id: this.id, idle: this.tasks.size === 0 };
      this.forget();
    }
  }
}
