import { z } from 'zod';
import { agentConfigSchema } from '../../agent/config.ts';
import { authConfigSchema } from '../../auth/config.ts';
import { clusterConfigSchema } from '../../cluster/config.ts';
import { dnsConfigSchema } from '../../dns/config.ts';
import { marathonConfigSchema } from '../../frameworks/marathon/config.ts';
import { lbConfigSchema } from '../../lb/config.ts';
import { masterConfigSchema } from '../../master/config.ts';
import { meshConfigSchema } from '../../mesh/config.ts';
import { storeConfigSchema } from '../../store/config.ts';
import { logConfigSchema } from '../logging.ts';
import { upgradeConfigSchema } from '../run/upgrade/config.ts';

/** One configuration for every role: a role reads its sections and leaves the others alone. */
export const rimrockConfigSchema = z.strictObject({
  data: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder for everything that is kept: the store, keys, and the work folder of the agent.'),
  store: storeConfigSchema
    .prefault({})
    .describe(
      'Where master and Marathon keep what must survive them; what several of them share, and how that is spoken to.',
    ),
  log: logConfigSchema.prefault({}).describe('What is written about the work, and where.'),
  master: masterConfigSchema.prefault({}).describe('The Mesos-compatible master.'),
  agent: agentConfigSchema.prefault({}).describe('The agent, which runs tasks.'),
  mesh: meshConfigSchema.prefault({}).describe('Mutual TLS on behalf of tasks of the agent.'),
  marathon: marathonConfigSchema.prefault({}).describe('The Marathon-compatible scheduler.'),
  cluster: clusterConfigSchema
    .prefault({})
    .describe(
      'Which masters the edge follows, and how; an agent, for tasks that call services by mutual TLS (its own masters, unless said).',
    ),
  dns: dnsConfigSchema.prefault({}).describe('The DNS server and the Mesos-DNS HTTP API.'),
  lb: lbConfigSchema.prefault({}).describe('The load balancer and its admin API.'),
  upgrade: upgradeConfigSchema
    .prefault({})
    .describe('How a new process of the edge takes over from the one that runs.'),
  auth: authConfigSchema.prefault({}).describe('Who is who, and who may do what.'),
});

export type RimrockConfig = z.output<typeof rimrockConfigSchema>;
export type Section = keyof RimrockConfig;
