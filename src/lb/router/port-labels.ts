import type { Service } from '../../cluster/index.ts';
import { appLabelProblem, portLabelProblem } from './known-labels.ts';
import type { Complain } from './label-values.ts';

const PORT_LABEL = /^HAPROXY_(\d+)_([A-Z0-9_]+)$/;
export const MAX_PORT_INDEX = 1000;

/** The labels of one port by suffix, and how to complain about one of them. */
export interface PortLabels {
  readonly index: number;
  get(suffix: string): string | undefined;
  at(suffix: string): Complain;
  /** Names of those that are there, in alphabetical order. */
  readonly names: readonly string[];
}

/** The labels of each port; ports in order of their index. */
export function portLabels(service: Service, complain: (label: string) => Complain): readonly PortLabels[] {
  const ports = new Map<number, Map<string, string>>();
  for (const [label, value] of service.labels) {
    if (!label.startsWith('HAPROXY_')) continue;
    const match = PORT_LABEL.exec(label);
    if (match === null) {
      const problem = appLabelProblem(label);
      if (problem !== undefined) complain(label)(problem);
      continue;
    }
    const digits = match[1] ?? '';
    const index = Number(digits);
    if (String(index) !== digits || index > MAX_PORT_INDEX) {
      complain(label)(`'${digits}' is not a port index: write HAPROXY_0_${match[2]} for the first port`);
      continue;
    }
    const problem = portLabelProblem(match[2] ?? '', label);
    if (problem !== undefined) complain(label)(problem);
    const labels = ports.get(index) ?? new Map<string, string>();
    labels.set(match[2] ?? '', value);
    ports.set(index, labels);
  }
  // Grouped apps of Marathon want their service ports opened, without saying so for each.
  if (service.labels.has('HAPROXY_GROUP'))
    for (const [index, { servicePort }] of service.ports.entries())
      if (servicePort !== undefined && !ports.has(index)) ports.set(index, new Map());
  return [...ports]
    .sort(([a], [b]) => a - b)
    .map(([index, labels]) => ({
      index,
      get: (suffix) => labels.get(suffix),
      at: (suffix) => complain(`HAPROXY_${index}_${suffix}`),
      names: [...labels.keys()].sort().map((suffix) => `HAPROXY_${index}_${suffix}`),
    }));
}
