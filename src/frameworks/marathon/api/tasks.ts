import type { App } from '../apps/app.ts';
import { isObject } from '../apps/json.ts';
import type { Edit } from '../deployments/changes.ts';
import type { Instance } from '../instances/instance.ts';
import { isRunning } from '../instances/instance.ts';
import type { ApiContext } from './context.ts';
import { change, FORBIDDEN, mayUpdate, mayView } from './permissions.ts';
import type { Answer } from './replies.ts';
import { deploymentResult, failure, noSuchApp, ok } from './replies.ts';
import type { Query } from './request.ts';
import { taskView } from './views.ts';

/** GET /v2/tasks */
export function listTasks(context: ApiContext, query: Query): Answer {
  const { scheduler } = context;
  const statuses = new Set(query.all('status'));
  const tasks = [...scheduler.instances.all()].filter((i) => {
    if (!mayView(context, i.app.id)) return false;
    if (statuses.size === 0) return true;
    return statuses.has(isRunning(i) ? 'running' : 'staging');
  });
  tasks.sort((a, b) => (a.taskId < b.taskId ? -1 : 1));
  return ok({ tasks: tasks.map((i) => taskView(scheduler, i)) });
}

/** POST /v2/tasks/delete */
export async function deleteTasks(context: ApiContext, body: unknown, query: Query): Promise<Answer> {
  const ids = isObject(body) ? body['ids'] : undefined;
  if (!Array.isArray(ids) || !ids.every((id) => typeof id === 'string'))
    return failure(422, 'write {"ids": [task id, …]}');
  const instances = ids.flatMap((id: string) => find(context, id) ?? []);
  return killTasks(context, instances, query, (tasks) => ({ tasks }));
}

/** DELETE /v2/apps/{id}/tasks */
export async function deleteAppTasks(context: ApiContext, id: string, query: Query): Promise<Answer> {
  if (!context.scheduler.registry.get(id)) return noSuchApp(id);
  const host = query.first('host') ?? '*';
  const instances = context.scheduler.instances.ofApp(id).filter((i) => host === '*' || i.host === host);
  return killTasks(context, instances, query, (tasks) => ({ tasks }));
}

/** DELETE /v2/apps/{id}/tasks/{taskId} */
export async function deleteAppTask(
  context: ApiContext,
  id: string,
  taskId: string,
  query: Query,
): Promise<Answer> {
  if (!context.scheduler.registry.get(id)) return noSuchApp(id);
  const instance = find(context, taskId);
  if (instance?.app.id !== id) return failure(404, `Task '${taskId}' does not exist`);
  return killTasks(context, [instance], query, ([task]) => ({ task }));
}

/** Clients give task ids or instance ids. */
function find({ scheduler }: ApiContext, id: string): Instance | undefined {
  return scheduler.instances.get(id) ?? [...scheduler.instances.all()].find((i) => i.id === id);
}

/** Kill; with `scale` the apps get so many instances less, which is a deployment. */
async function killTasks(
  context: ApiContext,
  instances: readonly Instance[],
  query: Query,
  body: (tasks: readonly unknown[]) => unknown,
): Promise<Answer> {
  const { scheduler } = context;
  const scale = query.flag('scale');
  if (scale && query.flag('wipe')) return failure(400, 'You cannot use scale and wipe at the same time.');
  if (!instances.every(({ app }) => mayUpdate(context, app.id))) return FORBIDDEN;
  const views = instances.map((i) => taskView(scheduler, i));
  const kill = (): void => {
    for (const i of instances) scheduler.kills.kill(i.taskId, 'killed through the API');
    scheduler.kick();
  };
  if (!scale) {
    kill();
    return ok(body(views));
  }
  const outcome = await change(context, (version) => fewer(context, instances, version), {
    force: query.flag('force'),
    accepted: kill,
  });
  return deploymentResult(outcome);
}

function fewer({ scheduler }: ApiContext, instances: readonly Instance[], version: string): Edit {
  const edit = new Map<string, App>();
  for (const { app, killing } of instances) {
    const current = edit.get(app.id) ?? scheduler.registry.get(app.id);
    if (!current || killing !== undefined) continue;
    edit.set(app.id, {
      ...current,
      instances: Math.max(0, current.instances - 1),
      version,
      versionInfo: { ...current.versionInfo, lastScalingAt: version },
    });
  }
  return edit;
}
