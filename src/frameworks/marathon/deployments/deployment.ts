import type { App } from '../apps/app.ts';
import type { PlanStep } from '../planner/index.ts';

/** A change on its way. Kept in the store until it is over, with all that is needed to go on or to go back. */
export interface Deployment {
  readonly id: string;
  readonly version: string;
  readonly startedAtMs: number;
  readonly steps: readonly PlanStep[];
  /** Index of the step that runs. */
  readonly currentStep: number;
  /** The apps it changes, as they were; null where there was none. */
  readonly original: Readonly<Record<string, App | null>>;
  /** The same as they shall be; null where it is to go. */
  readonly target: Readonly<Record<string, App | null>>;
}

export function affectedApps(deployment: Deployment): string[] {
  return Object.keys(deployment.target);
}

/** What an app under deployment is to do at this moment. */
export type Directive =
  | { readonly kind: 'scale'; readonly app: App }
  | { readonly kind: 'restart'; readonly app: App }
  | { readonly kind: 'stop' }
  | { readonly kind: 'wait' };

/**
 * What one app has to do while its deployment stands at the current step: before its turn it is kept as it was, on its
 * turn it acts, afterwards it is kept as wanted.
 */
export function directiveFor(deployment: Deployment, appId: string): Directive {
  const target = deployment.target[appId] ?? undefined;
  const original = deployment.original[appId] ?? undefined;
  const action = deployment.steps[deployment.currentStep]?.actions.find((a) => a.app === appId);
  switch (action?.action) {
    case 'StopApplication':
      return { kind: 'stop' };
    case 'ScaleApplication':
      return target ? { kind: 'scale', app: target } : { kind: 'stop' };
    case 'RestartApplication':
      return target ? { kind: 'restart', app: target } : { kind: 'stop' };
    case 'StartApplication':
      return { kind: 'wait' };
    case undefined:
      break;
  }
  const later = deployment.steps.some(
    (s, i) => i > deployment.currentStep && s.actions.some((a) => a.app === appId),
  );
  if (later) return original ? { kind: 'scale', app: original } : { kind: 'wait' };
  return target ? { kind: 'scale', app: target } : { kind: 'stop' };
}
