import { MAY_ALL } from '../../../core/access.ts';
import type { May } from '../../../core/access.ts';
import type { App } from '../apps/app.ts';
import { isObject } from '../apps/json.ts';
import type { ChangeOutcome, Changes, Edit, Refusal } from '../deployments/changes.ts';
import type { MarathonEvent } from '../events/bus.ts';
import type { ApiContext } from './context.ts';
import type { Answer } from './replies.ts';
import { failure } from './replies.ts';

/** The words of Marathon (marathon.md §1). */
const MESSAGE = 'Not Authorized to perform this action!';

export const FORBIDDEN: Answer = failure(403, MESSAGE);

export function mayView({ may }: Pick<ApiContext, 'may'>, appId: string): boolean {
  return may('marathon:view', appId);
}

export function mayUpdate({ may }: Pick<ApiContext, 'may'>, appId: string): boolean {
  return may('marathon:update', appId);
}

/** The apps that whoever asks may see. */
export function visibleApps(context: Pick<ApiContext, 'may' | 'scheduler'>): readonly App[] {
  const all = context.scheduler.registry.all();
  return context.may === MAY_ALL ? all : all.filter(({ id }) => mayView(context, id));
}

/** As `Changes.change`, refused as a whole when one of the changes in it is not allowed. */
export function change(
  { scheduler, may }: Pick<ApiContext, 'may' | 'scheduler'>,
  edit: (version: string) => Edit | Refusal,
  options: Parameters<Changes['change']>[1],
): Promise<ChangeOutcome> {
  return scheduler.changes.change((version) => {
    const wanted = edit(version);
    if ('kind' in wanted) return wanted;
    for (const [id, app] of wanted) {
      const verb = app === null ? 'delete' : scheduler.registry.get(id) === undefined ? 'create' : 'update';
      if (!may(`marathon:${verb}`, id)) return { kind: 'refused', status: 403, message: MESSAGE };
    }
    return wanted;
  }, options);
}

/** Whether whoever listens may hear of it: all apps that an event tells of must be visible. */
export function hears(may: May, event: MarathonEvent): boolean {
  return may === MAY_ALL || appsIn(event).every((id) => may('marathon:view', id));
}

function appsIn(event: MarathonEvent): string[] {
  const { appId, runSpecId, groupId, appDefinition, plan } = event;
  const named = [appId, runSpecId, groupId, isObject(appDefinition) ? appDefinition['id'] : undefined];
  const steps = isObject(plan) && Array.isArray(plan['steps']) ? (plan['steps'] as unknown[]) : [];
  const acting = steps.flatMap((step) => (isObject(step) ? step['actions'] : []));
  const apps = acting.map((action) => (isObject(action) ? action['app'] : undefined));
  return [...named, ...apps].filter((id) => typeof id === 'string');
}
