import type { ContainerId } from '../../mesos/index.ts';
import type { ContainerView, ExecutorView } from '../executors/executor.ts';
import { diskLimit } from '../disk/disk-watch.ts';
import type { Quantities } from '../launcher/launcher.ts';
import { quantitiesOf } from '../tasks/launch-spec.ts';
import type { AgentView } from './view.ts';

/** What a container may use, and what it uses now (mesos-api.md §3.6). */
async function statisticsOf(view: AgentView, container: ContainerView): Promise<Record<string, number>> {
  const disk = {
    disk_limit_bytes: diskLimit(container.resources),
    disk_used_bytes: view.diskUsed?.(container.containerId),
  };
  const quantities: Partial<Quantities> = quantitiesOf(container.resources, container.limits) ?? {};
  const { cpus = 0, memBytes = 0, ...limits } = quantities;
  const asked = {
    cpus_limit: limits.cpuLimit ?? cpus,
    cpus_soft_limit: cpus,
    mem_limit_bytes: limits.memLimitBytes ?? memBytes,
    mem_soft_limit_bytes: memBytes,
    ...disk,
  };
  const finite = Object.entries(asked).filter(([, value]) => Number.isFinite(value));
  // what the container is held to says more than what was asked for
  return { timestamp: view.now() / 1000, ...Object.fromEntries(finite), ...(await container.usage()) };
}

interface ContainerFacts {
  /** Undefined for a container inside of an executor's. */
  readonly executor: ExecutorView | undefined;
  readonly id: string;
  readonly status: { readonly container_id: ContainerId; readonly executor_pid?: number };
  readonly statistics: Record<string, number>;
}

/** The containers that run, with or without those inside of others. */
export async function containersOf(
  view: AgentView,
  nested: boolean,
  standalone = false,
): Promise<ContainerFacts[]> {
  const facts = async (
    container: ContainerView,
    executor: ExecutorView | undefined,
    parent?: ContainerId,
  ): Promise<ContainerFacts> => ({
    executor,
    id: container.containerId,
    status: {
      container_id: { value: container.containerId, ...(parent ? { parent } : {}) },
      ...(container.pid === undefined ? {} : { executor_pid: container.pid }),
    },
    statistics: await statisticsOf(view, container),
  });
  const ofClients = (view.ofClients ?? []).filter(
    (one) => !one.exit && (one.id.parent ? nested : standalone),
  );
  return Promise.all([
    ...view.live.flatMap((executor) => {
      const { container, place } = executor;
      if (!container) return [];
      const parent = { value: place.containerId };
      const inside = nested ? executor.nested.map((one) => facts(one, undefined, parent)) : [];
      return [facts(container, executor), ...inside];
    }),
    ...ofClients.map(({ shown, id }) => facts(shown, undefined, id.parent)),
  ]);
}

interface ExecutorNames {
  readonly executor_id: string;
  readonly executor_name: string;
  readonly framework_id: string;
  readonly source: string;
}

function namesOf({ place, info }: ExecutorView): ExecutorNames {
  return {
    executor_id: place.executorId,
    executor_name: info.name ?? '',
    framework_id: place.frameworkId,
    source: info.source ?? '',
  };
}

/** `/monitor/statistics`. */
export async function monitorDocument(view: AgentView): Promise<unknown[]> {
  return (await containersOf(view, false)).map(({ executor, statistics }) => ({
    ...(executor ? namesOf(executor) : {}),
    statistics,
  }));
}

/** `/containers`. */
export async function containersDocument(view: AgentView): Promise<unknown[]> {
  return (await containersOf(view, false)).map(({ executor, id, status, statistics }) => ({
    container_id: id,
    ...(executor ? namesOf(executor) : {}),
    statistics,
    status,
  }));
}
