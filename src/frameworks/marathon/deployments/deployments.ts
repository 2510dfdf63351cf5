import type { EventBus } from '../events/bus.ts';
import type { Records } from '../records.ts';
import type { Deployment, Directive } from './deployment.ts';
import { affectedApps, directiveFor } from './deployment.ts';
import { planJson, stepJson } from './present.ts';

/** The deployments that run; each app is in one of them at most. */
export class Deployments {
  readonly #records: Records;
  readonly #events: EventBus;
  readonly #running = new Map<string, Deployment>();
  /** Those that are over and not yet out of the store. */
  readonly #over = new Set<string>();
  finished = 0;
  failed = 0;

  constructor(records: Records, events: EventBus) {
    this.#records = records;
    this.#events = events;
  }

  async load(): Promise<readonly Deployment[]> {
    const stored = (await this.#records.list('deployments')).map(({ value }) => value as Deployment);
    stored.sort((a, b) => (a.version < b.version ? -1 : 1));
    for (const deployment of stored) this.#running.set(deployment.id, deployment);
    return stored;
  }

  all(): Deployment[] {
    return [...this.#running.values()];
  }

  get(id: string): Deployment | undefined {
    return this.#running.get(id);
  }

  /** Deployments that hold any of these apps. */
  holding(appIds: Iterable<string>): Deployment[] {
    const wanted = new Set(appIds);
    return this.all().filter((d) => affectedApps(d).some((id) => wanted.has(id)));
  }

  ofApp(appId: string): Deployment | undefined {
    return this.all().find((d) => Object.hasOwn(d.target, appId));
  }

  directive(appId: string): Directive | undefined {
    const deployment = this.ofApp(appId);
    return deployment ? directiveFor(deployment, appId) : undefined;
  }

  /**
   * Write a new one down; it runs from the moment `begin` is called. Rejects as long as the store does not forget one that is over: it
   * would come back with the next start, and undo what was changed since.
   */
  async open(deployment: Deployment): Promise<void> {
    await Promise.all([...this.#over].map((id) => this.#forget(id)));
    await this.#save(deployment);
  }

  /** One that was written down does not begin. */
  abandon(id: string): void {
    this.#records.later(this.#forget(id));
  }

  begin(deployment: Deployment): void {
    this.#running.set(deployment.id, deployment);
    this.#events.publish('deployment_info', {
      plan: planJson(deployment),
      currentStep: stepJson(deployment),
    });
  }

  /** Cut a deployment off where it is. */
  async cancel(id: string, reason: string): Promise<void> {
    const deployment = this.#running.get(id);
    if (!deployment) return;
    this.#running.delete(id);
    this.failed++;
    this.#events.publish('deployment_step_failure', {
      plan: planJson(deployment),
      currentStep: stepJson(deployment),
    });
    this.#events.publish('deployment_failed', { id, plan: planJson(deployment), reason });
    await this.#forget(id);
  }

  /** Go on where a step is done; `isDone` says so of an app's present action. True when anything moved. */
  advance(isDone: (appId: string) => boolean): boolean {
    let moved = false;
    for (const deployment of this.all()) {
      const actions = deployment.steps[deployment.currentStep]?.actions ?? [];
      if (!actions.every((a) => a.action === 'StartApplication' || isDone(a.app))) continue;
      moved = true;
      this.#stepDone(deployment);
    }
    return moved;
  }

  #stepDone(deployment: Deployment): void {
    if (deployment.steps.length > 0)
      this.#events.publish('deployment_step_success', {
        plan: planJson(deployment),
        currentStep: stepJson(deployment),
      });
    const next: Deployment = { ...deployment, currentStep: deployment.currentStep + 1 };
    if (next.currentStep >= deployment.steps.length) {
      this.#running.delete(deployment.id);
      this.finished++;
      for (const step of deployment.steps)
        for (const a of step.actions)
          if (a.action === 'StopApplication') this.#events.publish('app_terminated_event', { appId: a.app });
      this.#events.publish('deployment_success', { id: deployment.id, plan: planJson(deployment) });
      this.#records.later(this.#forget(deployment.id));
      return;
    }
    this.#running.set(deployment.id, next);
    this.#records.later(this.#save(next));
    this.#events.publish('deployment_info', { plan: planJson(next), currentStep: stepJson(next) });
  }

  #save(deployment: Deployment): Promise<void> {
    return this.#records.put(`deployments/${deployment.id}`, deployment);
  }

  async #forget(id: string): Promise<void> {
    this.#over.add(id);
    await this.#records.delete(`deployments/${id}`);
    this.#over.delete(id);
  }
}
