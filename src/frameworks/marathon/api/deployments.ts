import type { App } from '../apps/app.ts';
import { affectedApps } from '../deployments/deployment.ts';
import type { Deployment } from '../deployments/deployment.ts';
import { deploymentJson } from '../deployments/present.ts';
import type { ApiContext } from './context.ts';
import { FORBIDDEN, mayUpdate, mayView } from './permissions.ts';
import type { Answer } from './replies.ts';
import { deploymentResult, failure, ok } from './replies.ts';
import type { Query } from './request.ts';

/** GET /v2/deployments */
export function listDeployments(context: ApiContext): Answer {
  const { scheduler } = context;
  const readiness = (appId: string): unknown[] =>
    scheduler.instances.ofApp(appId).flatMap((i) => scheduler.health.readiness(i));
  const seen = scheduler.deployments.all().filter((d) => affectedApps(d).every((id) => mayView(context, id)));
  return ok(seen.map((d) => deploymentJson(d, readiness)));
}

/** DELETE /v2/deployments/{id}: go back; with `force` only stop where it is */
export async function deleteDeployment(context: ApiContext, id: string, query: Query): Promise<Answer> {
  const { scheduler } = context;
  const deployment = scheduler.deployments.get(id);
  if (!deployment) return failure(404, `DeploymentPlan ${id} does not exist`);
  if (!affectedApps(deployment).every((app) => mayUpdate(context, app))) return FORBIDDEN;
  if (query.flag('force')) {
    await scheduler.deployments.cancel(id, 'cancelled');
    scheduler.kick();
    return { status: 202 };
  }
  return deploymentResult(
    await scheduler.changes.change((version) => reverse(deployment, version), { force: true }),
  );
}

/**
 * The apps as they were before. They keep the stamp of their old configuration, so instances that still run it stay
 * instead of being replaced by equal ones.
 */
function reverse(deployment: Deployment, version: string): ReadonlyMap<string, App | null> {
  return new Map(
    Object.entries(deployment.original).map(([id, app]) => [
      id,
      app && { ...app, version, versionInfo: { ...app.versionInfo, lastScalingAt: version } },
    ]),
  );
}
