import type { Section } from './config/schema.ts';

/** What one process can be. */
export interface Role {
  readonly name: RoleName;
  readonly summary: string;
  /** The sections of the configuration that it reads. */
  readonly sections: readonly Section[];
}

export type RoleName = 'up' | 'edge' | 'master' | 'agent' | 'marathon';

/** Whether a role has the part that a section is about: identity is beside the master, other roles only ask who somebody is. */
export function runs(role: Role, section: Section): boolean {
  return role.sections.includes(section) && (section !== 'auth' || role.sections.includes('master'));
}

export const roles: readonly Role[] = [
  {
    name: 'up',
    summary: 'a whole platform in one process: master, agent, Marathon, DNS, load balancer and identity',
    sections: ['data', 'store', 'log', 'master', 'agent', 'mesh', 'marathon', 'cluster', 'dns', 'lb', 'auth'],
  },
  {
    name: 'edge',
    summary: 'only DNS and load balancer, in front of a Mesos cluster that exists',
    sections: ['store', 'log', 'cluster', 'dns', 'lb', 'auth', 'upgrade'],
  },
  {
    name: 'master',
    summary: 'only a Mesos-compatible master, with the certificate authority',
    sections: ['data', 'store', 'log', 'master', 'auth'],
  },
  {
    name: 'agent',
    summary: 'only an agent, which runs tasks for a master',
    sections: ['data', 'store', 'log', 'agent', 'mesh', 'cluster', 'auth'],
  },
  {
    name: 'marathon',
    summary: 'only the Marathon-compatible scheduler',
    sections: ['data', 'store', 'log', 'marathon', 'auth'],
  },
];
