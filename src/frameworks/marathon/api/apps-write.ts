import type { App } from '../apps/app.ts';
import { restarted } from '../apps/build.ts';
import { isObject } from '../apps/json.ts';
import { absolutePath } from '../apps/paths.ts';
import { appJson } from '../apps/present.ts';
import type { Edit, Refusal } from '../deployments/changes.ts';
import type { ApiContext } from './context.ts';
import { change } from './permissions.ts';
import type { Answer } from './replies.ts';
import { deploymentHeaders, deploymentResult, failure, invalid, noSuchApp, refusal } from './replies.ts';
import type { Query } from './request.ts';
import { appView } from './views.ts';
import { appPorts } from '../apps/ports.ts';

/** Who asked, for events. */
export interface Caller {
  readonly clientIp: string;
  readonly uri: string;
}

const NOTHING = { tasks: true, lastTaskFailure: false, readiness: false, taskStats: false };

/** POST /v2/apps */
export async function createApp(
  context: ApiContext,
  body: unknown,
  query: Query,
  caller: Caller,
): Promise<Answer> {
  const { scheduler } = context;
  const id = isObject(body) && typeof body['id'] === 'string' ? absolutePath(body['id']) : undefined;
  const outcome = await change(
    context,
    (version): Edit | Refusal => {
      if (id !== undefined && scheduler.registry.get(id))
        return { kind: 'refused', status: 409, message: `An app with id [${id}] already exists.` };
      const edited = context.editor.edit(id, body, { version, partial: false });
      return edited.kind === 'app' ? new Map([[edited.app.id, edited.app]]) : edited;
    },
    { force: query.flag('force'), accepted: (edit) => announce(context, edit, caller) },
  );
  if (outcome.kind !== 'deployed') return refusal(outcome);
  const app = [...outcome.edit.values()].find((a) => a !== null);
  if (!app) return failure(500, 'the app was not kept');
  return {
    status: 201,
    body: { ...appView(scheduler, app, NOTHING), deployments: [{ id: outcome.deployment.id }] },
    headers: { ...deploymentHeaders(outcome.deployment), location: `/v2/apps${app.id}` },
  };
}

/** PUT and PATCH /v2/apps/{id} */
export async function updateApp(
  context: ApiContext,
  id: string,
  body: unknown,
  query: Query,
  caller: Caller & { readonly create: boolean },
): Promise<Answer> {
  const { scheduler } = context;
  let created = false;
  const outcome = await change(
    context,
    (version): Edit | Refusal => {
      created = scheduler.registry.get(id) === undefined;
      if (created && !caller.create) return missing(id);
      const edited = context.editor.edit(id, body, { version, partial: query.flag('partialUpdate', true) });
      return edited.kind === 'app' ? new Map([[id, edited.app]]) : edited;
    },
    { force: query.flag('force'), accepted: (edit) => announce(context, edit, caller) },
  );
  const answer = deploymentResult(outcome);
  if (outcome.kind !== 'deployed' || !created) return answer;
  return { ...answer, status: 201, headers: { ...answer.headers, location: `/v2/apps${id}` } };
}

/** PUT and PATCH /v2/apps: several at once */
export async function updateApps(
  context: ApiContext,
  body: unknown,
  query: Query,
  caller: Caller & { readonly create: boolean },
): Promise<Answer> {
  if (!Array.isArray(body)) return invalid([{ path: '/', error: 'write a list of apps', type: true }]);
  const partial = query.flag('partialUpdate', true);
  const outcome = await change(
    context,
    (version) => editMany(context, body, { version, partial, create: caller.create }),
    { force: query.flag('force'), accepted: (edit) => announce(context, edit, caller) },
  );
  return deploymentResult(outcome);
}

function editMany(
  context: ApiContext,
  bodies: readonly unknown[],
  options: { readonly version: string; readonly partial: boolean; readonly create: boolean },
): Edit | Refusal {
  const edit = new Map<string, App>();
  const alsoUsed = new Set<number>();
  const problems: { path: string; error: string; type?: boolean }[] = [];
  for (const [i, body] of bodies.entries()) {
    if (!isObject(body) || typeof body['id'] !== 'string') {
      problems.push({ path: `(${i})/id`, error: 'is required' });
      continue;
    }
    const id = absolutePath(body['id']);
    if (!options.create && !context.scheduler.registry.get(id)) return missing(id);
    if (edit.has(id)) problems.push({ path: `(${i})/id`, error: `${id} is in the list twice` });
    const edited = context.editor.edit(id, body, { ...options, alsoUsed });
    if (edited.kind === 'invalid')
      problems.push(...edited.problems.map((p) => ({ ...p, path: `(${i})${p.path}` })));
    else if (edited.kind === 'app') {
      edit.set(id, edited.app);
      for (const { servicePort } of appPorts(edited.app)) alsoUsed.add(servicePort);
    } else return edited;
  }
  return problems.length > 0 ? { kind: 'invalid', problems } : edit;
}

/** DELETE /v2/apps/{id}; here `force` is the default */
export async function deleteApp(context: ApiContext, id: string, query: Query): Promise<Answer> {
  const { scheduler } = context;
  const outcome = await change(
    context,
    () => (scheduler.registry.get(id) ? new Map([[id, null]]) : missing(id)),
    { force: query.flag('force', true) },
  );
  if (outcome.kind === 'deployed') scheduler.statuses.forgetApp(id);
  return deploymentResult(outcome);
}

/** POST /v2/apps/{id}/restart */
export async function restartApp(context: ApiContext, id: string, query: Query): Promise<Answer> {
  const { scheduler } = context;
  const outcome = await change(
    context,
    (version) => {
      const app = scheduler.registry.get(id);
      return app ? new Map([[id, restarted(app, version)]]) : missing(id);
    },
    { force: query.flag('force') },
  );
  return deploymentResult(outcome);
}

function missing(id: string): Refusal {
  return { kind: 'refused', status: 404, message: messageOf(noSuchApp(id)) };
}

function messageOf(answer: Answer): string {
  return isObject(answer.body) ? String(answer.body['message']) : '';
}

function announce({ scheduler }: ApiContext, edit: Edit, caller: Caller): void {
  for (const app of edit.values())
    if (app)
      scheduler.events.publish('api_post_event', {
        clientIp: caller.clientIp,
        uri: caller.uri,
        appDefinition: appJson(app),
      });
}
