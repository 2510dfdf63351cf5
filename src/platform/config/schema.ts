import { z } from 'zod';
import { agentConfigSchema } from '../../agent/index.ts';
import { clusterConfigSchema } from '../../cluster/index.ts';
import { dnsConfigSchema } from '../../dns/index.ts';
import { marathonConfigSchema } from '../../frameworks/index.ts';
import { lbConfigSchema } from '../../lb/index.ts';
import { masterConfigSchema } from '../../master/index.ts';
import { logConfigSchema } from '../logging.ts';

/** One configuration for every role: a role reads its sections and leaves the others alone. */
export const rimrockConfigSchema = z.strictObject({
  data: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder for everything that is kept: the store, and the work folder of the agent.'),
  log: logConfigSchema.prefault({}).describe('What is written about the work, and where.'),
  master: masterConfigSchema.prefault({}).describe('The Mesos-compatible master.'),
  agent: agentConfigSchema.prefault({}).describe('The agent, which runs tasks.'),
  marathon: marathonConfigSchema.prefault({}).describe('The Marathon-compatible scheduler.'),
  cluster: clusterConfigSchema.prefault({}).describe('Which masters the edge follows, and how.'),
  dns: dnsConfigSchema.prefault({}).describe('The DNS server and the Mesos-DNS HTTP API.'),
  lb: lbConfigSchema.prefault({}).describe('The load balancer and its admin API.'),
});

export type RimrockConfig = z.output<typeof rimrockConfigSchema>;
export type Section = keyof RimrockConfig;
