import type { Clock, Timer } from '../../core/clock.ts';
import type { App } from './apps/app.ts';
import type { AppRegistry } from './apps/registry.ts';
import type { Directive } from './deployments/deployment.ts';
import type { Deployments } from './deployments/deployments.ts';
import type { HealthChecks } from './health/health-checks.ts';
import type { Instance } from './instances/instance.ts';
import type { Instances } from './instances/instances.ts';
import type { Kills } from './instances/kills.ts';
import { instanceView } from './instances/view.ts';
import type { Moves } from './planner/index.ts';
import { nextRestart, nextScale } from './planner/index.ts';
import type { LaunchQueue } from './queue/launch-queue.ts';
import { nextTimeout } from './instances/timeouts.ts';

export interface OrchestratorParts {
  readonly registry: AppRegistry;
  readonly instances: Instances;
  readonly deployments: Deployments;
  readonly queue: LaunchQueue;
  readonly health: HealthChecks;
  readonly kills: Kills;
  readonly clock: Clock;
  readonly launchTimeoutMs: number;
  /** An instance is given up: its agent has been away for too long. */
  readonly expunge: (instance: Instance) => void;
  /** Called after each pass: whether something can be launched now, and whether that is news. */
  readonly demand: (waiting: boolean, rose: boolean) => void;
}

/**
 * Compares what is wanted with what is there, and moves. It keeps no state of its own: each pass looks at everything
 * anew, so that nothing depends on an event having been seen. A pass follows every event at once.
 */
export class Orchestrator {
  readonly #parts: OrchestratorParts;
  #queued = false;
  #running = false;
  #timer: Timer | undefined;
  #wasReady = new Set<string>();
  /** Since when we are told what becomes of our tasks. */
  #sinceMs = 0;

  constructor(parts: OrchestratorParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = true;
    this.#sinceMs = this.#parts.clock.now();
    this.kick();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
  }

  /** Something has happened: look at everything, soon. */
  kick(): void {
    if (this.#queued || !this.#running) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.#running) this.#pass();
    });
  }

  #pass(): void {
    let rose = false;
    const timeout = this.#checkTimeouts();
    for (let moved = true; moved;) {
      const done = new Set<string>();
      for (const id of this.#appIds()) {
        const step = this.#step(id);
        rose ||= step.rose;
        if (step.done) done.add(id);
      }
      moved = this.#parts.deployments.advance((id) => done.has(id));
    }
    // By one look at the clock: of what becomes ready between two, neither would tell.
    const now = this.#parts.clock.now();
    const ready = new Set(this.#parts.queue.ready(now).map((e) => e.app.id));
    rose ||= [...ready].some((id) => !this.#wasReady.has(id));
    this.#wasReady = ready;
    this.#parts.demand(ready.size > 0, rose);
    this.#wakeAt(timeout, this.#parts.kills.retry(), this.#parts.queue.nextReadyAtMs(now));
  }

  #appIds(): Set<string> {
    const ids = new Set(this.#parts.registry.all().map((a) => a.id));
    for (const id of this.#parts.instances.appIds()) ids.add(id);
    for (const d of this.#parts.deployments.all()) for (const id of Object.keys(d.target)) ids.add(id);
    for (const e of this.#parts.queue.entries()) ids.add(e.app.id);
    return ids;
  }

  /** What an app has to do: its deployment's will, else to stay as it is wanted; gone when nobody wants it. */
  #directive(id: string): Directive {
    const ofDeployment = this.#parts.deployments.directive(id);
    if (ofDeployment) return ofDeployment;
    const app = this.#parts.registry.get(id);
    return app ? { kind: 'scale', app } : { kind: 'stop' };
  }

  #step(id: string): { done: boolean; rose: boolean } {
    const directive = this.#directive(id);
    const instances = this.#parts.instances.ofApp(id);
    if (directive.kind === 'wait') return { done: true, rose: false };
    if (directive.kind === 'stop') {
      this.#parts.queue.drop(id);
      for (const i of instances) this.#kill(i, 'the app is stopped');
      return { done: instances.length === 0, rose: false };
    }
    const { app } = directive;
    const moves = this.#moves(directive.kind, app, instances);
    for (const taskId of moves.kill) {
      const instance = this.#parts.instances.get(taskId);
      if (instance)
        this.#kill(instance, directive.kind === 'restart' ? 'replaced by a new version' : 'scaled down');
    }
    return { done: moves.done, rose: this.#parts.queue.want(app, moves.launch) };
  }

  #moves(kind: 'scale' | 'restart', app: App, instances: readonly Instance[]): Moves {
    const now = this.#parts.clock.now();
    const views = instances.flatMap((i) => instanceView(i, app, this.#parts.health.verdict(i), now) ?? []);
    const goal = { ...app.upgradeStrategy, instances: app.instances, killSelection: app.killSelection };
    return kind === 'restart' ? nextRestart(goal, views) : nextScale(goal, views);
  }

  #kill(instance: Instance, reason: string): void {
    this.#parts.kills.kill(instance.taskId, reason);
    // Its agent is away: there is no answer to wait for. Should it come back, the task is unknown and killed then.
    if (instance.state === 'TASK_UNREACHABLE') this.#parts.expunge(instance);
  }

  #checkTimeouts(): number | undefined {
    const now = this.#parts.clock.now();
    let next: number | undefined;
    for (const instance of this.#parts.instances.all()) {
      const timeout = nextTimeout(instance, now, this.#parts.launchTimeoutMs, this.#sinceMs);
      if (timeout.kind === 'expunge') this.#parts.expunge(instance);
      else if (timeout.kind === 'launch') this.#parts.kills.kill(instance.taskId, 'not running in time');
      else if (timeout.kind === 'at') next = Math.min(next ?? timeout.atMs, timeout.atMs);
    }
    return next;
  }

  #wakeAt(...times: readonly (number | undefined)[]): void {
    this.#timer?.cancel();
    const next = Math.min(...times.filter((t) => t !== undefined));
    if (!Number.isFinite(next)) return;
    const ms = Math.min(3_600_000, Math.max(1, next - this.#parts.clock.now()));
    this.#timer = this.#parts.clock.after(ms, () => this.kick());
  }
}
