import type { AppDefinition } from './schema.ts';

/** A port of an app, however its network has it written (marathon.md §3.1). */
export interface AppPort {
  readonly name?: string | undefined;
  /** `tcp`, `udp` or both with a comma. */
  readonly protocol: string;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Its number in the whole cluster; 0: none. */
  readonly servicePort: number;
  /** Port of the agent: 0 is any that is offered; undefined: it has none. */
  readonly hostPort?: number | undefined;
  /** Port in its container: 0 is the same as that of the agent; undefined: the app uses the network of the agent. */
  readonly containerPort?: number | undefined;
}

/** A port of one instance, which knows its numbers. */
export interface AssignedPort extends AppPort {
  /** On the agent. */
  readonly outside?: number | undefined;
  /** Where the task listens: in its container, or on the agent. */
  readonly inside: number;
}

type PortsOf = Pick<AppDefinition, 'networks' | 'portDefinitions' | 'requirePorts' | 'container'>;
type NetworkMode = AppDefinition['networks'][number]['mode'];

export function networkMode(app: Pick<AppDefinition, 'networks'>): NetworkMode {
  return app.networks[0]?.mode ?? 'host';
}

/** The ports of an app, in the order of its definition. */
export function appPorts(app: PortsOf): readonly AppPort[] {
  const mode = networkMode(app);
  if (mode === 'host')
    return (app.portDefinitions ?? []).map(({ name, protocol, labels, port }) => ({
      name,
      protocol,
      labels,
      servicePort: port,
      hostPort: app.requirePorts ? port : 0,
    }));
  return (app.container?.portMappings ?? []).map(
    ({ name, protocol, labels, servicePort, hostPort, containerPort }) => ({
      name,
      protocol,
      labels,
      servicePort,
      hostPort: hostPort ?? (mode === 'container/bridge' ? 0 : undefined),
      containerPort,
    }),
  );
}

/** The ports of an instance that got `ports` of its agent: those have an agent's port that ask for one, in order. */
export function assignedPorts(app: PortsOf, ports: readonly number[]): readonly AssignedPort[] {
  let next = 0;
  return appPorts(app).map((port) => {
    const outside = port.hostPort === undefined ? undefined : ports[next++];
    return { ...port, outside, inside: port.containerPort || (outside ?? 0) };
  });
}
