import type { App } from '../apps/app.ts';
import type { JsonObject } from '../apps/json.ts';
import { isWithin } from '../apps/paths.ts';
import type { ApiContext } from './context.ts';
import { visibleApps } from './permissions.ts';
import type { Answer } from './replies.ts';
import { failure, ok } from './replies.ts';
import type { Query } from './request.ts';
import type { Embed } from './views.ts';
import { appView, parseEmbed } from './views.ts';

/** GET /v2/groups[/{id}]: derived from the paths of the apps */
export function getGroup(context: ApiContext, id: string, query: Query): Answer {
  const apps = visibleApps(context);
  if (id.endsWith('/apps') && !apps.some((a) => isWithin(a.id, id))) {
    const group = id.slice(0, -'/apps'.length) || '/';
    const members = apps.filter((a) => isWithin(a.id, group));
    return ok({ apps: members.map((a) => appView(context.scheduler, a, parseEmbed(query.all('embed')))) });
  }
  if (id !== '/' && !apps.some((a) => a.id !== id && isWithin(a.id, id)))
    return failure(404, `Group '${id}' does not exist`);
  const embed = parseEmbed(query.all('embed').filter((e) => e.startsWith('group.apps.')));
  return ok(groupView(context, id, apps, embed));
}

function groupView(context: ApiContext, id: string, apps: readonly App[], embed: Embed): JsonObject {
  const prefix = id === '/' ? '/' : `${id}/`;
  const inside = apps.filter((a) => a.id.startsWith(prefix));
  const direct = inside.filter((a) => !a.id.slice(prefix.length).includes('/'));
  const names = new Set(
    inside.filter((a) => !direct.includes(a)).map((a) => a.id.slice(prefix.length).split('/')[0] ?? ''),
  );
  const version = inside.map((a) => a.version).reduce((x, y) => (x > y ? x : y), '1970-01-01T00:00:00.000Z');
  return {
    id,
    version,
    apps: direct.map((a) => appView(context.scheduler, a, embed)),
    pods: [],
    groups: [...names].sort().map((name) => groupView(context, prefix + name, inside, embed)),
    dependencies: [],
    enforceRole: false,
  };
}
