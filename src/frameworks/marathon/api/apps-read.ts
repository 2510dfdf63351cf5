import type { App } from '../apps/app.ts';
import { isWithin } from '../apps/paths.ts';
import { appJson } from '../apps/present.ts';
import type { ApiContext } from './context.ts';
import { parseSelector } from './label-selector.ts';
import { visibleApps } from './permissions.ts';
import type { Answer } from './replies.ts';
import { failure, noSuchApp, ok } from './replies.ts';
import type { Query } from './request.ts';
import { appView, EMBED_ALL, parseEmbed, taskView } from './views.ts';

/** GET /v2/apps */
export function listApps(context: ApiContext, query: Query): Answer {
  const { scheduler } = context;
  let apps = visibleApps(context);
  const id = query.first('id')?.toLowerCase();
  const cmd = query.first('cmd')?.toLowerCase();
  if (id !== undefined) apps = apps.filter((a) => a.id.toLowerCase().includes(id));
  if (cmd !== undefined) apps = apps.filter((a) => a.cmd?.toLowerCase().includes(cmd) === true);
  const label = query.first('label');
  if (label !== undefined && label !== '') {
    const selector = parseSelector(label);
    if (!selector.ok) return failure(400, selector.message);
    apps = apps.filter((a) => selector.matches(a.labels));
  }
  const embed = parseEmbed(query.all('embed'));
  return ok({ apps: apps.map((a) => appView(scheduler, a, embed)) });
}

/** GET /v2/apps/{id}, and /v2/apps/{group}/* */
export function getApp(context: ApiContext, id: string, query: Query): Answer {
  const { scheduler } = context;
  if (id.endsWith('/*')) {
    const embed = parseEmbed(query.all('embed'));
    return ok({ '*': below(visibleApps(context), id).map((a) => appView(scheduler, a, embed)) });
  }
  const app = scheduler.registry.get(id);
  if (!app) return noSuchApp(id);
  const asked = parseEmbed(query.all('embed'));
  return ok({ app: appView(scheduler, app, { ...EMBED_ALL, taskStats: asked.taskStats }) });
}

function below(apps: readonly App[], wildcard: string): App[] {
  const group = wildcard === '/*' ? '/' : wildcard.slice(0, -2);
  return apps.filter((a) => a.id !== group && isWithin(a.id, group));
}

/** GET /v2/apps/{id}/tasks, also with a wildcard */
export function getAppTasks(context: ApiContext, id: string): Answer {
  const { scheduler } = context;
  const apps = id.endsWith('/*') ? below(visibleApps(context), id) : [scheduler.registry.get(id)];
  const tasks: unknown[] = [];
  for (const app of apps) {
    if (!app) return noSuchApp(id);
    tasks.push(...scheduler.instances.ofApp(app.id).map((i) => taskView(scheduler, i)));
  }
  return ok({ tasks });
}

/** GET /v2/apps/{id}/versions */
export function getVersions({ scheduler }: ApiContext, id: string): Answer {
  if (!scheduler.registry.get(id)) return noSuchApp(id);
  return ok({ versions: scheduler.registry.versions(id).map((v) => v.version) });
}

/** GET /v2/apps/{id}/versions/{ts}: the bare definition */
export function getVersion({ scheduler }: ApiContext, id: string, version: string): Answer {
  if (!scheduler.registry.get(id)) return noSuchApp(id);
  const app = scheduler.registry.version(id, version);
  return app ? ok(appJson(app)) : failure(404, `App '${id}' does not have the version '${version}'`);
}
