import type { Clock } from '../../../core/clock.ts';
import type { Random } from '../../../core/random.ts';
import type { App } from '../apps/app.ts';
import { timestamp } from '../apps/app.ts';
import { absolutePath, isWithin, parentPath } from '../apps/paths.ts';
import type { FieldProblem } from '../apps/problem.ts';
import type { AppRegistry } from '../apps/registry.ts';
import type { EventBus } from '../events/bus.ts';
import type { Instances } from '../instances/instances.ts';
import { configurationStamp } from '../instances/instance.ts';
import type { PlannedApp } from '../planner/index.ts';
import { dependencyCycle, planSteps } from '../planner/index.ts';
import type { LaunchQueue } from '../queue/launch-queue.ts';
import type { Deployment } from './deployment.ts';
import type { Deployments } from './deployments.ts';

/** The apps to be changed: what each shall be, null for gone. */
export type Edit = ReadonlyMap<string, App | null>;

export type Refusal =
  | { readonly kind: 'invalid'; readonly problems: readonly FieldProblem[] }
  | { readonly kind: 'refused'; readonly status: 400 | 403 | 404 | 409 | 422; readonly message: string }
  | { readonly kind: 'locked'; readonly deployments: readonly string[] };

export type ChangeOutcome =
  | { readonly kind: 'deployed'; readonly deployment: Deployment; readonly edit: Edit }
  | Refusal;

export interface ChangeParts {
  readonly registry: AppRegistry;
  readonly instances: Instances;
  readonly deployments: Deployments;
  readonly queue: LaunchQueue;
  readonly events: EventBus;
  readonly clock: Clock;
  readonly random: Random;
  readonly maxRunningDeployments: number;
  /** Something is to be done now. */
  readonly kick: () => void;
}

/** Every change of what is wanted goes through here, one after the other, and becomes a deployment. */
export class Changes {
  readonly #parts: ChangeParts;
  #turn: Promise<unknown> = Promise.resolve();
  #lastVersionMs = 0;

  constructor(parts: ChangeParts) {
    this.#parts = parts;
  }

  /**
   * `edit` is called when it is this change's turn, with the version stamp to use. With `force`, deployments that hold
   * the same apps are cut off first; without, they refuse the change.
   */
  change(
    edit: (version: string) => Edit | Refusal,
    options: { readonly force: boolean; readonly accepted?: (edit: Edit) => void },
  ): Promise<ChangeOutcome> {
    const result = this.#turn.then(() => this.#change(edit, options));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #change(
    edit: (version: string) => Edit | Refusal,
    options: { readonly force: boolean; readonly accepted?: (edit: Edit) => void },
  ): Promise<ChangeOutcome> {
    const { registry, deployments, events, clock, random } = this.#parts;
    this.#lastVersionMs = Math.max(clock.now(), this.#lastVersionMs + 1);
    const version = timestamp(this.#lastVersionMs);
    const wanted = edit(version);
    if ('kind' in wanted) return wanted;
    const problem = this.#wholeProblem(wanted);
    if (problem) return problem;
    const holding = deployments.holding(wanted.keys());
    if (holding.length > 0 && !options.force)
      return { kind: 'locked', deployments: holding.map((d) => d.id) };
    if (deployments.all().length - holding.length >= this.#parts.maxRunningDeployments)
      return {
        kind: 'refused',
        status: 403,
        message: `Max number (${this.#parts.maxRunningDeployments}) of running deployments is achieved. Wait for existing deployments to complete or cancel one.`,
      };

    const deployment: Deployment = {
      id: random.uuid(),
      version,
      startedAtMs: clock.now(),
      currentStep: 0,
      steps: this.#steps(wanted),
      original: Object.fromEntries([...wanted.keys()].map((id) => [id, registry.get(id) ?? null])),
      target: Object.fromEntries(wanted),
    };
    await deployments.open(deployment);
    try {
      for (const d of holding) await deployments.cancel(d.id, `cancelled by deployment ${deployment.id}`);
      await Promise.all([...wanted].map(([id, app]) => (app ? registry.put(app) : registry.remove(id))));
    } catch (error) {
      deployments.abandon(deployment.id);
      throw error;
    }
    for (const id of wanted.keys()) this.#parts.queue.delays.reset(id);
    options.accepted?.(wanted);
    events.publish('group_change_success', { groupId: commonGroup(wanted), version });
    deployments.begin(deployment);
    this.#parts.kick();
    return { kind: 'deployed', deployment, edit: wanted };
  }

  /** What only shows when all apps are looked at together. */
  #wholeProblem(edit: Edit): Refusal | undefined {
    const after = new Map(this.#parts.registry.all().map((a) => [a.id, a]));
    for (const [id, app] of edit) {
      if (app) after.set(id, app);
      else after.delete(id);
    }
    for (const [id, app] of edit) {
      if (!app || this.#parts.registry.get(id)) continue;
      const clash = [...after.keys()].find(
        (other) => other !== id && (isWithin(other, id) || isWithin(id, other)),
      );
      if (clash !== undefined)
        return {
          kind: 'invalid',
          problems: [{ path: '/id', error: `an app and a group cannot share a path: ${clash} exists` }],
        };
    }
    const cycle = dependencyCycle([...after.values()].map((a) => planned(a)));
    if (cycle.some((id) => edit.has(id)))
      return {
        kind: 'invalid',
        problems: [{ path: '/dependencies', error: `dependencies form a cycle: ${cycle.join(', ')}` }],
      };
    return undefined;
  }

  #steps(edit: Edit): Deployment['steps'] {
    const before = new Map<string, PlannedApp>();
    const after = new Map<string, PlannedApp>();
    for (const [id, app] of edit) {
      const was = this.#parts.registry.get(id);
      const running = this.#parts.instances.ofApp(id).filter((i) => i.killing === undefined);
      if (app) after.set(id, planned(app));
      const outdated =
        app !== null && running.some((i) => configurationStamp(i.app) !== configurationStamp(app));
      if (was) before.set(id, { ...planned(was), outdated });
    }
    return planSteps(before, after);
  }
}

function planned(app: App): PlannedApp {
  return {
    id: app.id,
    instances: app.instances,
    dependencies: app.dependencies.map((d) => absolutePath(d, app.id)),
    configuration: configurationStamp(app),
  };
}

function commonGroup(edit: Edit): string {
  const [only] = edit.keys();
  return edit.size === 1 && only !== undefined ? parentPath(only) : '/';
}
