import { MAY_ALL, mayOf } from '../../core/access.ts';
import type { Authorizer, May } from '../../core/access.ts';
import { subjectOf } from '../../core/http/guard.ts';
import type { ApiRequest } from '../../core/http/server.ts';
import type { CommandInfo, FrameworkInfo } from '../../mesos/index.ts';
import { chainOf } from '../containers/parents.ts';
import type { ExecutorView } from '../executors/executor.ts';
import type { TaskView } from '../tasks/task-view.ts';
import type { AgentView } from './view.ts';
import { attachedPaths } from './virtual-paths.ts';

/** What whoever sent a request may do on this agent. */
export type MayOf = (request: ApiRequest) => May;

export function askedOf(authorizer: Authorizer | undefined): MayOf {
  return (request) => mayOf(authorizer, subjectOf(request));
}

/** The user that a command runs as, which is what rules about tasks, executors and sandboxes name (mesos-api.md §6.2). */
const userOf = (command: CommandInfo | undefined, framework: FrameworkInfo): string =>
  command?.user ?? framework.user;

/** The agent without the tasks and executors that may not be viewed. */
export function seenBy(view: AgentView, may: May): AgentView {
  if (may === MAY_ALL) return view;
  const seesTask = ({ task, framework }: TaskView): boolean =>
    may('view_tasks', userOf(task.command ?? task.executor?.command, framework));
  const seen = (executor: ExecutorView): readonly ExecutorView[] => {
    const { info, framework, isOfCommand } = executor;
    const user = userOf(info.command, framework);
    const action = isOfCommand === true ? 'view_tasks' : 'view_executors';
    if (!may('view_frameworks', framework.user) || !may(action, user)) return [];
    if (isOfCommand === true) return [executor];
    const queued = executor.queued.filter((task) =>
      may('view_tasks', userOf(task.command ?? info.command, framework)),
    );
    const { place, sandbox, over, container, nested } = executor;
    const tasks = executor.tasks.filter(seesTask);
    const completed = executor.completed.filter(seesTask);
    return [{ place, framework, info, sandbox, tasks, queued, completed, over, container, nested }];
  };
  const live = view.live.flatMap(seen);
  const ofClients = view.ofClients?.filter(({ id, user = '' }) => {
    const top = chainOf(id)[0];
    if (!id.parent) return may('view_standalone_containers', user);
    return view.ofClients?.some((one) => one.id.value === top && !one.id.parent)
      ? may('view_standalone_containers', user)
      : live.some(({ place }) => place.containerId === top);
  });
  return { ...view, live, completed: view.completed.flatMap(seen), ...(ofClients ? { ofClients } : {}) };
}

/** Whether a virtual path lies in a sandbox that may not be read. */
export function isForbidden({ live, completed }: AgentView, may: May, path: string): boolean {
  if (may === MAY_ALL) return false;
  const forbidden = [...completed, ...live].filter(
    ({ info, framework }) => !may('access_sandboxes', userOf(info.command, framework)),
  );
  return [...attachedPaths(forbidden).keys()].some((root) => isBelow(path, root));
}

function isBelow(path: string, root: string): boolean {
  const clean = path.replace(/\/+$/, '');
  return clean === root || clean.startsWith(`${root}/`);
}
