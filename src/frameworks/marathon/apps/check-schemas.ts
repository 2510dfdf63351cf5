import { z } from 'zod';

/** Health checks, Mesos checks and readiness checks (marathon.md §3.4, §3.5). */

export const HEALTH_PROTOCOLS = [
  'HTTP',
  'HTTPS',
  'TCP',
  'COMMAND',
  'MESOS_HTTP',
  'MESOS_HTTPS',
  'MESOS_TCP',
] as const;

const port = z.int().min(1).max(65535);
const httpPath = z.string().startsWith('/', "must start with '/'");

export const healthCheckSchema = z.object({
  protocol: z
    .enum(HEALTH_PROTOCOLS, { error: `write one of ${HEALTH_PROTOCOLS.join(', ')}` })
    .default('HTTP'),
  path: httpPath.optional(),
  portIndex: z.int().min(0).optional(),
  port: port.optional(),
  command: z.object({ value: z.string().min(1, 'write a command') }).optional(),
  gracePeriodSeconds: z.int().min(0).default(300),
  intervalSeconds: z.int().min(0).default(60),
  timeoutSeconds: z.int().min(0).default(20),
  maxConsecutiveFailures: z.int().min(0).default(3),
  delaySeconds: z.int().min(0).default(15),
  ignoreHttp1xx: z.boolean().optional(),
  ipProtocol: z.enum(['IPv4', 'IPv6']).default('IPv4'),
});
export type HealthCheckDefinition = z.output<typeof healthCheckSchema>;

/** Checks that Marathon runs itself, over the network; the others are run beside the task by its executor. */
export function isMarathonRun(check: HealthCheckDefinition): boolean {
  return check.protocol === 'HTTP' || check.protocol === 'HTTPS' || check.protocol === 'TCP';
}

export const checkSchema = z
  .object({
    http: z
      .object({
        portIndex: z.int().min(0).optional(),
        port: port.optional(),
        path: httpPath.optional(),
        scheme: z.enum(['HTTP', 'HTTPS']).optional(),
      })
      .optional(),
    tcp: z.object({ portIndex: z.int().min(0).optional(), port: port.optional() }).optional(),
    exec: z
      .object({ command: z.object({ shell: z.string().optional(), argv: z.array(z.string()).optional() }) })
      .optional(),
    intervalSeconds: z.int().min(0).default(60),
    timeoutSeconds: z.int().min(0).default(20),
    delaySeconds: z.int().min(0).default(15),
  })
  .refine((c) => [c.http, c.tcp, c.exec].filter((x) => x !== undefined).length === 1, {
    error: 'write exactly one of http, tcp, exec',
  });

export const readinessCheckSchema = z
  .object({
    name: z.string().min(1).default('readinessCheck'),
    protocol: z.enum(['HTTP', 'HTTPS'], { error: "write 'HTTP' or 'HTTPS'" }).default('HTTP'),
    path: httpPath.default('/'),
    portName: z.string().min(1).default('http-api'),
    intervalSeconds: z.int().min(1).default(30),
    timeoutSeconds: z.int().min(1).default(10),
    httpStatusCodesForReady: z.array(z.int().min(100).max(999)).min(1).default([200]),
    preserveLastResponse: z.boolean().default(false),
  })
  .refine((c) => c.timeoutSeconds < c.intervalSeconds, {
    path: ['timeoutSeconds'],
    error: 'must be smaller than intervalSeconds',
  });
export type ReadinessCheckDefinition = z.output<typeof readinessCheckSchema>;
