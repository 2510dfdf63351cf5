import { z } from 'zod';

const absolutePath = z.string().regex(/^\//, { message: 'write an absolute path' });

/** How the agent runs tasks with Docker images (docs/decisions/0028-docker.md). */
export const dockerConfigSchema = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe('Run tasks with Docker images where an engine answers on the socket; false refuses them all.'),
  socket: absolutePath
    .default('/var/run/docker.sock')
    .describe('Socket of the Docker engine (or of `podman system service`).'),
  allowPrivileged: z
    .boolean()
    .default(false)
    .describe(
      'Whether tasks may ask for what opens the machine to them: privileged containers, capabilities, devices, security options and namespaces of the host.',
    ),
  hostPaths: z
    .array(absolutePath)
    .default(['/'])
    .describe(
      'Folders of the machine of which tasks may mount something; [] allows none. The default allows all, as Mesos does.',
    ),
  credentials: absolutePath
    .optional()
    .describe(
      'A config.json of Docker with the logins of registries; one that a task brings in its sandbox comes first.',
    ),
  removeDelaySeconds: z
    .number()
    .min(0)
    .default(21_600)
    .describe('How long the container of an ended task is kept for people to look at.'),
});

export type DockerConfig = z.output<typeof dockerConfigSchema>;
