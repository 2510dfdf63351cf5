import { z } from 'zod';
import { checkSchema, healthCheckSchema, readinessCheckSchema } from './check-schemas.ts';
import { constraintSchema } from './constraint-schema.ts';
import { containerSchema } from './container-schema.ts';
import { amount, labelsSchema, text } from './scalars.ts';

/** The app definition (marathon.md §3), after the old spellings were converted (convert.ts). */

const limit = z.union([amount('cpus or MB'), z.literal('unlimited')], {
  error: 'write a number or "unlimited"',
});

const networkSchema = z.object({
  name: text.optional(),
  mode: z.enum(['host', 'container', 'container/bridge'], {
    error: "write one of 'host', 'container', 'container/bridge'",
  }),
  labels: labelsSchema.optional(),
});

const portDefinitionSchema = z.object({
  port: z.int().min(0).max(65535).default(0),
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/i, 'write letters, digits and dashes')
    .optional(),
  protocol: z
    .enum(['tcp', 'udp', 'udp,tcp', 'tcp,udp'], { error: "write 'tcp', 'udp' or 'udp,tcp'" })
    .default('tcp'),
  labels: labelsSchema.optional(),
});

const fetchSchema = z.object({
  uri: z.string().min(1, 'write the URI to fetch'),
  extract: z.boolean().default(true),
  executable: z.boolean().default(false),
  cache: z.boolean().default(false),
  destPath: text.optional(),
});

const upgradeStrategySchema = z.object({
  minimumHealthCapacity: z.number().min(0).max(1).default(1),
  maximumOverCapacity: z.number().min(0).max(1).default(1),
});

const unreachableStrategySchema = z.union(
  [
    z.literal('disabled'),
    z.object({
      inactiveAfterSeconds: z.int().min(0).default(0),
      expungeAfterSeconds: z.int().min(0).default(0),
    }),
  ],
  {
    error:
      'write "disabled" or {"inactiveAfterSeconds": …, "expungeAfterSeconds": …} with whole numbers from 0',
  },
);

const envSchema = z.record(
  z.string().min(1),
  z.union([z.string(), z.object({ secret: z.string() })], {
    error: 'write a string or {"secret": name}',
  }),
);

export const appSchema = z.object({
  id: z.string(),
  cmd: z.string().min(1, 'must not be empty').optional(),
  args: z.array(z.string()).optional(),
  user: text.optional(),
  env: envSchema.default({}),
  secrets: z.record(z.string(), z.object({ source: z.string() })).optional(),
  instances: z.int().min(0).default(1),
  cpus: amount('cpus').default(1),
  mem: amount('MB').default(128),
  disk: amount('MB').default(0),
  gpus: z.int().min(0).default(0),
  resourceLimits: z.object({ cpus: limit.optional(), mem: limit.optional() }).optional(),
  executor: z
    .string()
    .regex(/^(|\/\/cmd|\/?[^/]+(\/[^/]+)*)$/, 'write "", "//cmd" or the path of an executor')
    .default(''),
  executorResources: z
    .object({
      cpus: amount('cpus').default(0.1),
      mem: amount('MB').default(32),
      disk: amount('MB').default(10),
    })
    .optional(),
  constraints: z.array(constraintSchema).default([]),
  fetch: z.array(fetchSchema).default([]),
  container: containerSchema.optional(),
  networks: z
    .array(networkSchema)
    .min(1, 'write at least one network')
    .default([{ mode: 'host' }]),
  portDefinitions: z.array(portDefinitionSchema).optional(),
  requirePorts: z.boolean().default(false),
  healthChecks: z.array(healthCheckSchema).default([]),
  check: checkSchema.optional(),
  readinessChecks: z.array(readinessCheckSchema).max(1, 'at most one readiness check').default([]),
  backoffSeconds: z.number().min(0).default(1),
  backoffFactor: z.number().min(1).default(1.15),
  maxLaunchDelaySeconds: z.number().min(0).default(300),
  upgradeStrategy: upgradeStrategySchema.prefault({}),
  dependencies: z.array(z.string().min(1)).default([]),
  labels: labelsSchema.default({}),
  acceptedResourceRoles: z.array(z.string().min(1)).min(1, 'write at least one role').optional(),
  residency: z
    .object({
      relaunchEscalationTimeoutSeconds: z.int().min(0).default(3600),
      taskLostBehavior: z.enum(['WAIT_FOREVER', 'RELAUNCH_AFTER_TIMEOUT']).default('WAIT_FOREVER'),
    })
    .optional(),
  taskKillGracePeriodSeconds: z.number().min(0).optional(),
  unreachableStrategy: unreachableStrategySchema.default({ inactiveAfterSeconds: 0, expungeAfterSeconds: 0 }),
  killSelection: z
    .enum(['YOUNGEST_FIRST', 'OLDEST_FIRST'], { error: "write 'YOUNGEST_FIRST' or 'OLDEST_FIRST'" })
    .default('YOUNGEST_FIRST'),
  tty: z.boolean().optional(),
  role: text.optional(),
});

export type AppDefinition = z.output<typeof appSchema>;
export type PortDefinition = z.output<typeof portDefinitionSchema>;
