import { task } from '../../src/master/testing/peers.ts';

type Json = Readonly<Record<string, unknown>>;

const size = [
  { name: 'cpus', type: 'SCALAR', scalar: { value: 0.1 } },
  { name: 'mem', type: 'SCALAR', scalar: { value: 32 } },
];
const CUSTOM = {
  type: 'CUSTOM',
  executor_id: { value: 'pyexec-1' },
  name: 'py executor',
  source: 'golden',
  command: { value: './executor', environment: { variables: [{ name: 'EXTRA', value: 'yes' }] } },
  resources: size,
  data: 'ZXhlYyBkYXRh',
  labels: { labels: [{ key: 'ek', value: 'ev' }] },
  shutdown_grace_period: { nanoseconds: 4_000_000_000 },
  discovery: {
    visibility: 'CLUSTER',
    name: 'pyx',
    ports: { ports: [{ number: 1, name: 'a', protocol: 'tcp' }] },
  },
};

/** Operations like those that were recorded: tasks of a custom executor, and a group with the default one. */
export function withExecutors(on: string, framework: string): Json[] {
  const framework_id = { value: framework };
  const own = { command: undefined, executor: { ...CUSTOM, framework_id } };
  const disk = { name: 'disk', type: 'SCALAR', scalar: { value: 10 } };
  const executor = {
    type: 'DEFAULT',
    executor_id: { value: 'de-1' },
    framework_id,
    resources: [...size, disk],
  };
  const tasks = [task('pod.a', on), task('pod.b', on)];
  return [
    { type: 'LAUNCH', launch: { task_infos: [task('px.1', on, own), task('px.once', on, own)] } },
    { type: 'LAUNCH_GROUP', launch_group: { executor, task_group: { tasks } } },
  ];
}
