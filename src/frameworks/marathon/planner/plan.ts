import { dependencyLayers } from './dependencies.ts';

/** What a deployment plan looks at. */
export interface PlannedApp {
  readonly id: string;
  readonly instances: number;
  /** Absolute ids of apps or groups that must be up before this one. */
  readonly dependencies: readonly string[];
  /** Equal stamps mean equal configurations. */
  readonly configuration: string;
  /** Instances of another configuration are there (a deployment was cut off half way). */
  readonly outdated?: boolean;
}

export type ActionName = 'StartApplication' | 'StopApplication' | 'ScaleApplication' | 'RestartApplication';

export interface Action {
  readonly action: ActionName;
  readonly app: string;
}

export interface PlanStep {
  readonly actions: readonly Action[];
}

/**
 * The steps from one set of apps to another (marathon.md §6): stop what is gone; start what is new (at zero); then,
 * dependencies first, scale or restart what differs. Actions of a step run together, steps one after the other; there
 * are no empty steps.
 */
export function planSteps(
  before: ReadonlyMap<string, PlannedApp>,
  after: ReadonlyMap<string, PlannedApp>,
): PlanStep[] {
  const stopped = [...before.keys()].filter((id) => !after.has(id));
  const started = [...after.keys()].filter((id) => !before.has(id));
  const steps: PlanStep[] = [
    { actions: stopped.map((app): Action => ({ action: 'StopApplication', app })) },
    { actions: started.map((app): Action => ({ action: 'StartApplication', app })) },
  ];
  for (const layer of dependencyLayers([...after.values()])) {
    const actions = layer.flatMap((app): Action[] => {
      const action = changeOf(before.get(app.id), app);
      return action ? [{ action, app: app.id }] : [];
    });
    steps.push({ actions });
  }
  return steps.filter((s) => s.actions.length > 0);
}

function changeOf(before: PlannedApp | undefined, after: PlannedApp): ActionName | undefined {
  if (!before) return 'ScaleApplication';
  const sameConfiguration = before.configuration === after.configuration && before.outdated !== true;
  if (sameConfiguration) return before.instances === after.instances ? undefined : 'ScaleApplication';
  return after.instances === 0 ? 'ScaleApplication' : 'RestartApplication';
}
