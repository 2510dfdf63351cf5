/** What an action is done to, for people: `role`, `app path`, `service or route:<id>` … */
export interface ActionInfo {
  readonly name: string;
  readonly object: string;
  /** It is an HTTP call: rules may speak of its method and path. */
  readonly call?: true;
  /** Who asks it tells from which address: rules may speak of networks. */
  readonly address?: true;
}

/** The actions of Mesos's authorizer by the key that names their objects in an ACL file (mesos-api.md §6.2). */
const MESOS: Readonly<Record<string, string>> = {
  roles:
    'register_frameworks reserve_resources create_volumes resize_volumes get_quotas update_quotas view_roles update_weights create_block_disks destroy_block_disks create_mount_disks destroy_mount_disks destroy_raw_disks',
  users:
    'run_tasks view_frameworks view_tasks view_executors access_sandboxes view_containers launch_nested_containers_as_user launch_nested_containers_under_parent_with_user launch_nested_container_sessions_as_user launch_nested_container_sessions_under_parent_with_user kill_nested_containers wait_nested_containers remove_nested_containers attach_containers_input attach_containers_output launch_standalone_containers kill_standalone_containers wait_standalone_containers remove_standalone_containers view_standalone_containers',
  framework_principals: 'teardown_frameworks',
  reserver_principals: 'unreserve_resources',
  creator_principals: 'destroy_volumes',
  paths: 'get_endpoints',
  logs: 'access_mesos_logs',
  flags: 'view_flags',
  level: 'set_log_level',
  agents: 'register_agents mark_agents_gone drain_agents deactivate_agents reactivate_agents',
  machines:
    'update_maintenance_schedules get_maintenance_schedules start_maintenances stop_maintenances get_maintenance_statuses',
  images: 'prune_images',
  resource_providers: 'modify_resource_provider_configs mark_resource_providers_gone view_resource_providers',
};

/** For each action of Mesos the key that names its objects. */
export const MESOS_ACTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries(MESOS).flatMap(([key, names]) => names.split(' ').map((name) => [name, key] as const)),
);

const OWN: readonly ActionInfo[] = [
  { name: 'marathon:view', object: 'app path' },
  { name: 'marathon:create', object: 'app path' },
  { name: 'marathon:update', object: 'app path' },
  { name: 'marathon:delete', object: 'app path' },
  { name: 'call', object: 'service, or route:<id>', call: true },
  { name: 'dns:view', object: 'none' },
  { name: 'dns:update', object: 'none' },
  { name: 'dns:recursion', object: 'none', address: true },
  { name: 'dns:transfer', object: 'zone', address: true },
  { name: 'lb:view', object: 'none' },
  { name: 'lb:update', object: 'none' },
  { name: 'ca:view', object: 'none' },
  { name: 'ca:update', object: 'none' },
  { name: 'policy:view', object: 'none' },
  { name: 'policy:update', object: 'none' },
];

/** Every action that is asked for anywhere, by name. */
export const ACTIONS: ReadonlyMap<string, ActionInfo> = new Map(
  [...[...MESOS_ACTIONS].map(([name, key]): ActionInfo => ({ name, object: key })), ...OWN].map(
    (info) => [info.name, info] as const,
  ),
);
