import { z } from 'zod';
import { labelsSchema, text } from './scalars.ts';

/** `container` (marathon.md §3.2), after the old docker.network and docker.portMappings were converted. */

const portNumber = z.int().min(0).max(65535);

const portMappingSchema = z.object({
  containerPort: portNumber.default(0),
  hostPort: portNumber.optional(),
  servicePort: portNumber.default(0),
  protocol: z
    .enum(['tcp', 'udp', 'udp,tcp', 'tcp,udp'], { error: "write 'tcp', 'udp' or 'udp,tcp'" })
    .default('tcp'),
  name: text.optional(),
  labels: labelsSchema.optional(),
  networkNames: z.array(z.string()).optional(),
});

const dockerSchema = z.object({
  image: z.string().min(1, 'write the name of an image'),
  forcePullImage: z.boolean().default(false),
  privileged: z.boolean().default(false),
  parameters: z.array(z.object({ key: text, value: z.string() })).optional(),
  pullConfig: z.object({ secret: text }).optional(),
  credential: z.object({ principal: text, secret: z.string().optional() }).optional(),
});

const persistentSchema = z.object({
  size: z.int().min(1),
  type: z.enum(['root', 'path', 'mount']).default('root'),
  maxSize: z.int().min(0).optional(),
  profileName: text.optional(),
  constraints: z.array(z.array(z.string())).optional(),
});

const volumeSchema = z
  .object({
    containerPath: z.string().min(1, 'write a path'),
    hostPath: text.optional(),
    mode: z.enum(['RO', 'RW'], { error: "write 'RO' or 'RW'" }).optional(),
    persistent: persistentSchema.optional(),
    external: z
      .object({
        name: text.optional(),
        provider: z.enum(['dvdi', 'csi']),
        options: z.record(z.string(), z.unknown()).optional(),
        size: z.int().min(1).optional(),
        shared: z.boolean().optional(),
      })
      .optional(),
    secret: text.optional(),
  })
  .refine(
    (v) => [v.hostPath, v.persistent, v.external, v.secret].filter((x) => x !== undefined).length === 1,
    { error: 'write exactly one of hostPath, persistent, external, secret' },
  );

export const containerSchema = z.object({
  type: z.enum(['DOCKER', 'MESOS'], { error: "write 'DOCKER' or 'MESOS'" }).default('DOCKER'),
  docker: dockerSchema.optional(),
  portMappings: z.array(portMappingSchema).optional(),
  volumes: z.array(volumeSchema).default([]),
  linuxInfo: z
    .object({
      seccomp: z.object({ profileName: text.optional(), unconfined: z.boolean().optional() }).optional(),
      ipcInfo: z
        .object({ mode: z.enum(['PRIVATE', 'SHARE_PARENT']), shmSize: z.int().min(0).optional() })
        .optional(),
    })
    .optional(),
});
