import type { JsonObject } from '../apps/json.ts';
import type { Deployment } from './deployment.ts';
import { affectedApps } from './deployment.ts';

/** The plan as events carry it (the light form: ids, no definitions). */
export function planJson(deployment: Deployment): JsonObject {
  return { id: deployment.id, version: deployment.version, steps: deployment.steps };
}

export function stepJson(deployment: Deployment): JsonObject {
  return { actions: deployment.steps[deployment.currentStep]?.actions ?? [] };
}

/** One element of `GET /v2/deployments`. `readiness` gives the readiness results of an app. */
export function deploymentJson(
  deployment: Deployment,
  readiness: (appId: string) => readonly unknown[],
): JsonObject {
  const current = deployment.steps[deployment.currentStep]?.actions ?? [];
  return {
    id: deployment.id,
    version: deployment.version,
    affectedApps: affectedApps(deployment),
    affectedPods: [],
    steps: deployment.steps,
    currentActions: current.map((a) => ({ ...a, readinessCheckResults: readiness(a.app) })),
    currentStep: Math.min(deployment.currentStep + 1, deployment.steps.length),
    totalSteps: deployment.steps.length,
  };
}
