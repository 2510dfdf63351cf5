import type { Section } from './config/schema.ts';

/** What one process can be. */
export interface Role {
  readonly name: RoleName;
  readonly summary: string;
  /** The sections of the configuration that it reads. */
  readonly sections: readonly Section[];
}

export type RoleName = 'up' | 'edge' | 'master' | 'agent' | 'marathon';

export const roles: readonly Role[] = [
  {
    name: 'up',
    summary: 'a whole platform in one process: master, agent, Marathon, DNS and load balancer',
    sections: ['data', 'log', 'master', 'agent', 'marathon', 'cluster', 'dns', 'lb'],
  },
  {
    name: 'edge',
    summary: 'only DNS and load balancer, in front of a Mesos cluster that exists',
    sections: ['log', 'cluster', 'dns', 'lb'],
  },
  { name: 'master', summary: 'only a Mesos-compatible master', sections: ['data', 'log', 'master'] },
  {
    name: 'agent',
    summary: 'only an agent, which runs tasks for a master',
    sections: ['data', 'log', 'agent'],
  },
  {
    name: 'marathon',
    summary: 'only the Marathon-compatible scheduler',
    sections: ['data', 'log', 'marathon'],
  },
];
