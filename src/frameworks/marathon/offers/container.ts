import type { ContainerInfo, TaskInfo, Volume } from '../../../mesos/index.ts';
import type { App } from '../apps/app.ts';
import type { AssignedPort } from '../apps/ports.ts';
import { secretOf } from './environment.ts';
import { networkMode } from '../apps/ports.ts';

const NETWORKS = { host: 'HOST', 'container/bridge': 'BRIDGE', container: 'USER' } as const;

/** The container of an instance (mesos-api.md §2.8, marathon.md §3.2, §4); none where the app names no image. */
export function containerOf(
  app: App,
  taskId: string,
  ports: readonly AssignedPort[],
): Pick<TaskInfo, 'container'> {
  const { container } = app;
  if (container?.type === 'MESOS' && container.volumes.length > 0)
    return { container: { type: 'MESOS', volumes: container.volumes.map((one) => volume(app, one)) } };
  if (container?.type !== 'DOCKER' || container.docker === undefined) return {};
  const { image, privileged, forcePullImage, parameters = [] } = container.docker;
  const port_mappings = ports.flatMap(({ protocol, outside, inside, containerPort }) =>
    outside === undefined || containerPort === undefined
      ? []
      : protocol.split(',').map((one) => ({ host_port: outside, container_port: inside, protocol: one })),
  );
  const info: ContainerInfo = {
    type: 'DOCKER',
    docker: {
      image,
      network: NETWORKS[networkMode(app)],
      privileged,
      force_pull_image: forcePullImage,
      ...(port_mappings.length === 0 ? {} : { port_mappings }),
      parameters: [...parameters, { key: 'label', value: `MESOS_TASK_ID=${taskId}` }],
    },
    ...(container.volumes.length === 0 ? {} : { volumes: container.volumes.map((one) => volume(app, one)) }),
    ...networkInfos(app),
  };
  return { container: info };
}

function volume(app: App, { containerPath, hostPath = '', mode = 'RW', secret }: AppVolume): Volume {
  if (secret !== undefined)
    return {
      container_path: containerPath,
      mode: 'RO',
      source: { type: 'SECRET', secret: secretOf(app, secret) },
    };
  return { container_path: containerPath, host_path: hostPath, mode };
}
type AppVolume = NonNullable<App['container']>['volumes'][number];

function networkInfos(app: App): Pick<ContainerInfo, 'network_infos'> {
  const named = app.networks.filter((n) => n.mode === 'container');
  if (named.length === 0) return {};
  return {
    network_infos: named.map(({ name = '', labels = {} }) => ({
      name,
      labels: { labels: Object.entries(labels).map(([key, value]) => ({ key, value })) },
    })),
  };
}
